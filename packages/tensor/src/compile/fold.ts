import type { Device } from "../device/device.js";
import { Storage, type Tensor } from "../tensor.js";
import type { ConvPart } from "./graph.js";

/** OIHW weights and biases with batch norm folded in. */
export interface FoldedWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Reads many tensors back at once: one copy of each into one buffer, one read. */
export async function readTensors(
  device: Device,
  tensors: readonly Tensor[],
): Promise<Map<Tensor, Float32Array>> {
  const unique = [...new Set(tensors)];
  const total = unique.reduce((bytes, tensor) => bytes + tensor.size * 4, 0);
  const result = new Map<Tensor, Float32Array>();
  if (total === 0) return result;
  const gathered = new Storage(device, total, "weights on their way to the host");
  gathered.retain();
  try {
    let offset = 0;
    for (const tensor of unique) {
      const source = tensor.storage.buffer.buffer;
      device.copy(source, 0, gathered.buffer.buffer, offset, tensor.size * 4);
      offset += tensor.size * 4;
    }
    const bytes = await device.read(gathered.buffer.buffer, total);
    offset = 0;
    for (const tensor of unique) {
      result.set(tensor, new Float32Array(bytes, offset, tensor.size));
      offset += tensor.size * 4;
    }
  } finally {
    gathered.release();
  }
  return result;
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
