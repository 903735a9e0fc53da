export { type CompileOptions, compile, Plan, type PlanOutput, type PlanStats } from "./plan.js";
export type { VariantChooser } from "./steps.js";
export { WeightStore } from "./weights.js";
