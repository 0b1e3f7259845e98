import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore, StoreUnavailable } from '@switchyard/store';
import { createEmptying } from './empty-endpoints.ts';

const idOf = (name: string) => name as EndpointId;

test('a large endpoint or one that fails keeps no other, and goes on where it stood', async () => {
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  await using closing = new AsyncDisposableStack();
  closing.defer(() => opened.close());
  const refused = new StoreUnavailable(new Error('it is away'));
  const freed: string[] = [];
  const begun: string[] = [];
  /** How many portions of its first table the large one still has. */
  let left = 3;
  const runPinned = async <Row>(
    { name }: { readonly name: string },
    [endpointId, , limit]: readonly unknown[],
  ): Promise<Row[]> => {
    const id = String(endpointId);
    if (id === 'broken') throw refused;
    if (name === 'forget_deletion') freed.push(id);
    if (name === 'empty_job_secrets') begun.push(id);
    const isFull = id === 'large' && name === 'empty_job_secrets' && left > 0;
    if (isFull) left -= 1;
    const rows = isFull ? limit : 0;
    return [{ seen: rows, rows, place: null, at: 'now' }] as Row[];
  };
  const lines: string[] = [];
  const log = createLog({ level: 'silent', service: 'scheduler', instance: 's' });
  log.info = (given: unknown) => void lines.push(JSON.stringify(given));
  const empty = createEmptying({ store: { ...opened, runPinned }, log });
  await assert.rejects(empty(['large', 'broken', 'small'].map(idOf)), refused);
  assert.deepEqual(freed, ['small', 'large']);
  assert.deepEqual(begun, ['large', 'small', 'large', 'large', 'large']);
  assert.deepEqual(lines, ['{"endpointId":"small"}', '{"endpointId":"large"}']);
});
