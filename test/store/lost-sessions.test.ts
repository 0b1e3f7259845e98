import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { pauseEndpoint, readEndpoint, StoreUnavailable, updateEndpoint } from '@switchyard/store';
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

  test('is not used for a second one of management either', async () => {
    const endpointId = await makeEndpoint(database.store);
    const store = another({ connections: 1 });
    await letNewSessionsWrite(false);
    await assert.rejects(pauseEndpoint(store, endpointId, true), StoreUnavailable);
    await letNewSessionsWrite(true);
    await pauseEndpoint(store, endpointId, true);
  });
});

describe('a session whose statement timed out', () => {
  const url = new URL(database.url);
  url.searchParams.set('query_timeout', '1000');

  /** The server's process of `applicationName`, stopped by `hang`: its connection stands. */
  const processOf = async (applicationName: string): Promise<Disposable & { hang(): void }> => {
    const find = 'select pid from pg_stat_activity where application_name = $1';
    const [row] = await sql<{ pid: number }>(find, [applicationName]);
    const { pid } = row ?? assert.fail('it has a session');
    return {
      hang: () => void process.kill(pid, 'SIGSTOP'),
      [Symbol.dispose]: () => void process.kill(pid, 'SIGCONT'),
    };
  };

  test('is not used for the next one of management', async () => {
    const store = another({ url: url.href, connections: 1, applicationName: 'hung' });
    const endpointId = await makeEndpoint(store);
    using session = await processOf('hung');
    session.hang();
    await assert.rejects(readEndpoint(store, endpointId), StoreUnavailable);
    assert.equal((await readEndpoint(store, endpointId))?.id, endpointId);
  });

  test('is not told to roll back, which would time out as well', async () => {
    const store = another({ url: url.href, connections: 1, applicationName: 'hung too' });
    const endpointId = await makeEndpoint(store);
    using session = await processOf('hung too');
    let hungMs = 0;
    const change = updateEndpoint(store, endpointId, (now) => {
      session.hang();
      hungMs = performance.now();
      return now;
    });
    await assert.rejects(change, StoreUnavailable);
    assert(performance.now() - hungMs < 1_900);
  });
});
