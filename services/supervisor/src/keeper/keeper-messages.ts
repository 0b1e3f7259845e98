/**
 * What the keeper and its child say to each other over Node's channel between them. Both ends check
 * what they hear: they may be of different versions while one is being replaced.
 */
import { parseEndpointId, parseWorkerId, validator } from '@switchyard/contracts';
import type { HostedProcess, ProcessExit, ProcessSpec } from '../processes/worker-host.ts';

/**
 * From the child. `took`: the socket is in its hands, and it has not read a byte of it yet.
 * `heard`: the exit of this worker need not be told again.
 */
export type Ask =
  | { readonly kind: 'hello' | 'ready' }
  | { readonly kind: 'took'; readonly n: number }
  | { readonly kind: 'start'; readonly spec: ProcessSpec }
  | { readonly kind: 'end'; readonly workerId: string; readonly graceMs: number }
  | { readonly kind: 'heard'; readonly workerId: string };

/** From the keeper. `socket` comes with a socket; `running` answers `hello`. */
export type Tell =
  | { readonly kind: 'socket'; readonly n: number }
  | {
      readonly kind: 'running';
      readonly port: number;
      readonly processes: readonly HostedProcess[];
      readonly leftovers: readonly HostedProcess[];
    }
  | { readonly kind: 'started'; readonly workerId: string; readonly pid: number }
  | { readonly kind: 'exited'; readonly exit: ProcessExit };

const text = { type: 'string' } as const;
const whole = { type: 'integer', minimum: 0 } as const;
const texts = { type: 'array', items: text } as const;
const worker = { workerId: text, endpointId: text, keyId: text } as const;
const WORKER = ['workerId', 'endpointId', 'keyId'] as const;
const kept = { ...worker, killAfterMs: whole, shape: text } as const;
const KEPT = [...WORKER, 'killAfterMs', 'shape'] as const;
const hosted = { type: 'object', required: KEPT, properties: { ...kept, pid: whole } } as const;
const env = { type: 'object', additionalProperties: text } as const;

const checkKind = validator({
  type: 'object',
  required: ['kind'],
  properties: { kind: text },
} as const);
const checkNumbered = validator({
  type: 'object',
  required: ['n'],
  properties: { n: whole },
} as const);
const checkHeard = validator({
  type: 'object',
  required: ['workerId'],
  properties: { workerId: text },
} as const);
const checkEnd = validator({
  type: 'object',
  required: ['workerId', 'graceMs'],
  properties: { workerId: text, graceMs: { type: 'number', minimum: 0 } },
} as const);
const checkStart = validator({
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: [...KEPT, 'command', 'cwd', 'env'],
      properties: { ...kept, command: texts, cwd: text, env },
    },
  },
} as const);
const checkRunning = validator({
  type: 'object',
  required: ['port', 'processes', 'leftovers'],
  properties: {
    port: whole,
    processes: { type: 'array', items: hosted },
    leftovers: { type: 'array', items: hosted },
  },
} as const);
const checkStarted = validator({
  type: 'object',
  required: ['workerId', 'pid'],
  properties: { workerId: text, pid: whole },
} as const);
const checkExited = validator({
  type: 'object',
  required: ['exit'],
  properties: {
    exit: {
      type: 'object',
      required: [...WORKER, 'code', 'signal', 'lastLines', 'asked', 'ranMs'],
      properties: {
        ...worker,
        code: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
        signal: { anyOf: [text, { type: 'null' }] },
        lastLines: texts,
        asked: { type: 'boolean' },
        ranMs: { type: 'number' },
      },
    },
  },
} as const);

/** The ask in `message`; undefined for what is none. */
export const readAsk = (message: unknown): Ask | undefined => {
  const kind = kindOf(message);
  switch (kind) {
    case 'hello':
    case 'ready':
      return { kind };
    case 'took': {
      const took = checkNumbered(message);
      return took.ok ? { kind, n: took.value.n } : undefined;
    }
    case 'end': {
      const end = checkEnd(message);
      return end.ok
        ? { kind, workerId: end.value.workerId, graceMs: end.value.graceMs }
        : undefined;
    }
    case 'heard': {
      const heard = checkHeard(message);
      return heard.ok ? { kind, workerId: heard.value.workerId } : undefined;
    }
    case 'start': {
      const start = checkStart(message);
      const spec = start.ok ? withIds(start.value.spec) : undefined;
      return spec && { kind, spec };
    }
    default:
      return undefined;
  }
};

/** What the keeper tells in `message`; undefined for what is nothing of it. */
export const readTell = (message: unknown): Tell | undefined => {
  const kind = kindOf(message);
  switch (kind) {
    case 'socket': {
      const socket = checkNumbered(message);
      return socket.ok ? { kind, n: socket.value.n } : undefined;
    }
    case 'running': {
      const running = checkRunning(message);
      if (!running.ok) return undefined;
      const [processes, leftovers] = [running.value.processes, running.value.leftovers].map((all) =>
        all.flatMap((one) => withIds({ ...one, pid: one.pid }) ?? []),
      );
      return {
        kind,
        port: running.value.port,
        processes: processes ?? [],
        leftovers: leftovers ?? [],
      };
    }
    case 'started': {
      const started = checkStarted(message);
      return started.ok
        ? { kind, workerId: started.value.workerId, pid: started.value.pid }
        : undefined;
    }
    case 'exited': {
      const exited = checkExited(message);
      const exit = exited.ok ? withIds(exited.value.exit) : undefined;
      return exit && { kind, exit };
    }
    default:
      return undefined;
  }
};

const kindOf = (message: unknown): string | undefined => {
  const checked = checkKind(message);
  return checked.ok ? checked.value.kind : undefined;
};

const withIds = <Part extends { readonly workerId: string; readonly endpointId: string }>(
  part: Part,
) => {
  const workerId = parseWorkerId(part.workerId);
  const endpointId = parseEndpointId(part.endpointId);
  if (workerId === undefined || endpointId === undefined) return undefined;
  return { ...part, workerId, endpointId };
};
