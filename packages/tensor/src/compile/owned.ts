import type { Storage } from "../core/storage.js";
import type { Tensor } from "../core/tensor.js";

/** What a plan has to give back, also where making it fails halfway. */
export class Owned {
  readonly #frees: (() => void)[] = [];
  readonly #tensors: Tensor[] = [];
  #released = false;

  /** Calls `free` in the end, or now if that was before. */
  add(free: () => void): void {
    if (this.#released) free();
    else this.#frees.push(free);
  }

  /** Holds on to memory. */
  retain(storage: Storage): void {
    storage.retain();
    this.add(() => storage.release());
  }

  /** A tensor that the plan shows to its user. */
  show(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    return tensor;
  }

  /** Gives everything back. */
  release(): void {
    for (const tensor of this.#tensors.splice(0)) tensor.dispose();
    this.abandon();
  }

  /** Gives back what nobody sees: tensors that a user may still hold go when nobody holds them. */
  abandon(): void {
    this.#released = true;
    this.#tensors.length = 0;
    for (const free of this.#frees.splice(0)) free();
  }
}
