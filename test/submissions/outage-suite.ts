import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Store, StoreUnavailable } from '@switchyard/store';
import { startIntake, type TestIntake } from '../intake/start-intake.ts';
import { openProducer } from '../support/open-producer.ts';
import { startPostgres } from '../support/postgres.ts';
import type { Producer } from '../support/producer.ts';

const JOBS = 300;
/** RabbitMQ does not count what a consumer holds. */
const HELD_MAX = 128;

const until = async (look: () => Promise<boolean>): Promise<void> => {
  while (!(await look())) await pause(50);
};

const publishAll = async (producer: Producer): Promise<void> => {
  await Promise.all(
    Array.from({ length: JOBS }, (_, n) =>
      producer.publish({ endpoint: 'echo', body: `{"input":${n}}`, id: randomUUID() }),
    ),
  );
};

/** All that was published is stored, and nothing of it is left to be stored again. */
const assertStoredOnce = async (intake: TestIntake, producer: Producer): Promise<void> => {
  const count = async (): Promise<number> =>
    (await intake.send('GET /v2/echo/health')).json?.jobs?.inQueue;
  await until(async () => (await producer.waiting()) === 0 && (await count()) >= JOBS);
  assert.equal(await count(), JOBS);
  // What it held goes back to the broker, were it not settled.
  await intake.stop();
  assert.equal(await producer.waiting(), 0);
};

/** What becomes of submissions while something is away: one suite for each broker. */
export const outageSuite = (brokerUrl: () => string): void => {
  test('while Postgres is away submissions wait, and then each is stored once', async () => {
    await using postgres = await startPostgres({ fsync: false });
    const databaseUrl = await postgres.createDatabase();
    await using intake = await startIntake({ databaseUrl, brokerUrl: brokerUrl() });
    await using producer = await openProducer(brokerUrl());
    await intake.makeEndpoint('echo');
    await postgres.stop('immediate');
    await publishAll(producer);
    assert((await producer.waiting()) >= JOBS - HELD_MAX);
    await postgres.start();
    await assertStoredOnce(intake, producer);
    assert.deepEqual(await producer.deadLetters(), []);
  });

  test('a commit of which nobody heard makes no second job', async () => {
    let losses = 3;
    const wrap = (store: Store): Store => ({
      ...store,
      run: async <Row extends object>(...given: Parameters<Store['run']>) => {
        const rows = await store.run<Row>(...given);
        const isLost = given[0].name.startsWith('accept_') || given[0].name === 'read_stored_jobs';
        if (!isLost || losses === 0) return rows;
        losses -= 1;
        throw new StoreUnavailable(new Error('Connection terminated unexpectedly'));
      },
    });
    await using intake = await startIntake({ wrap, brokerUrl: brokerUrl() });
    await using producer = await openProducer(brokerUrl());
    await intake.makeEndpoint('echo');
    await publishAll(producer);
    await assertStoredOnce(intake, producer);
    assert.equal(losses, 0);
  });

  test('a stop settles what is in hand and leaves the rest to the next one', async () => {
    await using producer = await openProducer(brokerUrl());
    const first = await startIntake({ brokerUrl: brokerUrl() });
    await using stack = new AsyncDisposableStack();
    stack.use(first);
    await first.makeEndpoint('echo');
    await Promise.all([publishAll(producer), first.stop()]);
    await using second = await startIntake({
      brokerUrl: brokerUrl(),
      databaseUrl: first.databaseUrl,
    });
    await assertStoredOnce(second, producer);
  });
};
