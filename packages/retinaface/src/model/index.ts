export type { Backbone } from "./blocks.js";
export { MobileNetV1 } from "./mobilenet.js";
export * from "./network.js";
