export { compileStep, type StepDefinition } from "./compile-step.js";
export { type BatchPlace, CompiledStep, type StepStats } from "./compiled-step.js";
