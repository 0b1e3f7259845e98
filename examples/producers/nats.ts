/**
 * Submits a job over NATS and follows it to its end, with NATS's own client alone:
 * `node nats.ts nats://127.0.0.1:4222 echo '{"input":{"n":1}}' order-4711`.
 */
import { connect, createInbox, headers } from 'nats';

const [url, endpoint, body, messageId] = process.argv.slice(2);
if (url === undefined || endpoint === undefined || body === undefined || messageId === undefined) {
  throw new Error('usage: node nats.ts URL ENDPOINT BODY MESSAGE_ID');
}
const connection = await connect({ servers: url });

// Hear before you ask: what is published before a subscription is not heard.
const ends = connection.subscribe(`switchyard.events.${endpoint}.*`);
const inbox = createInbox();
const answers = connection.subscribe(inbox, { max: 1, timeout: 30_000 });

// Stored by JetStream when this resolves; accepted by Switchyard only when the answer says so.
const asked = headers();
asked.set('Switchyard-Reply-To', inbox);
await connection
  .jetstream()
  .publish(`switchyard.submit.${endpoint}`, body, { msgID: messageId, headers: asked });

let job: string | undefined;
for await (const answer of answers) {
  console.log(`answer ${answer.string()}`);
  job = answer.json<{ id?: string }>().id;
}

const TERMINAL = /^switchyard\.job\.(completed|failed|cancelled|timed_out)$/;
if (job === undefined) process.exitCode = 1;
else {
  for await (const message of ends) {
    const event = message.json<{ type: string; subject: string }>();
    if (event.subject !== job) continue;
    console.log(`event ${event.type}`);
    if (TERMINAL.test(event.type)) break;
  }
}
await connection.close();
