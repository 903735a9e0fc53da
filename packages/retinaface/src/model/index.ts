export type { Backbone } from "./blocks.js";
export { inferNetwork } from "./infer.js";
export { MobileNetV1 } from "./mobilenet.js";
export * from "./network.js";
export { ResNet50 } from "./resnet.js";
