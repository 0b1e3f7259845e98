import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mailbox, silentLog } from '../contract/mailbox.ts';
import { makeDialPace } from './dial-pace.ts';
import { startNatsServer } from './nats-server.fixture.ts';
import { openNatsBroker } from './open-nats-broker.ts';

describe('the pace at which lost servers are dialled', { timeout: 60_000 }, () => {
  it('waits between dials that fail', () => {
    const pace = makeDialPace({ leastMs: 10_000, jitterMs: 10_000 });
    const answers = Array.from({ length: 100 }, pace);
    const waits = answers.filter((ms) => ms > 0);
    assert.ok(waits.length > 50, `${waits.length} of 100`);
    assert.ok(waits.every((ms) => ms > 9_000 && ms <= 20_000));
  });

  it('leaves out none of several, though the time of day was set back', async (t) => {
    const servers = await Promise.all([startNatsServer(), startNatsServer()]);
    const { now } = Date;
    const ahead = t.mock.method(Date, 'now', () => now() + 86_400_000);
    const url = servers.map((server) => server.url).join(',');
    const broker = await openNatsBroker(url, { name: 'pace', log: silentLog });
    ahead.mock.restore();
    const changes = new Mailbox<boolean>();
    broker.onConnectionChange((connected) => changes.put(connected));
    try {
      const [first, second] = servers;
      await first?.stop('SIGKILL');
      await second?.stop('SIGKILL');
      await changes.whenCount(1);
      // Either is the one that was dialled while the clock was ahead.
      await first?.start();
      await changes.when((items) => items.at(-1) === true);
      await first?.stop('SIGKILL');
      await changes.when((items) => items.at(-1) === false);
      await second?.start();
      await changes.when((items) => items.at(-1) === true);
    } finally {
      await broker.close();
      await Promise.all(servers.map((server) => server.end()));
    }
  });
});
