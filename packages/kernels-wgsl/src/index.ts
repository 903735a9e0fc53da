export * from "./conv2d/index.js";
export * from "./kernel.js";
