import { NatsError } from 'nats';
import type { Answer } from '../broker.ts';
import { ANSWERS_MAX, checkBody } from '../limits.ts';
import { checkName, checkPattern, checkTopic } from '../topics.ts';
import { refusal, toBrokerError } from './failure.ts';
import { fromNatsHeaders } from './headers.ts';
import type { NatsLink } from './link.ts';

/** Core request and reply; nothing is stored. */
export const request = async (
  link: NatsLink,
  topic: string,
  body: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> => {
  checkTopic(topic);
  checkBody(body, link.maxBodyBytes());
  link.checkConnected();
  try {
    return (await link.nats.request(topic, body, { timeout: Math.max(1, timeoutMs) })).data;
  } catch (error) {
    const code = error instanceof NatsError ? error.code : undefined;
    if (code !== '503' && code !== 'TIMEOUT') throw toBrokerError(error, `asking ${topic}`);
    const why = code === '503' ? 'nobody serves it' : `nobody answered within ${timeoutMs} ms`;
    throw refusal('broker.no_answer', `No answer from ${topic}: ${why}.`, error);
  }
};

/** Resolves when `stop` aborts and each request that was begun has its answer. */
export const serve = async (
  link: NatsLink,
  pattern: string,
  group: string,
  answer: Answer,
  stop: AbortSignal,
): Promise<void> => {
  checkPattern(pattern);
  checkName(group);
  if (stop.aborted) return;
  const running = new Set<Promise<void>>();
  const subscription = link.nats.subscribe(pattern, {
    queue: group,
    callback: (error, msg) => {
      if (error !== null) {
        link.log.error({ topic: pattern, err: error }, 'The broker ended the serving.');
        return;
      }
      if (running.size >= ANSWERS_MAX) {
        link.log.warn({ topic: msg.subject }, 'A request is left unanswered: too many run.');
        return;
      }
      const run = async (): Promise<void> => {
        const { id, headers } = fromNatsHeaders(msg);
        const reply = await answer({ topic: msg.subject, body: msg.data, id, headers });
        checkBody(reply, link.maxBodyBytes());
        if (link.isConnected()) msg.respond(reply);
      };
      const task = run()
        .catch((thrown: unknown) => {
          link.log.error({ topic: msg.subject, err: thrown }, 'A request stays unanswered.');
        })
        .finally(() => running.delete(task));
      running.add(task);
    },
  });
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  stop.addEventListener('abort', () => resolve(), { once: true });
  await stopped;
  // Requests that the server sent before it knew are still answered.
  if (link.isConnected()) await subscription.drain().catch(() => undefined);
  else subscription.unsubscribe();
  await Promise.all(running);
  await link.flush();
};
