import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BrokerError } from '../broker-error.ts';
import { silentLog } from '../contract/mailbox.ts';
import { OUTAGE_STREAMS, patternOf } from '../contract/outage-ground.ts';
import { toBrokerError } from './failure.ts';
import { restoreGroup } from './group.ts';
import { openLink } from './link.ts';
import { startNatsServer } from './nats-server.fixture.ts';
import { openStreams } from './streams.ts';

const TEST = { timeout: 30_000 };

it('a stream that goes before its group is made is tried again', TEST, async () => {
  const server = await startNatsServer();
  const options = { name: 'group', log: silentLog, connectTimeoutMs: 10_000 };
  const link = await openLink(server.url, options);
  try {
    const streams = await openStreams(link, OUTAGE_STREAMS, 10_000);
    const stream = OUTAGE_STREAMS.find(({ name }) => name === 'wiped');
    assert.ok(stream);
    // As a server does whose store is wiped just then.
    const restore = async (): Promise<void> => {
      await streams.restore();
      await streams.manager.streams.delete(stream.name);
    };
    const spec = { stream, group: 'g', pattern: patternOf(stream.name), ackWaitMs: 1_000 };
    await assert.rejects(restoreGroup({ ...streams, restore }, spec), (error) => {
      const told = toBrokerError(error, 'looking after the group g');
      assert.ok(told instanceof BrokerError);
      assert.deepEqual([told.code, told.retry], ['broker.unavailable', true]);
      return true;
    });
    assert.ok(await restoreGroup(streams, spec));
  } finally {
    await link.nats.close();
    await server.end();
  }
});
