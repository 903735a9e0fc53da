/*
 * The library without the kernels of the larger gradients (convolution, batch norm, pooling, resizing, joining, two operands): for programs that
 * only run networks. The types are the same; `backward()` through one of those needs `@retinaface-webgpu/tensor` to be
 * imported somewhere.
 */
export { gradEnabled, noGrad } from "./autograd.js";
export * from "./compile/index.js";
export type { AdapterDescription, DeviceOptions, OptionalFeature } from "./device/adapter.js";
export type { MemoryInfo, PooledBuffer } from "./device/buffer-pool.js";
export { Device } from "./device/device.js";
export type { CompiledKernel } from "./device/pipelines.js";
export type { BufferBinding, KernelTiming } from "./device/recorder.js";
export type { DType, DTypeArrays } from "./dtype.js";
export * from "./errors.js";
export * from "./float16.js";
export * from "./host-tensor.js";
export * as nn from "./nn/index.js";
export * from "./ops/index.js";
export * as optim from "./optim/index.js";
export { Random } from "./random.js";
export * from "./safetensors.js";
export { keep, tidy } from "./scope.js";
export type { Shape } from "./shape.js";
export {
  empty,
  full,
  ones,
  Tensor,
  type TensorInfo,
  type TensorOptions,
  tensor,
  zeros,
} from "./tensor.js";
