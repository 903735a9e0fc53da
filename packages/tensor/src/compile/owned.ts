/** What a plan has to give back, also where making it fails halfway. */
export class Owned {
  readonly #frees: (() => void)[] = [];

  add(free: () => void): void {
    this.#frees.push(free);
  }

  release(): void {
    for (const free of this.#frees.splice(0)) free();
  }
}
