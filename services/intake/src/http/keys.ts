import {
  type CreateKey,
  CreateKeySchema,
  type EndpointId,
  type KeyRecord,
  KeySchema,
  MOMENT_FORM,
  momentMs,
  parseEndpointId,
  refuse,
  validator,
} from '@switchyard/contracts';
import {
  createKey,
  type KeyRing,
  listKeys,
  mayUse,
  newKey,
  type Principal,
  revokeKey,
  type Store,
  writeAudit,
} from '@switchyard/store';
import type { Changes } from '../tell-changes.ts';
import { jsonIn } from './parameters.ts';
import { json, type KeyCall, MANAGEMENT_BODY_MAX_BYTES, type Route } from './route.ts';

export type KeysContext = {
  readonly store: Store;
  readonly keyRing: KeyRing;
  readonly changes: Changes;
};

const checkCreate = validator(CreateKeySchema);
/** The keys of `/v1`. A limited key sees and makes only keys within its own limits. */
export const keyRoutes = (context: KeysContext): Route[] => [
  {
    method: 'POST',
    path: '/v1/keys',
    summary: 'Make a key; it is shown this once.',
    access: 'key',
    scope: 'admin',
    body: { schema: CreateKeySchema, maxBytes: MANAGEMENT_BODY_MAX_BYTES },
    success: { status: 201, schema: KeySchema },
    answer: (call) => create(context, call),
  },
  {
    method: 'GET',
    path: '/v1/keys',
    summary: 'Every key within the limits of the asking one, revoked ones too.',
    access: 'key',
    scope: 'admin',
    success: {
      status: 200,
      schema: { type: 'object', properties: { keys: { type: 'array', items: KeySchema } } },
    },
    answer: async ({ principal }) => json({ keys: await visibleKeys(context, principal) }),
  },
  {
    method: 'GET',
    path: '/v1/keys/:key',
    summary: 'What is known of a key, but for the key itself.',
    access: 'key',
    scope: 'admin',
    success: { status: 200, schema: KeySchema },
    errors: ['key.not_found'],
    answer: async (call) => json(await findKey(context, call)),
  },
  {
    method: 'DELETE',
    path: '/v1/keys/:key',
    summary: 'Revoke a key.',
    access: 'key',
    scope: 'admin',
    success: { status: 204 },
    errors: ['key.not_found'],
    answer: async (call) => {
      await revoke(context, call);
      return { status: 204, body: '' };
    },
  },
  {
    method: 'POST',
    path: '/v1/keys/:key/revoke',
    summary: 'Revoke a key; its record stays.',
    access: 'key',
    scope: 'admin',
    body: { schema: { type: 'object' }, maxBytes: MANAGEMENT_BODY_MAX_BYTES },
    success: { status: 200, schema: KeySchema },
    errors: ['key.not_found'],
    answer: async (call) => json(await revoke(context, call)),
  },
];

const create = async ({ store, changes }: KeysContext, call: KeyCall) => {
  const checked = checkCreate(jsonIn(call));
  if (!checked.ok) throw refuse('request.invalid', checked.detail);
  const wanted = checked.value;
  const endpoints = endpointsFor(call.principal, wanted);
  const expiresAt = expiryIn(wanted.expiresAt);
  const { keyId, key, hash } = newKey();
  const scopes = [...new Set(wanted.scopes)];
  const record = await createKey(store, {
    keyId,
    hash,
    name: wanted.name,
    scopes,
    endpoints,
    expiresAt,
  });
  changes.reconfigured({ key: keyId });
  await writeAudit(store, { keyId: call.principal.keyId, action: 'key.create', target: keyId });
  return json({ ...record, key }, 201);
};

/** The limits of the new key, which never go beyond those of the one that makes it. */
const endpointsFor = (principal: Principal, { endpoints }: CreateKey): EndpointId[] | null => {
  if (endpoints === undefined || endpoints === null) {
    if (principal.endpoints === null) return null;
    throw refuse('auth.scope', 'This key is limited; name endpoints of it for the new one.');
  }
  return [...new Set(endpoints)].map((name) => {
    const id = parseEndpointId(name);
    if (id === undefined) throw new TypeError('the schema lets a malformed endpoint id through');
    if (mayUse(principal, id)) return id;
    throw refuse('auth.scope', 'This key is limited to other endpoints.');
  });
};

const expiryIn = (text: CreateKey['expiresAt']): Date | null => {
  if (text === undefined || text === null) return null;
  const ms = momentMs(text);
  if (ms !== undefined && ms > Date.now()) return new Date(ms);
  throw refuse(
    'request.invalid',
    `expiresAt must be ${MOMENT_FORM}, and to come; got ${JSON.stringify(text)}.`,
  );
};

const visibleKeys = async (
  { store }: KeysContext,
  { endpoints }: Principal,
): Promise<KeyRecord[]> => {
  const all = await listKeys(store);
  if (endpoints === null) return all;
  return all.filter((key) => key.endpoints?.every((id) => endpoints.has(id as EndpointId)));
};

const findKey = async (context: KeysContext, call: KeyCall): Promise<KeyRecord> => {
  const found = (await visibleKeys(context, call.principal)).find(({ id }) => id === call.path.key);
  if (found === undefined) throw noSuchKey();
  return found;
};

const revoke = async (context: KeysContext, call: KeyCall): Promise<KeyRecord> => {
  const { id } = await findKey(context, call);
  const revoked = await revokeKey(context.store, id);
  if (revoked === undefined) throw noSuchKey();
  context.keyRing.forget(id);
  context.changes.reconfigured({ key: id });
  const { keyId } = call.principal;
  await writeAudit(context.store, { keyId, action: 'key.revoke', target: id });
  return revoked;
};

const noSuchKey = () => refuse('key.not_found', 'There is no key of this id.');
