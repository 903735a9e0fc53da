import { fill } from "@retinaface-webgpu/kernels-wgsl";
import type { Shape } from "../core/shape.js";
import { empty, type Tensor, type TensorOptions } from "../core/tensor.js";
import type { Device } from "../device/device.js";

/** A tensor of ones. */
export function ones(device: Device, shape: Shape, options: TensorOptions = {}): Tensor {
  return full(device, shape, 1, options);
}

/** A tensor with every element `value`. */
export function full(
  device: Device,
  shape: Shape,
  value: number,
  options: TensorOptions = {},
): Tensor {
  const result = empty(device, shape, options);
  if (result.size > 0) {
    device.run(fill(result.size, value, result.dtype), [result.binding]);
  }
  return result;
}
