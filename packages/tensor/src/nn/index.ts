export * from "./activations.js";
export { Init } from "./init.js";
export * from "./layers.js";
export * from "./linear.js";
export { type LoadOptions, Module, StateDictError } from "./module.js";
export { Buffer, Parameter } from "./parameter.js";
export * from "./spatial.js";
