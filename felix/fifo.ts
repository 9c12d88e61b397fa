/** First in, first out, in an array: what is taken moves none of those after it. */
export class Fifo<T> {
  /** Those before `#next` are taken. */
  #things: T[] = [];
  #next = 0;

  add(thing: T): void {
    this.#things.push(thing);
  }

  /** The first; undefined: there is none. */
  take(): T | undefined {
    const thing = this.#things[this.#next];
    if (this.#next < this.#things.length) this.#next++;
    if (2 * this.#next >= this.#things.length) {
      this.#things = this.#things.slice(this.#next);
      this.#next = 0;
    }
    return thing;
  }

  clear(): void {
    this.#things = [];
    this.#next = 0;
  }
}
