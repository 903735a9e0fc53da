import type { DType } from "./dtype.js";
import type { Shape } from "./shape.js";
import type { Storage } from "./storage.js";

/** A tensor as an operation used it: its memory, and how often that had been written. */
export interface SavedMemory {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly storage: Storage;
  readonly version: number;
}

/** A tensor as an operation used it; itself in a training step that is traced, where the trace keeps its memory. */
export type Saved<L> = SavedMemory | { readonly tensor: L };

/** Where an input's gradient goes: to a leaf, or to one of the outputs of an operation before. */
export type Target<L> =
  | { readonly leaf: L; readonly node?: undefined }
  | { readonly node: TapeNode<L>; readonly output: number };

let recorded = 0;

/** The `order` of the operation recorded last. */
export function lastRecorded(): number {
  return recorded;
}

/**
 * One recorded operation. It keeps the memory of what it read and wrote until its gradient has run, or until
 * nothing can reach it any more: no tensor that it made, and no operation that used one. Disposing of a tensor,
 * or the end of its scope, therefore takes nothing away that `backward()` needs.
 *
 * References are counted rather than left to the garbage collector, which does not know how large GPU memory is.
 * A node never refers to the tensors it made, so that those can be collected too.
 *
 * @typeParam L the leaves, whose gradients are kept
 */
export class TapeNode<L> {
  /** Greater than that of every operation recorded before. */
  readonly order = ++recorded;
  readonly op: { readonly name: string };
  readonly attrs: unknown;
  #inputs: readonly Saved<L>[];
  #outputs: readonly Saved<L>[];
  #targets: readonly (Target<L> | undefined)[];
  #references = 0;
  #spent = false;

  /** @param targets for each input, `undefined` where it needs no gradient */
  constructor(
    op: { readonly name: string },
    attrs: unknown,
    inputs: readonly Saved<L>[],
    outputs: readonly Saved<L>[],
    targets: readonly (Target<L> | undefined)[],
  ) {
    this.op = op;
    this.attrs = attrs;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#targets = targets;
    for (const saved of [...inputs, ...outputs]) if ("storage" in saved) saved.storage.retain();
    for (const target of targets) target?.node?.retain();
  }

  get inputs(): readonly Saved<L>[] {
    return this.#inputs;
  }

  get outputs(): readonly Saved<L>[] {
    return this.#outputs;
  }

  get targets(): readonly (Target<L> | undefined)[] {
    return this.#targets;
  }

  /** Whether its gradient has run, and what that needed is gone. */
  get isSpent(): boolean {
    return this.#spent;
  }

  retain(): void {
    this.#references++;
  }

  /** Lets go of one reference; with the last one the node and all that only it reaches are given up. */
  release(): void {
    const pending: TapeNode<L>[] = [];
    if (--this.#references === 0) pending.push(this);
    for (let node = pending.pop(); node; node = pending.pop()) node.#giveUp(pending);
  }

  /** Gives up what the gradient needed, once it has run. */
  spend(): void {
    const pending: TapeNode<L>[] = [];
    this.#giveUp(pending);
    for (let node = pending.pop(); node; node = pending.pop()) node.#giveUp(pending);
  }

  /** A loop over `pending` rather than recursion: a graph may be deeper than the stack. */
  #giveUp(pending: TapeNode<L>[]): void {
    for (const saved of [...this.#inputs, ...this.#outputs]) {
      if ("storage" in saved) saved.storage.release();
    }
    for (const target of this.#targets) {
      if (target?.node && --target.node.#references === 0) pending.push(target.node);
    }
    this.#inputs = [];
    this.#outputs = [];
    this.#targets = [];
    this.#spent = true;
  }
}
