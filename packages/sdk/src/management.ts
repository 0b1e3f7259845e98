import {
  type CreateEndpoint,
  type CreateKey,
  type Endpoint,
  EndpointSchema,
  type EndpointSettings,
  type KeyRecord,
  KeySchema,
  type Validated,
  validator,
} from '@switchyard/contracts';
import { fieldOf, readAnswer, readList } from './answers.ts';
import { checkDelivery, type Delivery } from './deliveries.ts';
import type { Send } from './send.ts';

type Options = { readonly signal?: AbortSignal };

export type EndpointCalls = {
  list(options?: Options): Promise<Endpoint[]>;
  create(endpoint: CreateEndpoint, options?: Options): Promise<Endpoint>;
  read(id: string, options?: Options): Promise<Endpoint>;
  /** Changes what `settings` names; the rest stays. */
  update(id: string, settings: EndpointSettings, options?: Options): Promise<Endpoint>;
  /**
   * Deletes an endpoint without unfinished jobs, and all that it holds. It is gone at once; while a
   * long history of it is still being deleted, `create` of its id is refused as `endpoint.busy`.
   */
  delete(id: string, options?: Options): Promise<void>;
  /** Gives no more jobs of the endpoint to workers, until it is resumed. */
  pause(id: string, options?: Options): Promise<Endpoint>;
  resume(id: string, options?: Options): Promise<Endpoint>;
  /** A new secret that signs webhooks, shown this once; the former one signs too. */
  newWebhookSecret(id: string, options?: Options): Promise<{ readonly secret: string }>;
  /** The newest deliveries of webhooks, with every try. */
  deliveries(
    id: string,
    query?: { readonly job?: string; readonly limit?: number },
    options?: Options,
  ): Promise<Delivery[]>;
};

export type KeyCalls = {
  list(options?: Options): Promise<KeyRecord[]>;
  /** Makes a key; `key` is shown this once. */
  create(key: CreateKey, options?: Options): Promise<KeyRecord & { readonly key: string }>;
  /** Ends a key; its record stays. */
  revoke(id: string, options?: Options): Promise<KeyRecord>;
};

const checkEndpoint = validator(EndpointSchema);
const checkKey = validator(KeySchema);
const NO_BODY = Buffer.from('{}');
const bytes = (value: object): Buffer<ArrayBuffer> => Buffer.from(JSON.stringify(value));

/** The calls of `/v1/endpoints`. */
export const endpointCalls = (send: Send): EndpointCalls => {
  const root = ['v1', 'endpoints'];
  const post = (id: string, what: string, repeatable: boolean, { signal }: Options) =>
    send({ method: 'POST', path: [...root, id, what], body: NO_BODY, repeatable, signal });
  return {
    list: async ({ signal } = {}) =>
      readList(
        await send({ method: 'GET', path: root, repeatable: true, signal }),
        'endpoints',
        checkEndpoint,
      ),
    create: async (endpoint, { signal } = {}) =>
      readAnswer(
        await send({
          method: 'POST',
          path: root,
          body: bytes(endpoint),
          repeatable: false,
          signal,
        }),
        checkEndpoint,
      ),
    read: async (id, { signal } = {}) =>
      readAnswer(
        await send({ method: 'GET', path: [...root, id], repeatable: true, signal }),
        checkEndpoint,
      ),
    update: async (id, settings, { signal } = {}) =>
      readAnswer(
        await send({
          method: 'PATCH',
          path: [...root, id],
          body: bytes(settings),
          repeatable: true,
          signal,
        }),
        checkEndpoint,
      ),
    delete: async (id, { signal } = {}) => {
      await send({ method: 'DELETE', path: [...root, id], repeatable: false, signal });
    },
    pause: async (id, options = {}) =>
      readAnswer(await post(id, 'pause', true, options), checkEndpoint),
    resume: async (id, options = {}) =>
      readAnswer(await post(id, 'resume', true, options), checkEndpoint),
    newWebhookSecret: async (id, options = {}) =>
      readAnswer(await post(id, 'webhook-secret', false, options), checkSecret),
    deliveries: async (id, query = {}, { signal } = {}) => {
      const path = [...root, id, 'deliveries'];
      const answer = await send({ method: 'GET', path, query, repeatable: true, signal });
      return readList(answer, 'deliveries', checkDelivery);
    },
  };
};

/** The calls of `/v1/keys`. */
export const keyCalls = (send: Send): KeyCalls => {
  const root = ['v1', 'keys'];
  return {
    list: async ({ signal } = {}) =>
      readList(
        await send({ method: 'GET', path: root, repeatable: true, signal }),
        'keys',
        checkKey,
      ),
    create: async (key, { signal } = {}) =>
      readAnswer(
        await send({ method: 'POST', path: root, body: bytes(key), repeatable: false, signal }),
        checkNewKey,
      ),
    revoke: async (id, { signal } = {}) => {
      const path = [...root, id, 'revoke'];
      const call = { method: 'POST', path, body: NO_BODY, repeatable: true, signal } as const;
      return readAnswer(await send(call), checkKey);
    },
  };
};

const checkSecret = (value: unknown): Validated<{ readonly secret: string }> => {
  const secret = fieldOf(value, 'secret');
  return typeof secret === 'string'
    ? { ok: true, value: { secret } }
    : { ok: false, detail: 'The body lacks "secret".' };
};

const checkNewKey = (value: unknown): Validated<KeyRecord & { readonly key: string }> => {
  const checked = checkKey(value);
  if (!checked.ok) return checked;
  const key = fieldOf(value, 'key');
  return typeof key === 'string'
    ? { ok: true, value: { ...checked.value, key } }
    : { ok: false, detail: 'The body lacks "key".' };
};
