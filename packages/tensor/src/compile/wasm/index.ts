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
export { WasmUnsupportedError } from "./steps.js";
export { WasmWeights } from "./weights.js";
