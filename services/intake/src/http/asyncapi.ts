import { DEAD_HEADERS, REPLY_HEADERS } from '@switchyard/broker';
import {
  AcceptedSchema,
  CloudEventSchema,
  EVENTS,
  ProblemSchema,
  SubmissionSchema,
  streams,
  topics,
} from '@switchyard/contracts';

const GUARANTEES = `Producers publish submissions; whoever wants to hears what becomes of jobs.

The acknowledgement of a broker says that the broker has the message. It is not the acknowledgement
of Switchyard: that is the answer, which is sent after the job is committed to Postgres. A producer
that must know asks for an answer, or publishes again under the same message id, which makes no
second job within 24 hours as long as the body is the same. A submission is acknowledged to the
broker only after the commit; one that can never be taken is noted with its reason and without its
body.

Events come at least once, each under a stable id, those of a job in the order of their sequence;
progress alone comes at most once and has no sequence.`;

/** On NATS names are subjects, on RabbitMQ a topic exchange and the routing key behind it. */
const BROKERS = ['nats', 'rabbitmq'] as const;
type BrokerName = (typeof BROKERS)[number];

const messageOf = (name: string) => ({ $ref: `#/components/messages/${name}` });
const channelOf = (name: string) => ({ $ref: `#/channels/${name}` });
const messageIn = (channel: string, name: string) => ({
  $ref: `#/channels/${channel}/messages/${name}`,
});

const line = (description: string) => ({ type: 'string', description });

const MESSAGES = {
  natsSubmission: {
    title: 'A submission',
    summary: 'The body of `/run`.',
    payload: SubmissionSchema,
    headers: {
      type: 'object',
      properties: {
        'Nats-Msg-Id': line('Makes it idempotent: 1 to 255 visible ASCII characters.'),
        [REPLY_HEADERS.to]: line('The subject to which the answer of a durable one goes.'),
        [REPLY_HEADERS.correlationId]: line('Repeated in the answer.'),
      },
    },
  },
  rabbitmqSubmission: {
    title: 'A submission',
    summary: 'The body of `/run`. What stands as headers here are properties of the message.',
    payload: SubmissionSchema,
    headers: {
      type: 'object',
      properties: {
        'message-id': line('Makes it idempotent: 1 to 255 visible ASCII characters.'),
        'reply-to': line('The queue to which the answer goes; direct reply-to will do.'),
        'correlation-id': line('Repeated in the answer.'),
      },
    },
  },
  accepted: {
    title: 'Accepted',
    summary: 'The answer after the commit; of a repeat with the state that the job has by now.',
    payload: AcceptedSchema,
  },
  problem: {
    title: 'Refused',
    summary: 'Why a submission is not taken (RFC 9457).',
    payload: ProblemSchema,
  },
  event: {
    title: 'What happened to a job',
    summary: 'A CloudEvent in structured JSON.',
    payload: CloudEventSchema,
  },
  deadLetter: {
    title: 'The note of a submission that can never be taken',
    summary: 'All of it stands in the headers; the body is empty.',
    contentType: 'application/octet-stream',
    payload: { type: 'string', maxLength: 0 },
    headers: {
      type: 'object',
      required: Object.values(DEAD_HEADERS),
      properties: {
        [DEAD_HEADERS.reason]: line('The code of the problem and a sentence, without any value.'),
        [DEAD_HEADERS.id]: line('The message id.'),
        [DEAD_HEADERS.topic]: line('Where it was published.'),
        [DEAD_HEADERS.length]: line('The length of its body, in bytes.'),
        [DEAD_HEADERS.sha256]: line('The SHA-256 of its body, in hex.'),
      },
    },
  },
};
type MessageName = keyof typeof MESSAGES;

const PARAMETERS = {
  endpoint: { description: 'Lower-case letters, digits and dashes, 1 to 64 of them.' },
  event: { enum: [...EVENTS, 'progress'], description: 'What happened.' },
};

/** The words of a pattern with `{names}` for its stars. */
const addressOf = (pattern: string, names: readonly string[]): string => {
  let at = 0;
  return pattern.replaceAll('*', () => `{${names[at++]}}`);
};

type Described = {
  readonly pattern: string;
  readonly names: readonly (keyof typeof PARAMETERS)[];
  readonly description: string;
  readonly messages: readonly MessageName[];
};

const namedMessages = (names: readonly MessageName[]) =>
  Object.fromEntries(names.map((name) => [name, messageOf(name)]));

const natsChannel = ({ pattern, names, description, messages }: Described) => ({
  address: addressOf(pattern, names),
  description,
  servers: [{ $ref: '#/servers/nats' }],
  parameters: Object.fromEntries(names.map((name) => [name, PARAMETERS[name]])),
  messages: namedMessages(messages),
});

/** The exchange is named by the words before the first star. */
const rabbitmqChannel = ({ pattern, names, description, messages }: Described) => ({
  address: addressOf(pattern.slice(pattern.indexOf('*')), names),
  description,
  servers: [{ $ref: '#/servers/rabbitmq' }],
  parameters: Object.fromEntries(names.map((name) => [name, PARAMETERS[name]])),
  messages: namedMessages(messages),
  bindings: {
    amqp: {
      is: 'routingKey',
      exchange: {
        name: pattern.slice(0, pattern.indexOf('*') - 1),
        type: 'topic',
        durable: true,
        autoDelete: false,
      },
      bindingVersion: '0.3.0',
    },
  },
});

const SUBMISSIONS = { pattern: topics.anySubmit, names: ['endpoint'] } as const;
const EVENT_LOG: Described = {
  pattern: topics.anyEvent,
  names: ['endpoint', 'event'],
  description: `What happens to jobs; on NATS kept in the stream ${streams.events.name}.`,
  messages: ['event'],
};
const DEAD_LETTERS: Described = {
  pattern: topics.anyDead,
  names: ['endpoint'],
  description:
    `Notes of what is never taken, kept in the stream ${streams.deadLetters.name} of NATS and ` +
    'in the queue switchyard.dead of RabbitMQ; under "unknown" where the topic names no endpoint.',
  messages: ['deadLetter'],
};

const answers = (broker: BrokerName) => ({
  // Each asker has an address of its own.
  address: null,
  description: 'Where askers hear their answers.',
  servers: [{ $ref: `#/servers/${broker}` }],
  messages: namedMessages(['accepted', 'problem']),
});

const CHANNELS = {
  natsSubmit: natsChannel({
    ...SUBMISSIONS,
    description: `Durable submissions, in the stream ${streams.submissions.name}.`,
    messages: ['natsSubmission'],
  }),
  natsAsk: natsChannel({
    pattern: topics.anyRpcSubmit,
    names: ['endpoint'],
    description: 'Submissions of those who wait for the answer; nothing is stored by NATS.',
    messages: ['natsSubmission'],
  }),
  natsAnswers: answers('nats'),
  natsEvents: natsChannel(EVENT_LOG),
  natsDead: natsChannel(DEAD_LETTERS),
  rabbitmqSubmit: rabbitmqChannel({
    ...SUBMISSIONS,
    description: 'Durable submissions, of those who wait for the answer too.',
    messages: ['rabbitmqSubmission'],
  }),
  rabbitmqAnswers: answers('rabbitmq'),
  rabbitmqEvents: rabbitmqChannel(EVENT_LOG),
  rabbitmqDead: rabbitmqChannel(DEAD_LETTERS),
};
type ChannelName = keyof typeof CHANNELS;

const receive = (
  channel: ChannelName,
  message: MessageName,
  summary: string,
  reply: { readonly channel: ChannelName; readonly location?: string },
) => ({
  action: 'receive',
  channel: channelOf(channel),
  messages: [messageIn(channel, message)],
  summary,
  reply: {
    ...(reply.location === undefined ? {} : { address: { location: reply.location } }),
    channel: channelOf(reply.channel),
    messages: [messageIn(reply.channel, 'accepted'), messageIn(reply.channel, 'problem')],
  },
});

const send = (channel: ChannelName, message: MessageName, summary: string) => ({
  action: 'send',
  channel: channelOf(channel),
  messages: [messageIn(channel, message)],
  summary,
});

const OPERATIONS = {
  natsTakeSubmission: receive('natsSubmit', 'natsSubmission', 'Acked after the commit.', {
    channel: 'natsAnswers',
    location: `$message.header#/${REPLY_HEADERS.to}`,
  }),
  natsAnswerSubmission: {
    ...receive('natsAsk', 'natsSubmission', 'Answered at once, refusals too.', {
      channel: 'natsAnswers',
    }),
    bindings: { nats: { queue: streams.submissions.group, bindingVersion: '0.1.0' } },
  },
  natsPublishEvent: send('natsEvents', 'event', 'Published once it is in the log.'),
  natsBury: send('natsDead', 'deadLetter', 'Noted before the submission is acked.'),
  rabbitmqTakeSubmission: receive(
    'rabbitmqSubmit',
    'rabbitmqSubmission',
    'Acked after the commit.',
    { channel: 'rabbitmqAnswers', location: '$message.header#/reply-to' },
  ),
  rabbitmqPublishEvent: {
    ...send('rabbitmqEvents', 'event', 'Published once it is in the log.'),
    bindings: { amqp: { deliveryMode: 2, mandatory: false, bindingVersion: '0.3.0' } },
  },
  rabbitmqBury: {
    ...send('rabbitmqDead', 'deadLetter', 'Noted before the submission is acked.'),
    bindings: { amqp: { deliveryMode: 2, mandatory: true, bindingVersion: '0.3.0' } },
  },
};

/** The AsyncAPI 3 document of what goes over the broker, from the schemas that hold there. */
export const describeBroker = (): object => ({
  asyncapi: '3.0.0',
  info: { title: 'Switchyard on the broker', version: '1', description: GUARANTEES },
  defaultContentType: 'application/json',
  servers: {
    nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'NATS with JetStream.' },
    rabbitmq: { host: '127.0.0.1:5672', protocol: 'amqp', protocolVersion: '0.9.1' },
  },
  channels: CHANNELS,
  operations: OPERATIONS,
  components: { messages: MESSAGES },
});
