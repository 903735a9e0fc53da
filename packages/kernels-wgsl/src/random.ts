/**
 * Random numbers without a state: number i of a stream is a hash of the seed, the stream and i, so that invocations need
 * nothing of each other and the same three give the same numbers on every adapter.
 *
 * The hash is PCG's output function over a linear congruential step (O'Neill 2014; Jarzynski and Olano 2020 for shaders),
 * applied to i, the stream and the seed in turn. It is for masks, noise and starting weights, and no secret.
 */
import { defineKernel, input, output } from "./define.js";
import type { Kernel } from "./kernel.js";

/** Which numbers. */
export interface RandomSpec {
  readonly count: number;
  /** 32 bits each; numbers of other seeds and other streams are independent. */
  readonly seed: number;
  readonly stream: number;
}

const hash = `fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn bits(i: u32) -> u32 { return pcg(i + pcg(p.stream + pcg(p.seed))); }
/** Uniform in [0, 1): the upper 24 bits, which an f32 holds exactly. */
fn fraction(i: u32) -> f32 { return f32(bits(i) >> 8u) * (1.0 / 16777216.0); }`;

function params({ seed, stream }: RandomSpec) {
  return { seed: seed >>> 0, stream: stream >>> 0 };
}

/** Uniform numbers from `low` up to but without `high`. Bindings: y. */
export function randomUniform(
  spec: RandomSpec & { readonly low: number; readonly high: number },
): Kernel {
  return defineKernel({
    name: "random-uniform",
    buffers: [output("y", "f32")],
    params: { ...params(spec), low: { f32: spec.low }, range: { f32: spec.high - spec.low } },
    globals: hash,
    count: spec.count,
    body: "  y[i] = p.low + p.range * fraction(i);",
    flops: spec.count * 4,
    bytes: spec.count * 4,
  });
}

/** Normally distributed numbers, two uniform ones each (Box and Muller 1958). Bindings: y. */
export function randomNormal(
  spec: RandomSpec & { readonly mean: number; readonly deviation: number },
): Kernel {
  return defineKernel({
    name: "random-normal",
    buffers: [output("y", "f32")],
    params: { ...params(spec), mean: { f32: spec.mean }, deviation: { f32: spec.deviation } },
    globals: hash,
    count: spec.count,
    body: `  let radius = sqrt(-2.0 * log(1.0 - fraction(2u * i)));
  y[i] = p.mean + p.deviation * radius * cos(6.283185307179586 * fraction(2u * i + 1u));`,
    flops: spec.count * 12,
    bytes: spec.count * 4,
  });
}

/** What dropout multiplies by: 1 / keep with probability `keep`, else 0. Bindings: any tensor, mask. */
export function dropoutMask(spec: RandomSpec & { readonly keep: number }): Kernel {
  return defineKernel({
    name: "dropout-mask",
    buffers: [input("like", "f32"), output("mask", "f32")],
    params: {
      ...params(spec),
      keep: { f32: spec.keep },
      scale: { f32: spec.keep > 0 ? 1 / spec.keep : 0 },
    },
    globals: hash,
    count: spec.count,
    body: "  mask[i] = select(0.0, p.scale, fraction(i) < p.keep);",
    flops: spec.count * 4,
    bytes: spec.count * 4,
  });
}
