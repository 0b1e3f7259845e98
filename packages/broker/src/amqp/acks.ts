import type { ConfirmChannel, ConsumeMessage } from 'amqplib';

/**
 * The acknowledgements of one channel. What is done in one turn of the event loop and stands
 * together at the head of what is in hand goes as one: a quorum queue writes each that comes to its
 * log. What is done behind something that is not goes by itself, since it counts as prefetched.
 */
export class Acks {
  readonly #channel: ConfirmChannel;
  /** What is in hand by its number, which rises, and whether it is done. */
  readonly #inHand = new Map<number, boolean>();
  #done: ConsumeMessage[] = [];

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
  }

  /** To be called for each delivery as it comes. */
  open(raw: ConsumeMessage): void {
    this.#inHand.set(raw.fields.deliveryTag, false);
  }

  done(raw: ConsumeMessage): void {
    this.#inHand.set(raw.fields.deliveryTag, true);
    this.#done.push(raw);
    if (this.#done.length === 1) setImmediate(() => this.flush());
  }

  /** Gives it to somebody else, or again. */
  back(raw: ConsumeMessage): void {
    this.#inHand.delete(raw.fields.deliveryTag);
    this.#say(() => this.#channel.nack(raw, false, true));
  }

  /** Says at once what is done. */
  flush(): void {
    const done = this.#done;
    this.#done = [];
    const upTo = this.#takeHead();
    const last = done.find(({ fields }) => fields.deliveryTag === upTo);
    if (last !== undefined) this.#say(() => this.#channel.ack(last, true));
    for (const raw of done) {
      if (this.#inHand.delete(raw.fields.deliveryTag)) this.#say(() => this.#channel.ack(raw));
    }
  }

  /** Takes what is done from the head. @returns the last number of it, 0 where there is none. */
  #takeHead(): number {
    let upTo = 0;
    for (const [tag, isDone] of this.#inHand) {
      if (!isDone) break;
      this.#inHand.delete(tag);
      upTo = tag;
    }
    return upTo;
  }

  #say(what: () => void): void {
    try {
      what();
    } catch {
      // The channel is closed, and the server gives the message to somebody else.
    }
  }
}
