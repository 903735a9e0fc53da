export { MobileNetV1 } from "./backbones/mobilenet.js";
export { ResNet50 } from "./backbones/resnet.js";
export type { Backbone } from "./blocks.js";
export { inferNetwork } from "./infer.js";
export * from "./network.js";
