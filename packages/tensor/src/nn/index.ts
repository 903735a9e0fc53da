export { Init } from "./init.js";
export * from "./layers.js";
export { type LoadOptions, Module, StateDictError } from "./module.js";
export { Parameter } from "./parameter.js";
