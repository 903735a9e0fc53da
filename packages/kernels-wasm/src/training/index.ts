export { type MapFunction, type MapOperand, type MapSpec, map } from "./map.js";
export { matchBoxes } from "./match-boxes.js";
export { type AdamSpec, adamUpdate, type SgdSpec, sgdUpdate } from "./optimizer.js";
export { maxPoolPositions, poolGradient, resizeNearestGradient } from "./pool.js";
export { type ReduceSpec, type Reduction, reduce } from "./reduce.js";
export {
  type CrossEntropySpec,
  crossEntropy,
  crossEntropyGradient,
  hardNegatives,
  logSoftmax,
  type RowSpec,
  softmaxGradient,
} from "./rows.js";
export { simOtaClaims, simOtaLabels } from "./sim-ota.js";
