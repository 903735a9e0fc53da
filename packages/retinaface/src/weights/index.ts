export * from "./checkpoint.js";
export {
  CheckpointError,
  type CheckpointErrorCode,
  PullError,
  type PullErrorCode,
  type WeightsErrorCode,
  WeightsNotFoundError,
} from "./errors.js";
export * from "./registry.js";
export * from "./state-dict.js";
