/** Keeps what was made for the last few keys, and disposes of the rest. */
export class Recent<T extends { dispose(): void }> {
  readonly #most: number;
  /** The longest unused first. */
  readonly #items = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  /** What there is for a key, or what `make` makes; the least recently used one makes room. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#items.get(key);
    if (known) {
      this.#items.delete(key);
      this.#items.set(key, known);
      return known;
    }
    if (this.#items.size >= this.#most) {
      const [oldest] = this.#items.keys();
      this.#items.get(oldest)?.dispose();
      this.#items.delete(oldest);
    }
    const made = await make();
    this.#items.set(key, made);
    return made;
  }

  clear(): void {
    for (const item of this.#items.values()) item.dispose();
    this.#items.clear();
  }
}
