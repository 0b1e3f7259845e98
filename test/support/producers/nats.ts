import { connect, headers, type JetStreamManager, type MsgHdrs, nanos } from 'nats';
import { ANSWER_MAX_MS, type DeadLetter, type Producer, type Publication } from '../producer.ts';

/** A producer on NATS. */
export const openNatsProducer = async (url: string): Promise<Producer> => {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  const jetstream = connection.jetstream();
  let asked = 0;

  const publish = async (
    { endpoint, body, id }: Publication,
    more: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    const given = Object.entries(more);
    const made = given.length === 0 ? undefined : headersOf(given);
    await jetstream.publish(`switchyard.submit.${endpoint}`, bytesOf(body), {
      ...(id === undefined ? {} : { msgID: id }),
      ...(made === undefined ? {} : { headers: made }),
    });
  };

  return {
    publish,
    publishAndHear: async (publication) => {
      asked += 1;
      const address = `answers.${connection.info?.client_id ?? 0}.${asked}`;
      const answers = connection.subscribe(address, { max: 1, timeout: ANSWER_MAX_MS });
      await publish(publication, { 'Switchyard-Reply-To': address });
      for await (const { data } of answers) return Buffer.from(data);
      throw new Error('the subscription ended without an answer');
    },
    ask: async ({ endpoint, body, id }) => {
      const made = id === undefined ? undefined : headersOf([['Nats-Msg-Id', id]]);
      const answer = await connection.request(`switchyard.rpc.submit.${endpoint}`, bytesOf(body), {
        timeout: ANSWER_MAX_MS,
        ...(made === undefined ? {} : { headers: made }),
      });
      return Buffer.from(answer.data);
    },
    deadLetters: () => readDeadLetters(manager),
    waiting: () => countWaiting(manager),
    describeWaiting: () => describeWaiting(manager),
    setDuplicateWindow: async (ms) => {
      await manager.streams.update('SWITCHYARD_SUBMIT', { duplicate_window: nanos(ms) });
    },
    hearEvents: async (hear) => {
      connection.subscribe('switchyard.events.>', {
        callback: (error, { subject, data }) => {
          if (error === null) hear({ topic: subject, body: Buffer.from(data) });
        },
      });
      await connection.flush();
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
};

const bytesOf = (body: string | Buffer): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : body;

const headersOf = (given: readonly (readonly [string, string])[]): MsgHdrs => {
  const made = headers();
  for (const [name, value] of given) made.set(name, value);
  return made;
};

/**
 * What the group has yet to settle. The stream itself may hold more: a NATS of 2.9 that is killed
 * brings messages back that were acknowledged, and gives them to nobody.
 */
const countWaiting = async (manager: JetStreamManager): Promise<number> => {
  const groups = await manager.consumers.list('SWITCHYARD_SUBMIT').next();
  if (groups.length === 0) return (await manager.streams.info('SWITCHYARD_SUBMIT')).state.messages;
  return groups.reduce((sum, group) => sum + group.num_pending + group.num_ack_pending, 0);
};

const describeWaiting = async (manager: JetStreamManager): Promise<string> => {
  const { state } = await manager.streams.info('SWITCHYARD_SUBMIT');
  const groups = await manager.consumers.list('SWITCHYARD_SUBMIT').next();
  const told = groups.map(
    ({ name, num_pending: left, num_ack_pending: inHand, num_redelivered: again, ...info }) =>
      `${name} has ${inHand} in hand, ${again} of them again, ${left} left, ` +
      `${info.num_waiting} pulls wait, and settled all up to ${info.ack_floor.stream_seq}`,
  );
  return `${state.first_seq} to ${state.last_seq}; ${told.join('; ')}`;
};

const readDeadLetters = async (manager: JetStreamManager): Promise<DeadLetter[]> => {
  const { first_seq: first, last_seq: last } = (await manager.streams.info('SWITCHYARD_DEAD'))
    .state;
  const letters: DeadLetter[] = [];
  for (let seq = Math.max(first, 1); seq <= last; seq += 1) {
    const { subject, data, header } = await manager.streams.getMessage('SWITCHYARD_DEAD', { seq });
    const names = [...header].map(([name, [value = '']]): [string, string] => [name, value]);
    letters.push({ topic: subject, body: Buffer.from(data), headers: Object.fromEntries(names) });
  }
  return letters;
};
