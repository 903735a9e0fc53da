import type { Tensor } from "../core/tensor.js";
import type { ConvPart } from "./graph.js";

/** OIHW weights and biases with batch norm folded in. */
export interface FoldedWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The tensors that folding a part needs on the host. */
export function tensorsOfPart({ weight, bias, norm }: ConvPart): Tensor[] {
  const statistics = norm ? [norm.mean, norm.variance, norm.gamma, norm.beta] : [];
  return [weight, ...(bias ? [bias] : []), ...statistics];
}

/**
 * Folds batch norm into the convolution before it, in double precision:
 * w' = w·γ/√(σ² + ε), b' = β + (b − μ)·γ/√(σ² + ε). Several parts are joined along the outputs.
 */
export function foldParts(
  parts: readonly ConvPart[],
  host: ReadonlyMap<Tensor, Float32Array>,
): FoldedWeights {
  const weights = parts.reduce((n, part) => n + part.weight.size, 0);
  const outputs = parts.reduce((n, part) => n + part.weight.shape[0], 0);
  const weight = new Float32Array(weights);
  const bias = new Float32Array(outputs);
  let at = 0;
  let channel = 0;
  for (const part of parts) {
    foldPart(part, host, weight.subarray(at), bias.subarray(channel));
    at += part.weight.size;
    channel += part.weight.shape[0];
  }
  return { weight, bias };
}

function foldPart(
  part: ConvPart,
  host: ReadonlyMap<Tensor, Float32Array>,
  weight: Float32Array,
  bias: Float32Array,
): void {
  const source = host.get(part.weight)!;
  const perOutput = source.length / part.weight.shape[0];
  for (let o = 0; o < part.weight.shape[0]; o++) {
    let scale = 1;
    let shift = part.bias ? host.get(part.bias)![o] : 0;
    if (part.norm) {
      const { mean, variance, gamma, beta, eps } = part.norm;
      scale = host.get(gamma)![o] / Math.sqrt(host.get(variance)![o] + eps);
      shift = host.get(beta)![o] + (shift - host.get(mean)![o]) * scale;
    }
    bias[o] = shift;
    for (let i = 0; i < perOutput; i++) {
      weight[o * perOutput + i] = source[o * perOutput + i] * scale;
    }
  }
}
