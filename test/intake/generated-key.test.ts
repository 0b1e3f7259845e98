import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { withDatabase } from '../support/database.ts';
import { startSwitchyard } from '../support/start-switchyard.ts';

test('an intake beside DATABASE_URL without a key makes one, and shows it once', async () => {
  await using database = await withDatabase();
  await using switchyard = await startSwitchyard({
    mode: 'all-in-one',
    databaseUrl: database.url,
    env: { SWITCHYARD_API_KEY: '' },
  });
  /** The keys in all that was written, once this many starts have said that they are ready. */
  const shownBy = async (starts: number): Promise<string[]> => {
    for (;;) {
      const text = await switchyard.logs();
      if (text.split('Switchyard is ready').length > starts && text.endsWith('\n')) {
        return [...text.matchAll(/sy_[A-Za-z0-9_-]+/g)].map(([key]) => key);
      }
      await pause(50);
    }
  };
  const statusWith = async (key = ''): Promise<number> => {
    const headers = { authorization: `Bearer ${key}` };
    return (await fetch(`${switchyard.apiUrl}/v1/endpoints`, { headers })).status;
  };
  const [key] = await shownBy(1);
  assert.equal(await statusWith(key), 200);
  assert.equal(await statusWith('sy_another'), 401);
  const all = switchyard.process('all');
  await all.end('SIGTERM');
  await all.start();
  assert.equal(await statusWith(key), 200);
  assert.deepEqual(await shownBy(2), [key]);
});
