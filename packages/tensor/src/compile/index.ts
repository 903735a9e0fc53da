export { compile, convolutionSpecs } from "./compile.js";
export type { CompileOptions, Precision } from "./options.js";
export { contiguous, type PlanOutput, type PlanOutputs } from "./outputs.js";
export { Plan, type PlanStats } from "./plan.js";
export { SelfTestError } from "./self-test-error.js";
export type { VariantChooser } from "./steps.js";
export { ConvTuner, type TunerStore } from "./tuner.js";
export { WeightStore } from "./weights.js";
