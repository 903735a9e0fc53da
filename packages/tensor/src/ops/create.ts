import { fill, randomNormal, randomUniform } from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { empty, type Tensor, type TensorOptions, tensor } from "../core/tensor.js";
import { toTyped } from "../core/values.js";
import type { Device } from "../device/device.js";
import { isHostDevice } from "../wasm/host.js";
import { hostNormal, hostUniform } from "./host-random.js";

/** A tensor of ones. */
export function ones(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  return full(device, shape, 1, options);
}

/** A tensor with every element `value`. @throws TensorError for what is no number of its type */
export function full(
  device: Device,
  shape: Shape,
  value: number,
  options: TensorOptions = {},
): Tensor {
  if (isHostDevice(device)) {
    return tensor(device, new Array<number>(sizeOf(shape)).fill(value), shape, options);
  }
  const result = empty(device, shape, options);
  toTyped(result.dtype === "f16" ? "f32" : result.dtype, [value]);
  if (result.size > 0) {
    device.run(fill(result.size, value, result.dtype), [result.binding]);
  }
  return result;
}

/** Options of `rand` and `randn`. */
export interface RandomOptions {
  /** 32 bits; tensors of one seed and stream are the same. */
  readonly seed: number;
  /** Numbers of other streams of a seed are independent; 0 by default. */
  readonly stream?: number | undefined;
}

/** Uniform random numbers in [0, 1), made on the device. */
export function rand(device: Device, shape: Shape, options: RandomOptions): Tensor {
  const y = empty(device, shape);
  const spec = { ...streamOf("rand", options), count: y.size };
  if (isHostDevice(device)) y.write(hostUniform(spec));
  else if (y.size > 0) device.run(randomUniform({ ...spec, low: 0, high: 1 }), [y.binding]);
  return y;
}

/** Random numbers of mean 0 and variance 1, normally distributed, made on the device. */
export function randn(device: Device, shape: Shape, options: RandomOptions): Tensor {
  const y = empty(device, shape);
  const spec = { ...streamOf("randn", options), count: y.size };
  if (isHostDevice(device)) y.write(hostNormal(spec));
  else if (y.size > 0) device.run(randomNormal({ ...spec, mean: 0, deviation: 1 }), [y.binding]);
  return y;
}

function streamOf(name: string, options: RandomOptions): { seed: number; stream: number } {
  requireOptions(name, options, ["seed", "stream"]);
  const { seed, stream = 0 } = options;
  requireIntegers(`${name}'s seed and stream`, [seed, stream], 0);
  return { seed, stream };
}

/** The numbers start, start + step, … before end; of one number, from 0 up to it. */
export function arange(
  device: Device,
  start: number,
  end?: number,
  step = 1,
  options: TensorOptions = {},
): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!Number.isFinite(count)) {
    throw new TensorError("ARGUMENT", `arange from ${from} to ${to} by ${step} has no end.`);
  }
  const values = Array.from({ length: count }, (_, k) => from + k * step);
  return tensor(device, values, [count], options);
}

/** The identity matrix, or one of ones on the diagonal of a matrix that is not square. */
export function eye(
  device: Device,
  rows: number,
  columns = rows,
  options: TensorOptions = {},
): Tensor {
  requireIntegers("eye's sizes", [rows, columns], 0);
  const values = new Float32Array(rows * columns);
  for (let k = 0; k < Math.min(rows, columns); k++) values[k * columns + k] = 1;
  return tensor(device, values, [rows, columns], options);
}
