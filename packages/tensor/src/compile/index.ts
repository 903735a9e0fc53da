export {
  type CompileOptions,
  compile,
  convolutionSpecs,
  Plan,
  type PlanOutput,
  type PlanStats,
  type Precision,
} from "./plan.js";
export { SelfTestError } from "./self-test.js";
export type { VariantChooser } from "./steps.js";
export { ConvTuner, type TunerStore } from "./tuner.js";
export { WeightStore } from "./weights.js";
