export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { clipGradNorm } from "./clip.js";
export { EMA, type FlatAverage, type FlatTensors } from "./ema.js";
export { GradScaler, type GradScalerOptions, type GradScalerState } from "./grad-scaler.js";
export type {
  FlatParameters,
  GroupInit,
  GroupOptions,
  OptimizerState,
  ParameterGroup,
} from "./optimizer.js";
export { Optimizer } from "./optimizer.js";
export { cosineLR, linearWarmup, multiStepLR, type Schedule, stepLR } from "./schedule.js";
export { SGD, type SgdOptions } from "./sgd.js";
