import type { Msg } from 'nats';
import type { Message } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { readWord, toBrokerError } from './failure.ts';
import { toNatsHeaders } from './headers.ts';
import type { NatsLink } from './link.ts';

const ACK_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 500;

type Publication = {
  readonly topic: string;
  readonly lateAtMs: number;
  /** With whether it had been stored before. */
  readonly resolve: (isRepeat: boolean) => void;
  readonly reject: (error: Error) => void;
};

/** Nobody took it: the stream is gone, or JetStream is off or not ready. */
export class Unheard extends Error {}

/**
 * JetStream publications that wait for the server's word. The vendor's own publish costs several
 * times as much, most of it for an error with its trace made ahead for each; here all of them
 * share one subscription, and one look now and then for those that are late.
 */
export class Publications {
  readonly #link: NatsLink;
  readonly #inbox: string;
  /** By the last word of the topic that the answer comes to; the oldest first. */
  readonly #waiting = new Map<string, Publication>();
  #last = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
    this.#inbox = `${link.makeInbox()}.`;
    link.nats.subscribe(`${this.#inbox}*`, {
      callback: (error, msg) => {
        if (error === null) this.#settle(msg);
        else link.log.error({ err: error }, 'The broker ended the listening for its word.');
      },
    });
    link.onChange((connected) => {
      if (!connected) this.#refuse(() => true, 'broker.unavailable', 'NATS is away');
    });
    link.onForbidden((topic) => {
      const isMeant = (publication: Publication): boolean => publication.topic === topic;
      this.#refuse(isMeant, 'broker.forbidden', 'NATS does not allow it');
    });
  }

  /** Resolves once it is stored. @throws Unheard, BrokerError. */
  async send({ topic, id, body, headers }: Message): Promise<void> {
    await this.ask(topic, (reply) => {
      this.#link.nats.publish(topic, body, { reply, headers: toNatsHeaders(headers, id) });
    });
  }

  /**
   * Waits for the server's word on the message to `topic` that `publish` sends, to be answered at
   * the address that it is given.
   * @returns whether a message of its id had been stored before. @throws Unheard, BrokerError.
   */
  ask(topic: string, publish: (reply: string) => void): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#last += 1;
      const place = this.#last.toString(36);
      try {
        publish(this.#inbox + place);
      } catch (error) {
        reject(toBrokerError(error, `appending to ${topic}`));
        return;
      }
      const lateAtMs = performance.now() + ACK_WITHIN_MS;
      this.#waiting.set(place, { topic, lateAtMs, resolve, reject });
      this.#looking ??= setTimeout(() => this.#look(), LOOK_EVERY_MS);
    });
  }

  #settle(msg: Msg): void {
    const place = msg.subject.slice(this.#inbox.length);
    const publication = this.#waiting.get(place);
    if (publication === undefined) return;
    this.#waiting.delete(place);
    const doing = `appending to ${publication.topic}`;
    if (msg.data.length === 0) {
      publication.reject(new Unheard(`Nobody took ${publication.topic}.`));
      return;
    }
    const { refusal, isRepeat } = readWord(msg.data, doing);
    if (refusal === undefined) publication.resolve(isRepeat);
    else publication.reject(refusal);
  }

  #look(): void {
    const nowMs = performance.now();
    const isLate = (publication: Publication): boolean => publication.lateAtMs <= nowMs;
    this.#refuse(isLate, 'broker.unavailable', `NATS said nothing within ${ACK_WITHIN_MS} ms`);
    const isMore = this.#waiting.size > 0;
    this.#looking = isMore ? setTimeout(() => this.#look(), LOOK_EVERY_MS) : undefined;
  }

  #refuse(
    isMeant: (publication: Publication) => boolean,
    code: 'broker.unavailable' | 'broker.forbidden',
    why: string,
  ): void {
    for (const [place, publication] of this.#waiting) {
      if (!isMeant(publication)) continue;
      this.#waiting.delete(place);
      publication.reject(new BrokerError(code, `Appending to ${publication.topic}: ${why}.`));
    }
  }
}
