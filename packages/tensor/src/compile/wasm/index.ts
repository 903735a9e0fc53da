export { createHostDevice } from "./host-device.js";
export {
  compileWasm,
  outputValues,
  type Prologue,
  type WasmCompileOptions,
  type WasmOutput,
  type WasmOutputs,
  WasmPlan,
  type WasmPlanStats,
} from "./plan.js";
export { WasmUnsupportedError } from "./unsupported.js";
export { WasmWeights } from "./weights.js";
