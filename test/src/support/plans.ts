import { type Device, nn, type PlanOutput, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { Random } from "./random.js";

/** The values of a plan's output, gathered from the channels it lies in. */
export async function dense(output: PlanOutput): Promise<Float32Array> {
  const data = (await output.tensor.data()) as Float32Array;
  const width = output.shape[output.shape.length - 1];
  if (output.stride === width) return data;
  const values: number[] = [];
  for (let at = output.offset; at < data.length; at += output.stride) {
    values.push(...data.subarray(at, at + width));
  }
  return Float32Array.from(values);
}

/** Normal values on the device. */
export function normal(device: Device, seed: number, ...shape: number[]): Tensor {
  return tensor(device, new Random(seed).normals(shape.reduce((a, b) => a * b, 1)), shape);
}

/** Statistics as after training, so that folding them is seen. */
export function unsettle(module: nn.Module, seed: number): void {
  const random = new Random(seed);
  for (const [name, buffer] of [...module.namedBuffers(), ...module.namedParameters()]) {
    if (buffer.rank !== 1) continue;
    const low = name.endsWith("var") ? 0.2 : -0.8;
    buffer.write(Float32Array.from({ length: buffer.size }, () => random.uniform(low, 1.5)));
  }
}

/** A batch norm with statistics of its own, in inference mode. */
export function settledNorm(device: Device, channels: number, seed: number): nn.BatchNorm2d {
  const norm = new nn.BatchNorm2d(nn.Init.seeded(device, seed), channels);
  unsettle(norm, seed);
  return norm.eval().requiresGrad(false);
}
