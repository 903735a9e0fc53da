import type { StateDict } from "@retinaface-webgpu/tensor";
import { assertClose } from "./close.js";

/** Counters are whole numbers; what a ResNet has by the million is not copied. */
export function numbersOf(data: Iterable<number | bigint>): ArrayLike<number> {
  return data instanceof Float32Array ? data : Array.from(data, Number);
}

/** The largest absolute value; 0 of nothing. */
export function largestOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

export interface Likeness {
  /** The part of each tensor's largest value by which its values may differ. */
  readonly part: number;
  /** A difference that may be besides: where large terms cancel, what is left is their rounding. */
  readonly floor?: number | undefined;
  /** What is compared, shown in the error. */
  readonly what?: string;
}

/** Asserts that tensors of the same names hold values that are alike. */
export function assertAlike(actual: StateDict, expected: StateDict, likeness: Likeness): void {
  const { part, floor = 0, what } = likeness;
  for (const [name, { data }] of expected) {
    const values = numbersOf(data);
    assertClose(numbersOf(actual.get(name)!.data), values, {
      atol: part * largestOf(values) + floor,
      what: what === undefined ? name : `${what} ${name}`,
    });
  }
}
