import { type Broker, openBroker } from '@switchyard/broker';
import { type EndpointId, newInstanceId, type Scope, streams } from '@switchyard/contracts';
import { createIntake } from '@switchyard/intake';
import {
  createHealth,
  createLog,
  createMetrics,
  createSealer,
  createTargetGuard,
  type Sealer,
} from '@switchyard/runtime';
import {
  createKey,
  createKeyRing,
  migrate,
  newKey,
  openStore,
  type Store,
} from '@switchyard/store';
import { withDatabase } from '../support/database.ts';

/** The operator's key of every test intake. */
export const ROOT_KEY = 'sy_operators-own-key';

export type Answered = {
  readonly status: number;
  readonly headers: Headers;
  /** The body's own bytes, and what they say when they are JSON. */
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
};

export type Sent = {
  readonly key?: string | null;
  readonly body?: string | Buffer | object;
  readonly headers?: Record<string, string>;
};

/** An intake on a real Postgres, and the broker in memory unless another is named. */
export type TestIntake = AsyncDisposable & {
  readonly url: string;
  readonly store: Store;
  readonly broker: Broker;
  readonly sealer: Sealer;
  readonly databaseUrl: string;
  /** Every line of its log from `warn` up. */
  readonly complaints: string[];
  /** `send('POST /v2/e/run', { body })`; an object as body is sent as JSON. */
  send(line: string, sent?: Sent): Promise<Answered>;
  /** Makes an endpoint over the API. */
  makeEndpoint(id: string, settings?: object): Promise<EndpointId>;
  makeKey(scopes: readonly Scope[], endpoints?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
};

type Options = {
  /** May put something between intake and the store. */
  readonly wrap?: (store: Store) => Store;
  /** Instead of an empty database of its own. */
  readonly databaseUrl?: string;
  /** Instead of a free one. */
  readonly port?: number;
  readonly brokerUrl?: string;
};

/** Starts one on a free port. */
export const startIntake = async ({
  wrap = (store) => store,
  databaseUrl,
  port = 0,
  brokerUrl,
}: Options = {}): Promise<TestIntake> => {
  const database =
    databaseUrl === undefined
      ? await withDatabase()
      : { url: databaseUrl, close: async () => undefined };
  await migrate(database.url);
  const store = openStore({ url: database.url, applicationName: 'test', connections: 6 });
  const complaints: string[] = [];
  const destination = { write: (line: string) => void complaints.push(line) };
  const instance = newInstanceId();
  const log = createLog({ level: 'warn', service: 'intake', instance, pretty: false, destination });
  const broker = await openBroker(brokerUrl, {
    name: 'test',
    log,
    streams: Object.values(streams),
  });
  const sealer = createSealer([Buffer.alloc(32, 7)]);
  const opened = Promise.withResolvers<string>();
  const intake = createIntake({
    store: wrap(store),
    broker,
    log,
    sealer,
    instance,
    metrics: createMetrics({ service: 'intake' }),
    health: createHealth(),
    keyRing: createKeyRing(store, ROOT_KEY),
    targetGuard: createTargetGuard({ allowPrivateTargets: [] }),
    listen: { host: '127.0.0.1', port },
    drainMs: 5_000,
    opened: opened.resolve,
  });
  const close = async (): Promise<void> => {
    await intake.stop();
    await broker.close();
    await store.close();
    await database.close();
  };
  await intake.start().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const url = await opened.promise;
  const send = sendTo(url);
  return {
    url,
    store,
    broker,
    sealer,
    databaseUrl: database.url,
    complaints,
    send,
    makeEndpoint: async (id, settings = {}) => {
      const made = await send('POST /v1/endpoints', { body: { id, ...settings } });
      if (made.status !== 201) throw new Error(made.text);
      return id as EndpointId;
    },
    makeKey: makeKeyIn(store),
    stop: () => intake.stop(),
    [Symbol.asyncDispose]: close,
  };
};

const makeKeyIn =
  (store: Store): TestIntake['makeKey'] =>
  async (scopes, endpoints) => {
    const { keyId, key, hash } = newKey();
    const named = endpoints === undefined ? null : endpoints.map((id) => id as EndpointId);
    await createKey(store, { keyId, hash, name: 'k', scopes, endpoints: named, expiresAt: null });
    return key;
  };

const sendTo =
  (url: string) =>
  async (line: string, sent: Sent = {}): Promise<Answered> => {
    const [method = 'GET', path = '/'] = line.split(' ');
    const { key = ROOT_KEY, body, headers = {} } = sent;
    const isRaw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const bytes = isRaw ? body : JSON.stringify(body);
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(bytes === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(bytes === undefined ? {} : { body: bytes }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) };
  };

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
