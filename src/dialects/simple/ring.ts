const FIRST_SLOTS = 8;

/**
 * A queue in one array that is written over. `push` and `shift` of an array would have it moved
 * now and then, and what an abandoned array refers to lives until the next collection of
 * everything: for a queue that keeps its length that is most of what passes through it.
 */
export class Ring<T> {
  #slots: (T | undefined)[] = [];
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#length) % this.#slots.length] = item;
    this.#length++;
  }

  /** Takes the oldest; undefined where there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#first];
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#slots.length;
    this.#length--;
    return item;
  }

  /** The newest so many, oldest first. */
  newest(count: number): T[] {
    const items: T[] = [];
    for (let n = Math.max(0, this.#length - count); n < this.#length; n++) {
      const item = this.#slots[(this.#first + n) % this.#slots.length];
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  clear(): void {
    this.#slots = [];
    this.#first = 0;
    this.#length = 0;
  }

  #grow(): void {
    const items: (T | undefined)[] = this.newest(this.#length);
    items.length = Math.max(FIRST_SLOTS, Math.ceil(this.#length * 1.5));
    this.#slots = items.fill(undefined, this.#length);
    this.#first = 0;
  }
}
