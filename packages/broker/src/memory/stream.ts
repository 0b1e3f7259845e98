import type { Message, StreamSpec } from '../broker.ts';
import { BrokerError } from '../broker-error.ts';
import { MESSAGE_OVERHEAD_BYTES } from '../limits.ts';
import { covers } from '../topics.ts';
import { type Kept, MemoryGroup } from './group.ts';

const IDS_MAX = 100_000;

/**
 * One stream: what was appended, as long as its limits let it. The oldest go first, but nothing
 * that a group has not settled; where that leaves no room, appends are refused.
 */
export class MemoryStream {
  readonly spec: StreamSpec;
  readonly #maxBytes: number;
  readonly #kept = new Map<number, Kept>();
  readonly #groups = new Map<string, MemoryGroup>();
  /** When each id was appended; the oldest first. */
  readonly #ids = new Map<string, number>();
  #bytes = 0;
  #next = 1;

  constructor(spec: StreamSpec, retainedMaxBytes: number) {
    this.spec = spec;
    this.#maxBytes = Math.min(spec.maxBytes ?? retainedMaxBytes, retainedMaxBytes);
    if (spec.keep === 'work') this.group(spec.group, spec.topics[0] ?? '');
  }

  append(message: Message): void {
    const now = performance.now();
    this.#forget(now);
    if (this.#ids.has(message.id)) return;
    const bytes = message.body.length + MESSAGE_OVERHEAD_BYTES;
    this.#makeRoom(bytes);
    const kept: Kept = {
      seq: this.#next,
      message: { ...message, headers: { ...message.headers }, body: Uint8Array.from(message.body) },
      appendedAt: now,
      holders: 0,
    };
    this.#kept.set(kept.seq, kept);
    this.#next += 1;
    this.#bytes += bytes;
    this.#ids.set(message.id, now);
    for (const group of this.#groups.values()) group.offer(kept);
  }

  /** The group of that name, which is offered all that is kept when it is new. */
  group(name: string, pattern: string): MemoryGroup {
    const found = this.#groups.get(name);
    if (found?.pattern === pattern) return found;
    if (found !== undefined) {
      throw new BrokerError(
        'broker.conflict',
        `The group ${name} of the stream ${this.spec.name} consumes ${found.pattern} already; ` +
          `${pattern} needs a group of its own.`,
      );
    }
    const group = new MemoryGroup(pattern, (kept) => {
      if (this.spec.keep === 'work') this.#drop(kept);
    });
    this.#groups.set(name, group);
    this.#forget(performance.now());
    for (const kept of this.#kept.values()) {
      if (covers(pattern, kept.message.topic)) group.offer(kept);
    }
    return group;
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
    this.#kept.clear();
    this.#groups.clear();
  }

  #forget(now: number): void {
    for (const [id, at] of this.#ids) {
      if (now - at < this.spec.duplicateWindowMs && this.#ids.size <= IDS_MAX) break;
      this.#ids.delete(id);
    }
    if (this.spec.keep === 'work') return;
    for (const kept of this.#kept.values()) {
      if (now - kept.appendedAt < this.spec.maxAgeMs || kept.holders > 0) break;
      this.#drop(kept);
    }
  }

  #makeRoom(bytes: number): void {
    for (const kept of this.#kept.values()) {
      if (this.#bytes + bytes <= this.#maxBytes) return;
      if (kept.holders > 0) break;
      this.#drop(kept);
    }
    if (this.#bytes + bytes <= this.#maxBytes || this.#kept.size === 0) return;
    throw new BrokerError(
      'broker.unavailable',
      `The stream ${this.spec.name} is full of messages that a group has not settled.`,
    );
  }

  #drop(kept: Kept): void {
    if (!this.#kept.delete(kept.seq)) return;
    this.#bytes -= kept.message.body.length + MESSAGE_OVERHEAD_BYTES;
  }
}
