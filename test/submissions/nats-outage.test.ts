import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startIntake } from '../intake/start-intake.ts';
import { startNats } from '../support/nats.ts';
import { openProducer } from '../support/open-producer.ts';
import { startPostgres } from '../support/postgres.ts';
import { outageSuite } from './outage-suite.ts';

const nats = await startNats();
after(() => nats.close());

outageSuite(() => nats.url);

test('who asks while Postgres is away is refused at once', async () => {
  await using postgres = await startPostgres({ fsync: false });
  const databaseUrl = await postgres.createDatabase();
  await using intake = await startIntake({ databaseUrl, brokerUrl: nats.url });
  await using producer = await openProducer(nats.url);
  await intake.makeEndpoint('echo');
  await postgres.stop('immediate');
  const answer = await producer.ask({ endpoint: 'nobody-knows', body: '{"input":1}' });
  const problem = JSON.parse(answer.toString('utf8'));
  assert.equal(problem.status, 503);
  assert.equal(problem.code, 'store.unavailable');
});
