/** What was amiss with an image that is shown all the same: each kind once, with how often. */
export class Warnings {
  readonly #counts = new Map<string, number>();

  add(text: string): void {
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
  }

  /** As a property of the result, absent where nothing was amiss. */
  get property(): { warnings?: string[] } {
    if (this.#counts.size === 0) return {};
    const warnings = [...this.#counts].map(([text, n]) => (n > 1 ? `${text} (${n} times)` : text));
    return { warnings };
  }
}
