/** What may wait: so many items and so many bytes. Batchers that share a room share its bounds. */
export class Room {
  readonly maxItems: number;
  readonly maxBytes: number;
  #items = 0;
  #bytes = 0;

  constructor(maxItems: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.maxItems = maxItems;
    this.maxBytes = maxBytes;
  }

  get items(): number {
    return this.#items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** An item larger than the whole room fits an empty one: it must be able to pass at all. */
  fits(bytes: number): boolean {
    return this.#items === 0
      ? this.maxItems > 0
      : this.#items < this.maxItems && this.#bytes + bytes <= this.maxBytes;
  }

  enter(bytes: number): void {
    this.#items += 1;
    this.#bytes += bytes;
  }

  leave(items: number, bytes: number): void {
    this.#items -= items;
    this.#bytes -= bytes;
  }
}
