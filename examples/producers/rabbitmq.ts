/**
 * Submits a job over RabbitMQ and follows it to its end, with amqplib alone:
 * `node rabbitmq.ts amqp://127.0.0.1:5672 echo '{"input":{"n":1}}' order-4711`.
 */
import amqp from 'amqplib';

const [url, endpoint, body, messageId] = process.argv.slice(2);
if (url === undefined || endpoint === undefined || body === undefined || messageId === undefined) {
  throw new Error('usage: node rabbitmq.ts URL ENDPOINT BODY MESSAGE_ID');
}
const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();

// Bind before you ask: events are not kept for queues that come later.
const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
await channel.bindQueue(queue, 'switchyard.events', `${endpoint}.*`);

const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to';
const answered = new Promise<string>((resolve) => {
  const hear = (message: { content: Buffer } | null) => resolve(message?.content.toString() ?? '');
  void channel.consume(DIRECT_REPLY_TO, hear, { noAck: true });
});

// Stored by RabbitMQ once it is confirmed; accepted by Switchyard only when the answer says so.
channel.publish('switchyard.submit', endpoint, Buffer.from(body), {
  messageId,
  persistent: true,
  mandatory: true,
  replyTo: DIRECT_REPLY_TO,
  correlationId: messageId,
});
await channel.waitForConfirms();

const answer = await answered;
console.log(`answer ${answer}`);
const { id: job }: { id?: string } = JSON.parse(answer);

const TERMINAL = /^switchyard\.job\.(completed|failed|cancelled|timed_out)$/;
if (job === undefined) process.exitCode = 1;
else {
  await new Promise<void>((resolve) => {
    void channel.consume(
      queue,
      (message) => {
        const event: { type: string; subject: string } = JSON.parse(
          message?.content.toString() ?? '{}',
        );
        if (event.subject !== job) return;
        console.log(`event ${event.type}`);
        if (TERMINAL.test(event.type)) resolve();
      },
      { noAck: true },
    );
  });
}
await connection.close();
