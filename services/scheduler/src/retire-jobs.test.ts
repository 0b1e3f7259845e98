import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointId } from '@switchyard/contracts';
import { createLog } from '@switchyard/runtime';
import { openStore, StoreUnavailable } from '@switchyard/store';
import { createRetirement } from './retire-jobs.ts';

const idOf = (name: string) => name as EndpointId;

test('an endpoint whose jobs cannot be deleted does not keep those of others', async () => {
  const opened = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', applicationName: 'test' });
  await using closing = new AsyncDisposableStack();
  closing.defer(() => opened.close());
  const retired: unknown[] = [];
  const refused = new StoreUnavailable(new Error('it took too long'));
  const runPinned = async <Row>(
    _statement: unknown,
    [endpointId]: readonly unknown[],
  ): Promise<Row[]> => {
    if (endpointId === 'heavy') throw refused;
    retired.push(endpointId);
    return [];
  };
  const log = createLog({ level: 'silent', service: 'scheduler', instance: 's' });
  const retire = createRetirement({ store: { ...opened, runPinned }, log });
  await assert.rejects(retire([idOf('heavy'), idOf('light')]), refused);
  assert.deepEqual(retired, ['light']);
});
