import { EventEmitter, once } from 'node:events';
import type { BrokerLog } from '../broker.ts';

/** Collects what arrives and lets a test wait for as much as it expects. */
export class Mailbox<T> {
  readonly items: T[] = [];
  readonly #arrivals = new EventEmitter();

  put(item: T): void {
    this.items.push(item);
    this.#arrivals.emit('item');
  }

  /** Resolves with everything as soon as `done` holds. */
  async when(done: (items: readonly T[]) => boolean): Promise<readonly T[]> {
    while (!done(this.items)) await once(this.#arrivals, 'item');
    return this.items;
  }

  /** Resolves with everything as soon as there are `count`. */
  async whenCount(count: number): Promise<readonly T[]> {
    return await this.when((items) => items.length >= count);
  }
}

/** `body` read as UTF-8. */
export const text = (body: Uint8Array): string => Buffer.from(body).toString();

/** For tests that provoke what is logged. */
export const silentLog: BrokerLog = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
