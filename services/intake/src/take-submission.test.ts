import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointWordOf } from './take-submission.ts';

test('the endpoint is all that stands behind the literal words of a topic', () => {
  const words = [
    ['switchyard.submit.echo', 'echo'],
    ['switchyard.rpc.submit.echo', 'echo'],
    // Keys on RabbitMQ, with dots in them and empty.
    ['switchyard.submit.foo.echo', 'foo.echo'],
    ['switchyard.submit.echo.', 'echo.'],
    ['switchyard.submit.', ''],
    ['switchyard.submit', ''],
  ];
  for (const [topic, word] of words) assert.equal(endpointWordOf(topic ?? ''), word, topic);
});
