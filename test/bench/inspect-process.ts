import { readFile } from 'node:fs/promises';
import type { ServiceProcess, Switchyard } from '../support/start-switchyard.ts';

/** What has Node open its inspector on a free port of loopback. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

/** The inspector of a running process. */
export type Inspector = Disposable & {
  readonly name: string;
  readonly pid: number;
  /** Calls a method of the Chrome DevTools protocol. @throws Error when it is refused. */
  readonly call: (method: string, params?: object) => Promise<Readonly<Record<string, unknown>>>;
};

type Reply = {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
};

const LISTENING = /Debugger listening on (ws:\/\/\S+)/g;

/** Connects to the inspector at `url`. */
export const openInspector = async (name: string, url: string): Promise<Inspector> => {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error(`${name}: no inspector at ${url}`)));
  });
  socket.addEventListener('message', ({ data }) => {
    const reply: Reply = JSON.parse(String(data));
    const asked = waiting.get(reply.id ?? 0);
    waiting.delete(reply.id ?? 0);
    if (reply.error === undefined) asked?.resolve(reply.result ?? {});
    else asked?.reject(new Error(reply.error.message));
  });
  socket.addEventListener('close', () => {
    for (const asked of waiting.values()) asked.reject(new Error(`${name} is gone`));
  });
  let last = 0;
  const call: Inspector['call'] = (method, params = {}) => {
    last += 1;
    const asked = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    waiting.set(last, asked);
    socket.send(JSON.stringify({ id: last, method, params }));
    return asked.promise;
  };
  const { result } = await call('Runtime.evaluate', { expression: 'process.pid' });
  const pid =
    typeof result === 'object' && result !== null && 'value' in result ? Number(result.value) : 0;
  return { name, pid, call, [Symbol.dispose]: () => socket.close() };
};

const inspectorsOfService = async (service: ServiceProcess): Promise<Inspector[]> => {
  const log = await readFile(service.logPath, 'utf8');
  const urls = [...log.matchAll(LISTENING)].map(([, url]) => url ?? '');
  // A supervisor is a keeper and, below it, the part that speaks HTTP.
  const name = (at: number): string => (at === 0 ? service.name : `${service.name} HTTP`);
  const nameOf = (at: number): string =>
    urls.length > 1 && at === 0 ? `${service.name} keeper` : name(at);
  return Promise.all(urls.map((url, at) => openInspector(nameOf(at), url)));
};

/** The inspectors of all processes of Switchyard, which was started with INSPECTED. */
export const openInspectors = async ({ processes }: Switchyard): Promise<Inspector[]> =>
  (await Promise.all(processes.map(inspectorsOfService))).flat();
