export {
  CheckpointError,
  type CheckpointErrorCode,
  type CheckpointFormat,
  checkpointFormat,
  convertCheckpoint,
  readCheckpoint,
  writePth,
} from "@retinaface-webgpu/tensor/inference";
export {
  PullError,
  type PullErrorCode,
  type WeightsErrorCode,
  WeightsNotFoundError,
} from "./errors.js";
export * from "./registry.js";
export * from "./state-dict.js";
