/**
 * Random networks, each as a forward pass on tensors and as one in float64 on plain arrays: what fuzzing compiles and
 * compares. They share weights, carry activations of their own, transpose convolutions, take weights as inputs, compute
 * with weights, upsample into sums, and return values from anywhere in between.
 */
import type { Tensor } from "@retinaface-webgpu/tensor";
import { type NdArray, sizeOf } from "../../reference/array.js";
import { Random } from "../random.js";
import { Builder, type GraphNode, type GraphWeight, type Maker, type Shape } from "./builder.js";
import { branches, convolve, repeat, transposed } from "./convolutions.js";
import { counted, deep } from "./integers.js";
import {
  accumulated,
  attend,
  chosen,
  curve,
  gated,
  indexed,
  moved,
  ordered,
  standardize,
} from "./networks.js";
import {
  activation,
  classify,
  concatenate,
  join,
  norm,
  pooled,
  reshaped,
  scalar,
  sliced,
  sum,
  upsampledSum,
} from "./operations.js";

/** A network: its inputs are the first values, its nodes' results the others. */
export interface RandomGraph {
  readonly inputs: readonly Shape[];
  readonly weights: readonly GraphWeight[];
  readonly outputs: readonly number[];
  readonly text: string;
  forward(inputs: readonly Tensor[], weights: readonly Tensor[]): Record<string, Tensor>;
  expect(inputs: readonly NdArray[], weights: readonly NdArray[]): Record<string, NdArray>;
}

/** A convolution with what usually follows it. */
const block: Maker = (b) => {
  b.random.pick([convolve, convolve, repeat])(b);
  b.follow = true;
  for (const maker of [norm, activation, upsampledSum, activation]) {
    if (b.random.uniform() < 0.5) maker(b);
  }
  b.follow = false;
};

/** Branches and, most of the time, their concatenation with an activation behind it. */
const joined: Maker = (b) => {
  const before = b.nodes.length;
  branches(b);
  const made = b.nodes.length - before;
  if (made < 2 || b.random.uniform() < 0.2) return;
  const parts = Array.from({ length: made }, (_, i) => b.shapes.length - made + i);
  concatenate(b, parts, 3);
  b.follow = true;
  if (b.random.uniform() < 0.5) activation(b);
  b.follow = false;
};

const MAKERS: readonly (readonly [maker: Maker, share: number])[] = [
  [block, 8],
  [joined, 3],
  [convolve, 3],
  [repeat, 3],
  [norm, 4],
  [activation, 5],
  [sum, 3],
  [upsampledSum, 3],
  [join, 3],
  [transposed, 2],
  [pooled, 1],
  [scalar, 1],
  [sliced, 1],
  [reshaped, 1],
  [classify, 1],
];

/** What other networks have besides. */
const OTHERS: typeof MAKERS = [
  [curve, 8],
  [standardize, 5],
  [attend, 4],
  [ordered, 4],
  [indexed, 5],
  [accumulated, 2],
  [gated, 3],
  [moved, 4],
  [chosen, 2],
  [counted, 3],
  [deep, 1],
];

const repeated = (makers: typeof MAKERS) =>
  makers.flatMap(([maker, share]) => new Array<Maker>(share).fill(maker));

/** Convolutional networks, or those of any operations. */
export type GraphKind = "images" | "all";

const CHOICES: Readonly<Record<GraphKind, readonly Maker[]>> = {
  images: repeated(MAKERS),
  all: repeated([...MAKERS, ...OTHERS]),
};

/** A network with about `size` operations; the same seed gives the same one. */
export function randomGraph(seed: number, size: number, kind: GraphKind = "images"): RandomGraph {
  const b = new Builder(new Random(seed));
  const choices = CHOICES[kind];
  for (let tries = 0; b.nodes.length < size && tries < size * 8; tries++) b.random.pick(choices)(b);
  if (b.nodes.length === 0) activation(b);
  const first = b.inputs.length;
  const made = b.nodes.map((_, i) => first + i);
  const used = new Set(b.nodes.flatMap(({ inputs }) => inputs));
  const ends = made.filter((i) => !used.has(i));
  const outputs = made.filter((i) => ends.includes(i) || b.random.uniform() < 0.15);
  const evaluate = <T>(inputs: readonly T[], apply: (node: GraphNode, values: T[]) => T) => {
    const values = [...inputs];
    for (const node of b.nodes) {
      values.push(
        apply(
          node,
          node.inputs.map((i) => values[i]),
        ),
      );
    }
    return Object.fromEntries(outputs.map((i) => [`v${i}`, values[i]]));
  };
  return {
    inputs: b.inputs,
    weights: b.weights,
    outputs,
    text: b.nodes
      .map(({ text, inputs, weights }, i) => `v${first + i} = ${text} of v${inputs} w${weights}`)
      .join("\n"),
    forward: (inputs, weights) =>
      evaluate(inputs, (node, values) => node.run(values, pick(weights, node))),
    expect: (inputs, weights) =>
      evaluate(inputs, (node, values) => node.expect(values, pick(weights, node))),
  };
}

function pick<T>(weights: readonly T[], node: GraphNode): T[] {
  return node.weights.map((i) => weights[i]);
}

/** Float32 values for a weight, in float64. */
export function weightValues({ shape, deviation }: GraphWeight, random: Random): NdArray {
  const size = sizeOf(shape);
  const values =
    deviation === undefined ? random.uniforms(size, 0.3, 2) : random.normals(size, 0, deviation);
  return { shape, data: Float64Array.from(values) };
}
