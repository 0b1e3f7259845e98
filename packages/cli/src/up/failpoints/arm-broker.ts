import { type Broker, BrokerError } from '@switchyard/broker';
import type { Failpoints } from '@switchyard/runtime';

const failed = (): never => {
  throw new BrokerError('broker.unavailable', 'A failpoint took the broker away.');
};

/** Of `switchyard.hint.nudge.{endpoint}` `nudge`, of `switchyard.events.…` `events`. */
const subjectOf = (topic: string): string => {
  const [, first = '', second = ''] = topic.split('.');
  return first === 'hint' ? second : first;
};

/**
 * The broker with a failpoint at each of its calls: `broker.hint.{what}` and `broker.hear.{what}`
 * for a hint that leaves and one that comes, `broker.append`, `broker.appendInOrder`,
 * `broker.listen`, `broker.consume`, `broker.serve` and `broker.request` for calls of that name,
 * and `broker.settle` and `broker.answer` around what a consumer or server does with one message:
 * after it, the message is not acked yet.
 */
export const armBroker = (broker: Broker, points: Failpoints): Broker => ({
  get maxBodyBytes() {
    return broker.maxBodyBytes;
  },
  stats: broker.stats,
  onConnectionChange: broker.onConnectionChange,
  close: broker.close,
  hint: (topic, body) => {
    points.send(`broker.hint.${subjectOf(topic)}`, () => broker.hint(topic, body));
  },
  listen: (pattern, hear, stop, group) => {
    const heard = `broker.hear.${subjectOf(pattern)}`;
    const listen = () =>
      broker.listen(pattern, (hint) => points.send(heard, () => hear(hint)), stop, group);
    // Who listens is promised that it comes about in the end: it fails no more than it is late.
    return points.around('broker.listen', listen, listen);
  },
  request: (topic, body, timeoutMs) =>
    points.around('broker.request', () => broker.request(topic, body, timeoutMs), failed),
  serve: (pattern, group, answer, stop) => {
    const serve = () =>
      broker.serve(
        pattern,
        group,
        (request) => points.around('broker.answer', () => answer(request), failed),
        stop,
      );
    return points.around('broker.serve', serve, serve);
  },
  append: (message) => points.around('broker.append', () => broker.append(message), failed),
  appendInOrder: (messages) =>
    points.around('broker.appendInOrder', () => broker.appendInOrder(messages), failed),
  consume: (pattern, group, handle, stop, options) => {
    const consume = () =>
      broker.consume(
        pattern,
        group,
        (message, delivery) =>
          points.around('broker.settle', () => handle(message, delivery), failed),
        stop,
        options,
      );
    return points.around('broker.consume', consume, consume);
  },
});
