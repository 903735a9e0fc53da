import { bytesPerElement, type DType } from "../core/dtype.js";
import { keep } from "../core/scope.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { Storage } from "../core/storage.js";
import { Tensor } from "../core/tensor.js";
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

/**
 * A tensor that is saved with its module but not trained, such as running statistics (PyTorch's `nn.Buffer`). Of a
 * module's tensors only these and parameters are its state: an activation that it keeps for itself is not.
 */
export class Buffer extends Tensor {
  static from(
    device: Device,
    values: ArrayLike<number>,
    shape: Shape,
    dtype: DType = "f32",
  ): Buffer {
    const bytes = sizeOf(shape) * bytesPerElement(dtype);
    const buffer = keep(new Buffer(device, { shape, dtype }, new Storage(device, bytes, "buffer")));
    buffer.write(values);
    return buffer;
  }
}
