/** Where the worker finds its gateway. One set of variables serves RunPod's workers and ours. */
import { hostname } from 'node:os';
import { parseEndpointId, parseWorkerId } from '@switchyard/contracts';

/** What may be said in code instead of in the environment; what is said here wins. */
export type Connection = {
  /** Base of the worker gateway, such as `http://127.0.0.1:8081`. */
  readonly gatewayUrl?: string;
  readonly endpoint?: string;
  /** The worker token. */
  readonly token?: string;
  readonly workerId?: string;
  /** How many jobs run at once; SWITCHYARD_WORKER_CONCURRENCY, else 1. */
  readonly concurrency?: number;
};

export type WorkerConfig = {
  readonly exchangeUrl: URL;
  readonly token: string;
  readonly workerId: string;
  readonly concurrency: number;
  readonly hostname: string;
  /** The process that this one must not outlive. */
  readonly parentPid: number | undefined;
};

type Environment = Readonly<Record<string, string | undefined>>;

const TAKE = '/job-take/';
const CONCURRENCY_MAX = 10_000;

/**
 * The configuration in `connection` and `env`.
 * @throws Error that names every option and variable that is missing or wrong, all at once.
 */
export const readConfig = (connection: Connection, env: Environment): WorkerConfig => {
  const faults: string[] = [];
  const workerId = parseWorkerId(connection.workerId ?? env.RUNPOD_POD_ID ?? '');
  if (workerId === undefined) {
    faults.push('the worker id (option workerId or RUNPOD_POD_ID: letters, digits, ".", "_", "-")');
  }
  const token = connection.token ?? env.RUNPOD_AI_API_KEY;
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    faults.push('the worker token (option token or RUNPOD_AI_API_KEY)');
  }
  const base = baseOf(connection, env, faults);
  const concurrency = wholeNumber(connection.concurrency ?? env.SWITCHYARD_WORKER_CONCURRENCY, 1);
  if (concurrency === undefined || concurrency > CONCURRENCY_MAX) {
    faults.push(
      `the concurrency (option or SWITCHYARD_WORKER_CONCURRENCY: 1 to ${CONCURRENCY_MAX})`,
    );
  }
  const parentPid = wholeNumber(env.SWITCHYARD_PARENT_PID, undefined);
  if (parentPid === undefined && env.SWITCHYARD_PARENT_PID !== undefined) {
    faults.push('SWITCHYARD_PARENT_PID (a process id)');
  }
  if (
    workerId === undefined ||
    token === undefined ||
    base === undefined ||
    concurrency === undefined ||
    faults.length > 0
  ) {
    throw new Error(`The worker cannot start: missing or wrong are ${faults.join('; ')}.`);
  }
  return Object.freeze({
    exchangeUrl: new URL(`${base}/exchange/${workerId}`),
    token,
    workerId,
    concurrency,
    hostname: env.RUNPOD_POD_HOSTNAME ?? hostname(),
    parentPid,
  });
};

/** Everything before `/exchange/`. */
const baseOf = (connection: Connection, env: Environment, faults: string[]): string | undefined => {
  const { gatewayUrl, endpoint } = connection;
  if (gatewayUrl !== undefined || endpoint !== undefined) {
    const base = gatewayUrl === undefined ? undefined : httpUrl(gatewayUrl);
    if (base === undefined) faults.push('the option gatewayUrl (an http or https URL)');
    const id = parseEndpointId(endpoint ?? '');
    if (id === undefined) faults.push('the option endpoint (lower-case letters, digits, dashes)');
    return base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v2/${id}`;
  }
  const take = env.RUNPOD_WEBHOOK_GET_JOB ?? '';
  const at = take.indexOf(TAKE);
  const base = at < 0 ? undefined : httpUrl(take.slice(0, at));
  if (base === undefined) {
    faults.push(
      'the gateway (options gatewayUrl and endpoint, or RUNPOD_WEBHOOK_GET_JOB: ' +
        `an http URL with ${TAKE} in it)`,
    );
  }
  return base;
};

const httpUrl = (text: string): string | undefined =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) ? text : undefined;

/** The number in `value`, whole and from 1; `otherwise` without one, undefined for a bad one. */
const wholeNumber = <Default>(value: string | number | undefined, otherwise: Default) => {
  if (value === undefined) return otherwise;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 1 ? number : undefined;
};

/** The environment of this process, read here alone. */
export const environment = (): Environment => process.env;
