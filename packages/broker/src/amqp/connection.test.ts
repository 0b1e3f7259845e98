import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silentLog } from '../contract/mailbox.ts';
import { parseAmqpAddress } from './address.ts';
import { openConnection } from './connection.ts';
import { startRabbitServer } from './rabbitmq-server.fixture.ts';

it('a channel whose close nobody answers is closed with its connection', {
  timeout: 60_000,
}, async () => {
  const server = await startRabbitServer();
  const address = parseAmqpAddress(server.url);
  const connection = await openConnection({ name: 'close', address, log: silentLog }, 30_000);
  try {
    await connection.withChannel(async () => {
      await server.freeze();
      // By then the close has been sent.
      setImmediate(() => void server.stop('SIGKILL'));
    });
    assert.equal(connection.isUp(), false);
  } finally {
    await connection.close();
    await server.end();
  }
});
