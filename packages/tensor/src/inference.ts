/*
 * The library without the kernels of the larger gradients (convolution, batch norm, pooling, resizing, joining, two operands): for programs that
 * only run networks. The types are the same; `backward()` through one of those needs `@retinaface-webgpu/tensor` to be
 * imported somewhere.
 */
export { gradEnabled, noGrad } from "./autograd/autograd.js";
export {
  type CheckpointFormat,
  checkpointFormat,
  readCheckpoint,
} from "./checkpoint/checkpoint.js";
export { convertCheckpoint } from "./checkpoint/convert.js";
export { crc32 } from "./checkpoint/crc32.js";
export { CheckpointError, type CheckpointErrorCode } from "./checkpoint/errors.js";
export * from "./checkpoint/safetensors.js";
export * from "./compile/index.js";
export type { DType, DTypeArrays } from "./core/dtype.js";
export * from "./core/errors.js";
export * from "./core/float16.js";
export * from "./core/host-tensor.js";
export { Random } from "./core/random.js";
export { keep, tidy } from "./core/scope.js";
export type { Shape } from "./core/shape.js";
export {
  empty,
  full,
  ones,
  Tensor,
  type TensorInfo,
  type TensorOptions,
  tensor,
  zeros,
} from "./core/tensor.js";
export type { AdapterDescription, DeviceOptions, OptionalFeature } from "./device/adapter.js";
export type { MemoryInfo, PooledBuffer } from "./device/buffer-pool.js";
export { Device } from "./device/device.js";
export type { CompiledKernel } from "./device/pipelines.js";
export type { BufferBinding, KernelTiming } from "./device/recorder.js";
export * as nn from "./nn/index.js";
export * from "./ops/index.js";
export * as optim from "./optim/index.js";
