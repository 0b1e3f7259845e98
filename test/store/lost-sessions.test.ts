import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { StoreUnavailable } from '@switchyard/store';
import pg from 'pg';
import { withStore } from '../support/store.ts';
import { acceptOne, makeEndpoint } from './jobs.ts';

const database = await withStore();
const { sql, another } = database;
after(() => database[Symbol.asyncDispose]());

const name = pg.escapeIdentifier(new URL(database.url).pathname.slice(1));
/** What a new session may do; those that stand keep what they were told at their start. */
const letNewSessionsWrite = (may: boolean): Promise<object[]> =>
  sql(`alter database ${name} set default_transaction_read_only = ${may ? 'off' : 'on'}`);

describe('a session of a server that only reads, as of the standby of a fail-over,', () => {
  test('is not used for a second statement', async () => {
    const endpointId = await makeEndpoint(database.store);
    const store = another({ connections: 1 });
    await letNewSessionsWrite(false);
    await assert.rejects(acceptOne(store, endpointId), StoreUnavailable);
    await letNewSessionsWrite(true);
    await acceptOne(store, endpointId);
  });
});
