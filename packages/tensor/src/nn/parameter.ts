import { keep } from "../core/scope.js";
import type { Shape } from "../core/shape.js";
import { Storage } from "../core/storage.js";
import { Tensor, tensor } from "../core/tensor.js";
import type { Device } from "../device/device.js";

/** A trained tensor of a module: a leaf that requires a gradient and outlives `tidy` scopes. */
export class Parameter extends Tensor {
  static from(device: Device, values: Float32Array, shape: Shape): Parameter {
    const storage = new Storage(device, values.byteLength, "parameter");
    const parameter = keep(new Parameter(device, { shape, dtype: "f32" }, storage, true));
    parameter.write(values);
    return parameter;
  }
}

/** A tensor that belongs to a module without being trained (running statistics). */
export function tensorBuffer(device: Device, values: Float32Array, shape: Shape): Tensor {
  return keep(tensor(device, values, shape));
}
