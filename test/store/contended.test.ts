import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { readEndpoint, StoreUnavailable, updateEndpoint } from '@switchyard/store';
import { withStore } from '../support/store.ts';
import { acceptOne, makeEndpoint } from './jobs.ts';

const database = await withStore();
const { store, sql } = database;
after(() => database[Symbol.asyncDispose]());

await sql('create sequence refusals');
await sql(`create function refuse_some() returns trigger language plpgsql as $$ begin
  if nextval('refusals') <= current_setting('test.refusals')::int then
    raise exception 'others are at it' using errcode = current_setting('test.code');
  end if;
  return new;
end $$`);
for (const [table, event] of [
  ['jobs', 'insert'],
  ['endpoints', 'update'],
]) {
  await sql(`create trigger refuse_some before ${event} on ${table}
    for each row execute function refuse_some()`);
}

/** A store whose next statements the server refuses `times` times with `code`. */
const refusing = async (code: string, times: number) => {
  await sql("select setval('refusals', 1, false)");
  const url = new URL(database.url);
  url.searchParams.set('options', `-c test.code=${code} -c test.refusals=${times}`);
  return database.another({ url: url.href });
};

describe('what the server refuses because of others at the same rows', () => {
  for (const code of ['40P01', '40001', '55P03']) {
    test(`(${code}) is tried up to five times before anybody hears of it`, async () => {
      const endpointId = await makeEndpoint(store);
      await acceptOne(await refusing(code, 4), endpointId);
      const change = updateEndpoint(await refusing(code, 4), endpointId, (now) => ({
        ...now,
        retentionMs: now.retentionMs + 1,
      }));
      assert.equal((await change)?.retentionMs, 86_400_001);
      const sixth = acceptOne(await refusing(code, 5), endpointId);
      await assert.rejects(sixth, StoreUnavailable);
    });
  }

  test('is not tried again where it was refused for what it is', async () => {
    const endpointId = await makeEndpoint(store);
    await assert.rejects(acceptOne(await refusing('P0001', 1), endpointId), /others are at it/);
    await assert.rejects(acceptOne(await refusing('57014', 1), endpointId), StoreUnavailable);
    assert.equal((await readEndpoint(store, endpointId))?.retentionMs, 86_400_000);
  });
});
