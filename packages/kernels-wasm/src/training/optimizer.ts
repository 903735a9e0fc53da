import { defineKernel, type Kernel } from "../kernel.js";
import { Opcode } from "../records.js";
import { Optimizer, OptimizerKind } from "./records.js";

/** Elements of a chunk. */
const CHUNK = 16 * 1024;

/** Stochastic gradient descent, as kernels-wgsl's `sgdUpdate`. */
export interface SgdSpec {
  readonly count: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Adam, or with `decoupled` AdamW, as kernels-wgsl's `adamUpdate`; `step` counts from 1. */
export interface AdamSpec {
  readonly count: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decoupled: boolean;
  readonly step: number;
}

/** Operands `gradient`, `parameter` and, with momentum, `velocity`. */
export function sgdUpdate(spec: SgdSpec): Kernel {
  const { count, learningRate, momentum, nesterov, weightDecay } = spec;
  const withMomentum = nesterov ? "sgdNesterov" : "sgdMomentum";
  const kind = momentum === 0 ? "sgd" : withMomentum;
  const memory = momentum === 0 ? [] : ["velocity"];
  return update(kind, count, memory, [learningRate, momentum, weightDecay]);
}

/** Operands `gradient`, `parameter`, `first`, `second`. */
export function adamUpdate(spec: AdamSpec): Kernel {
  const { count, learningRate, beta1, beta2, eps, weightDecay, decoupled, step } = spec;
  return update(
    decoupled ? "adamDecoupled" : "adam",
    count,
    ["first", "second"],
    [
      learningRate / (1 - beta1 ** step),
      Math.sqrt(1 - beta2 ** step),
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      eps,
      decoupled ? 1 - learningRate * weightDecay : weightDecay,
    ],
  );
}

function update(
  kind: Exclude<keyof typeof OptimizerKind, number>,
  count: number,
  memory: readonly string[],
  constants: readonly number[],
): Kernel {
  const fields = [Optimizer.first, Optimizer.second];
  return defineKernel({
    name: kind,
    opcode: Opcode.Optimizer,
    size: Optimizer.size,
    chunks: Math.ceil(count / CHUNK),
    integers: {
      [Optimizer.kind]: OptimizerKind[kind],
      [Optimizer.count]: count,
      [Optimizer.chunkElements]: CHUNK,
    },
    floats: Object.fromEntries(constants.map((value, i) => [Optimizer.constants + i, value])),
    operands: [
      { operand: "gradient", field: Optimizer.gradient, offset: 0 },
      { operand: "parameter", field: Optimizer.parameter, offset: 0 },
      ...memory.map((operand, i) => ({ operand, field: fields[i], offset: 0 })),
    ],
    flops: count * 10,
  });
}
