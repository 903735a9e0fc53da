export * from "./checkpoint.js";
export { CheckpointError, type CheckpointErrorCode } from "./errors.js";
export * from "./state-dict.js";
