/**
 * Optimizer updates in place, one dispatch a parameter, by PyTorch's formulas and order of operations.
 * Factors that depend on the step number (bias corrections) are computed on the host in float64.
 */
import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";

interface Update {
  readonly name: string;
  readonly count: number;
  /** State buffers besides the parameter, all read and written. */
  readonly state: readonly string[];
  readonly params: Record<string, number>;
  readonly body: string;
}

function update({ name, count, state, params, body }: Update): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const tagged = Object.entries(params).map(([k, v]): [string, ParamValue] => [k, { f32: v }]);
  return defineKernel({
    name,
    buffers: [
      input("gradient", element),
      output("parameter", element),
      ...state.map((n) => output(n, element)),
    ],
    params: Object.fromEntries(tagged),
    count: count / width,
    body,
    flops: count * 10,
    bytes: count * (3 + 2 * state.length) * 4,
  });
}

/** Stochastic gradient descent. */
export interface SgdSpec {
  readonly count: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Bindings: gradient, parameter, and with momentum its buffer, all zeros before the first step. */
export function sgdUpdate(spec: SgdSpec): Kernel {
  const { count, learningRate, momentum, nesterov, weightDecay } = spec;
  const step = nesterov ? "g + p.momentum * v" : "v";
  const withMomentum = `
  let v = p.momentum * velocity[i] + g;
  velocity[i] = v;
  parameter[i] -= p.learningRate * (${step});`;
  return update({
    name: momentum === 0 ? "sgd" : `sgd-${nesterov ? "nesterov" : "momentum"}`,
    count,
    state: momentum === 0 ? [] : ["velocity"],
    params: { learningRate, momentum, weightDecay },
    body: `  let g = gradient[i] + p.weightDecay * parameter[i];${
      momentum === 0 ? "\n  parameter[i] -= p.learningRate * g;" : withMomentum
    }`,
  });
}

/** Adam (Kingma & Ba 2015), or with `decoupled` AdamW (Loshchilov & Hutter 2019). */
export interface AdamSpec {
  readonly count: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Weight decay acts on the parameter and not through the gradient. */
  readonly decoupled: boolean;
  /** Number of this step, from 1. */
  readonly step: number;
}

/** Bindings: gradient, parameter, first and second moment, both zeros before the first step. */
export function adamUpdate(spec: AdamSpec): Kernel {
  const { count, learningRate, beta1, beta2, eps, weightDecay, decoupled, step } = spec;
  return update({
    name: decoupled ? "adamw" : "adam",
    count,
    state: ["first", "second"],
    params: {
      stepSize: learningRate / (1 - beta1 ** step),
      rootCorrection: Math.sqrt(1 - beta2 ** step),
      beta1,
      oneMinusBeta1: 1 - beta1,
      beta2,
      oneMinusBeta2: 1 - beta2,
      eps,
      decay: decoupled ? 1 - learningRate * weightDecay : weightDecay,
    },
    body: `${
      decoupled
        ? "  let g = gradient[i];\n  let w = parameter[i] * p.decay;"
        : "  let w = parameter[i];\n  let g = gradient[i] + p.decay * w;"
    }
  let m = p.beta1 * first[i] + p.oneMinusBeta1 * g;
  let v = p.beta2 * second[i] + p.oneMinusBeta2 * g * g;
  first[i] = m;
  second[i] = v;
  parameter[i] = w - p.stepSize * m / (sqrt(v) / p.rootCorrection + p.eps);`,
  });
}

/**
 * Scales a gradient in place by min(1, maxNorm / (√sumSquares + 1e-6)), the norm being that of all
 * gradients together. Bindings: sum of squares [1], gradient.
 */
export function clipByNorm(count: number, maxNorm: number): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  return defineKernel({
    name: "clip-by-norm",
    buffers: [input("sumSquares", "f32"), output("gradient", scalarOrVector("f32", width))],
    params: { maxNorm: { f32: maxNorm } },
    count: count / width,
    body: `  gradient[i] *= min(1.0, p.maxNorm / (sqrt(sumSquares[0]) + 1e-6));`,
    flops: count,
    bytes: count * 8,
  });
}

/** Divides a gradient in place by the scale of its loss. Bindings: scale [1], gradient. */
export function unscale(count: number): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  return defineKernel({
    name: "unscale",
    buffers: [input("scale", "f32"), output("gradient", scalarOrVector("f32", width))],
    count: count / width,
    body: "  gradient[i] /= scale[0];",
    flops: count,
    bytes: count * 8,
  });
}
