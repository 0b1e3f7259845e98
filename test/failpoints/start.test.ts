import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDatabase } from '../support/database.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';

/** Everything that a start asks of the database, once its schema is there. */
const AT_THE_START = [
  'keep_seal_check',
  'read_seal_check',
  'create_endpoint',
  'list_endpoints',
] as const;

test('a start bears a database that goes away in the middle of it', async () => {
  await using database = await withDatabase();
  const armed = AT_THE_START.map((name) => `store.${name}=error`).join(';');
  await using switchyard = await startSwitchyard({
    mode: 'all-in-one',
    databaseUrl: database.url,
    config: 'endpoints: { echo: { name: Echo } }\n',
    env: { SWITCHYARD_FAILPOINTS: armed },
  });
  const headers = { authorization: `Bearer ${switchyard.apiKey}` };
  const health = await fetch(`${switchyard.apiUrl}/v2/echo/health`, { headers });
  assert.equal(health.status, 200);
  assert.match(await switchyard.logs(), /the database is away; waiting for it/);
});
