/** Pieces of WGSL text, and what decides between them. */
import type { Conv2dSpec } from "./spec.js";

/** `line(0)`, `line(1)`, … below each other: a loop that is unrolled in the text. */
export function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
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
