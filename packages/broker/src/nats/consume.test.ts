import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, createInbox } from 'nats';
import type { Broker, Handler, Settlement } from '../broker.ts';
import { Mailbox, silentLog } from '../contract/mailbox.ts';
import {
  appendUntilStored,
  message,
  OUTAGE_STREAMS,
  patternOf,
  putDone,
} from '../contract/outage-ground.ts';
import { type NatsServer, startNatsServer } from './nats-server.fixture.ts';
import { openNatsBroker } from './open-nats-broker.ts';

/** A handler that settles nothing until it is told, and then says `settlement` of all. */
const hang = (settlement: Settlement) => {
  const { promise, resolve } = Promise.withResolvers<Settlement>();
  const begun = new Mailbox<string>();
  const handle: Handler = ({ id }) => {
    begun.put(id);
    return promise;
  };
  return { handle, begun, end: () => resolve(settlement) };
};

/** Takes one message of the group as a stranger's client does that dies of it. */
const takeAndDie = async (url: string, stream: string): Promise<void> => {
  const nats = await connect({ servers: url });
  const inbox = createInbox();
  const got = new Mailbox<string>();
  nats.subscribe(inbox, {
    callback: (_error, { subject }) => {
      // What comes to the inbox itself says that the group is not there yet.
      if (subject !== inbox) got.put(subject);
    },
  });
  while (got.items.length === 0) {
    nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.g`, '1', { reply: inbox });
    await pause(50);
  }
  await nats.close();
};

describe('what is in hand on NATS', { timeout: 60_000 }, () => {
  let server: NatsServer | undefined;
  let broker: Broker | undefined;
  const complaints = new Mailbox<object>();
  before(async () => {
    server = await startNatsServer();
    broker = await openNatsBroker(server.url, {
      ...{ name: 'in hand', streams: OUTAGE_STREAMS, ackWaitMs: 1_000, heldMaxMs: 1_500 },
      log: { ...silentLog, error: (fields) => complaints.put(fields) },
    });
  });
  after(async () => {
    await broker?.close();
    await server?.end();
  });

  it('goes to another when it takes for ever, which is told once', async () => {
    assert.ok(broker);
    const [stop, got] = [new AbortController(), new Mailbox<string>()];
    const stuck = hang({ kind: 'again', afterMs: 0 });
    const overdue = new Mailbox<string>();
    const handle: Handler = async (given, delivery) => {
      got.put(`${given.id}:${delivery.attempt}`);
      return delivery.attempt === 1 ? stuck.handle(given, delivery) : { kind: 'done' };
    };
    const consuming = broker.consume(patternOf('hangs'), 'g', handle, stop.signal, {
      overdue: ({ id }) => overdue.put(id),
    });
    const beganAt = performance.now();
    await broker.append(message('hangs', 'stuck'));
    assert.deepEqual(await got.whenCount(2), ['stuck:1', 'stuck:2']);
    assert.ok(performance.now() - beganAt > 1_500);
    // What the first handler says in the end is old: it has been given to another.
    stuck.end();
    await broker.append(message('hangs', 'next'));
    await got.whenCount(3);
    stop.abort();
    await consuming;
    assert.deepEqual(overdue.items, ['stuck']);
    const [first, ...others] = complaints.items;
    assert.partialDeepStrictEqual(first, { id: 'stuck', topic: 'outage.hangs.a', attempt: 1 });
    assert.deepEqual(others, []);
  });

  it('keeps no message of a group that was made anew from others', async () => {
    assert.ok(broker && server);
    const [stop, got] = [new AbortController(), new Mailbox<string>()];
    const busy = hang({ kind: 'done' });
    const first = broker.consume(patternOf('wiped'), 'g', busy.handle, stop.signal, {
      prefetch: 1,
    });
    await broker.append(message('wiped', 'old'));
    await busy.begun.whenCount(1);
    await server.stop('SIGKILL');
    await server.wipe();
    await server.start();
    // In the new stream it stands where the old one stood.
    await appendUntilStored(broker, 'wiped', 'new');
    await takeAndDie(server.url, 'wiped');
    const second = broker.consume(patternOf('wiped'), 'g', putDone(got), stop.signal);
    assert.deepEqual(await got.whenCount(1), ['new']);
    busy.end();
    stop.abort();
    await Promise.all([first, second]);
  });
});
