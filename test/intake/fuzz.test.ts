import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { newJobId } from '@switchyard/contracts';
import fc from 'fast-check';
import { ROOT_KEY, startIntake } from './start-intake.ts';

const intake = await startIntake();
after(() => intake[Symbol.asyncDispose]());
await intake.makeEndpoint('echo');
const { json: job } = await intake.send('POST /v2/echo/run', { body: { input: 1 } });
const paths = Object.keys((await intake.send('GET /openapi.json')).json.paths);

const segment = fc.oneof(
  fc.constantFrom('echo', 'absent', job.id, newJobId('async'), newJobId('sync')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }).map(percentEncoded),
);
const path = fc
  .tuple(fc.constantFrom(...paths), fc.array(segment, { minLength: 2, maxLength: 2 }))
  .map(([pattern, [first = 'x', second = 'x']]) =>
    pattern.replace(/\{(?:endpoint|key)\}/, first).replace('{job}', second),
  );
const query = fc.dictionary(
  fc.constantFrom('limit', 'cursor', 'status', 'from', 'job', 'api_key'),
  fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.double().map(String)),
);
const policy = fc.dictionary(
  fc.constantFrom('ttl', 'executionTimeout', 'lowPriority', 'startAfter', '__proto__', 'x'),
  fc.anything(),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .record(
      { input: fc.jsonValue(), policy, webhook: fc.anything(), s3Config: fc.anything() },
      { requiredKeys: [] },
    )
    .map((value) => Buffer.from(safeJson(value))),
  fc
    .record({ id: fc.anything(), name: fc.anything(), limits: policy, scopes: fc.anything() })
    .map((value) => Buffer.from(safeJson(value))),
);

function percentEncoded(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function safeJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
}

test('nothing that a client sends is a mistake of the server', async () => {
  const request = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT'),
    path,
    query,
    body,
    key: fc.constantFrom(ROOT_KEY, ROOT_KEY, ROOT_KEY, 'x', null),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, body, key }) => {
      // It would wait for its five seconds or more, and end the endpoint that the others use.
      if (path.includes('stream') || path.includes('sync')) return;
      if (method === 'DELETE' && path === '/v1/endpoints/echo') return;
      const search = new URLSearchParams(query);
      const bytes = method === 'GET' ? {} : { body };
      const { status, text, headers } = await intake.send(`${method} ${path}?${search}`, {
        key,
        ...bytes,
      });
      assert.ok(status < 500, `${method} ${path}?${search}: ${status} ${text}`);
      assert.ok(headers.get('x-request-id'));
      if (status >= 400) assert.match(text, /^\{"type":.*"code":".*"error":/);
    }),
    { numRuns: 1_000 },
  );
  assert.deepEqual(intake.complaints, []);
});
