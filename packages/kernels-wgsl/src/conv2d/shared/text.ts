/** Pieces of WGSL text, and what decides between them. */
import type { Conv2dSpec } from "./spec.js";

/** `line(0)`, `line(1)`, … below each other: a loop that is unrolled in the text. */
export function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

const texts = /* @__PURE__ */ new WeakMap<object, Map<string, string>>();
/** Of one function; the networks of this repository need a handful. */
const MOST_TEXTS = 256;

/**
 * `make(...args)`, made once for equal arguments, which are plain data: plans for other sizes have the same texts. 96
 * launches of 12 convolutions take 5 ms of processor time instead of 30 (`subgroup-gemm`), 0.8 instead of 8 (`tiled`;
 * Node 20, two runs in turn, 2026-11-30).
 */
export function once<A extends readonly unknown[]>(
  make: (...args: A) => string,
  ...args: A
): string {
  const known = texts.get(make) ?? new Map<string, string>();
  texts.set(make, known);
  const key = JSON.stringify(args);
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= MOST_TEXTS) known.clear();
  const text = make(...args);
  known.set(key, text);
  return text;
}

/** WGSL of four channels from element `at` on, `last` being the last that exists; beyond it the last is repeated. */
export function load4(buffer: string, aligned: boolean, at: string, last: string): string {
  if (aligned) return `${buffer}[${at} / 4u]`;
  const items = Array.from({ length: 4 }, (_, i) => `${buffer}[min(${at} + ${i}u, ${last})]`);
  return `vec4f(${items.join(", ")})`;
}

/** Whether channels come in fours at multiples of four, so that a vec4f is four of them. */
export interface Alignment {
  readonly input: boolean;
  /** Of the output's gradient. */
  readonly gradient: boolean;
}

export function alignmentOf(spec: Conv2dSpec): Alignment {
  const { inChannels, inStride = inChannels, inOffset = 0 } = spec;
  const { outChannels, outStride = outChannels, outOffset = 0 } = spec;
  const inFours = (...numbers: number[]) => numbers.every((n) => n % 4 === 0);
  return {
    input: inFours(inChannels, inStride, inOffset),
    gradient: inFours(outChannels, outStride, outOffset),
  };
}
