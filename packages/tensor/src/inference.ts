/*
 * The library without gradients and the training of batch norm: for programs that only run networks. The types are the
 * same; `backward()` needs `@retinaface-webgpu/tensor` to be imported somewhere.
 */
export { closeDevices, closeWorker, type TerminableWorker } from "#platform";
export { readCheckpoint } from "./checkpoint/checkpoint.js";
export { convertCheckpoint } from "./checkpoint/convert.js";
export { crc32 } from "./checkpoint/crc32.js";
export { CheckpointError, type CheckpointErrorCode } from "./checkpoint/errors.js";
export { type CheckpointFormat, checkpointFormat } from "./checkpoint/format.js";
export { loadCheckpoint } from "./checkpoint/load.js";
export * from "./checkpoint/safetensors.js";
export { writePth } from "./checkpoint/write-pth.js";
export * from "./compile/index.js";
export type { DType, DTypeArrays } from "./core/dtype.js";
export * from "./core/errors.js";
export * from "./core/float16.js";
export { gradEnabled, noGrad } from "./core/grad-mode.js";
export * from "./core/host-tensor.js";
export { Random } from "./core/random.js";
export { keep, tidy } from "./core/scope.js";
export type { Shape } from "./core/shape.js";
export {
  empty,
  Tensor,
  type TensorInfo,
  type TensorOptions,
  tensor,
  zeros,
} from "./core/tensor.js";
export type { NestedNumbers } from "./core/values.js";
export type { Known, OwnBytes } from "./core/web.js";
export type { AdapterDescription, DeviceOptions, OptionalFeature } from "./device/adapter.js";
export type { BufferBinding } from "./device/bind-groups.js";
export type { LiveBuffers, MemoryInfo, PooledBuffer } from "./device/buffer-pool.js";
export { Device } from "./device/device.js";
export type { KernelTiming } from "./device/dispatch-timer.js";
export type { CompiledKernel } from "./device/pipelines.js";
export { probeAdapter } from "./device/probe.js";
export * as nn from "./nn/index.js";
export * from "./ops/index.js";
export * as optim from "./optim/index.js";
export { type Host, type HostStep, hostOf, isHostDevice } from "./wasm/host.js";
