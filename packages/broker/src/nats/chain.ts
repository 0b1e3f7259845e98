import type { Message } from '../broker.ts';

/**
 * The commands that publish `messages`, which have no headers of their own, in one piece. Each
 * names its forerunner, so that the server refuses all that follow one that it has not stored; it
 * answers the last alone, to `reply`. Topics and ids are ASCII by the port's rules, and a body goes
 * through as it is: in this encoding every byte is a character.
 */
export const encodeChain = (messages: readonly Message[], reply: string): Uint8Array => {
  const last = messages.at(-1);
  let expectation = '';
  let commands = '';
  for (const message of messages) {
    const { id, topic, body } = message;
    const headers = `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n${expectation}\r\n`;
    const sizes = `${headers.length} ${headers.length + body.length}`;
    const to = message === last ? `${topic} ${reply}` : topic;
    commands += `HPUB ${to} ${sizes}\r\n${headers}${charactersOf(body)}\r\n`;
    expectation = `Nats-Expected-Last-Msg-Id: ${id}\r\n`;
  }
  return Buffer.from(commands, 'latin1');
};

const charactersOf = (body: Uint8Array): string =>
  (Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.length)).toString(
    'latin1',
  );
