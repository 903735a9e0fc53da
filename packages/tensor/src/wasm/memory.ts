/** A span of linear memory. */
export interface Block {
  readonly at: number;
  readonly bytes: number;
}

/** Blocks begin at lines of a processor's cache. */
const ALIGNMENT = 64;

/** Address 0 stays free: to the kernels it means that there is nothing. */
const FIRST = 1024;

/** Hands out spans of memory: the lowest that is large enough. */
export class BlockList {
  readonly #limit: number;
  /** By address. */
  readonly #blocks: Block[] = [];

  /** @param limit bytes that may be handed out in all */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes up to the end of the last block. */
  get end(): number {
    const last = this.#blocks[this.#blocks.length - 1];
    return last ? last.at + last.bytes : FIRST;
  }

  /** A span of at least `bytes`, or undefined where there is no room. */
  take(bytes: number): Block | undefined {
    const size = Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;
    let at = FIRST;
    let place = 0;
    for (; place < this.#blocks.length; place++) {
      const next = this.#blocks[place];
      if (next.at - at >= size) break;
      at = next.at + next.bytes;
    }
    if (at + size > this.#limit) return undefined;
    const block = { at, bytes: size };
    this.#blocks.splice(place, 0, block);
    return block;
  }

  give(block: Block): void {
    const place = this.#blocks.indexOf(block);
    if (place >= 0) this.#blocks.splice(place, 1);
  }
}
