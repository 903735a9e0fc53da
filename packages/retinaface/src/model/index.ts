export type { HeadMeaning, HeadSpec } from "../types.js";
export { Backbone, type BackboneStage } from "./backbones/backbone.js";
export { Light } from "./backbones/light.js";
export { MobileNetV1 } from "./backbones/mobilenet.js";
export { ResNet18, ResNet50 } from "./backbones/resnet.js";
export { Slim, type SlimOptions } from "./backbones/slim.js";
export { type ConvBnOptions, convBn, convDw } from "./blocks.js";
export { checkCascade } from "./cascade.js";
export { relativeToAnchors } from "./cascade-boxes.js";
export { houseNames } from "./foreign-names.js";
export { type HeadForm, headConvolution } from "./head.js";
export {
  anchorHeads,
  BOX_NUMBERS,
  boxHead,
  checkClassNames,
  classHead,
  decodedHeads,
  headsOfClasses,
  MESH_HEAD,
  meshHead,
  OBJECTNESS_HEAD,
  objectnessHead,
  POINT_NUMBERS,
  RETINAFACE_HEADS,
  regressionHeads,
  retinaNetHeads,
  sameHeads,
} from "./heads.js";
export { inferNetwork } from "./infer.js";
export { anchorsPerCellOf, checkAnchorsFit, type Level } from "./levels.js";
export { loadNetwork } from "./load.js";
export { isRetinaNet } from "./marks.js";
export { MESH_MAP } from "./mesh-branch.js";
export * from "./network.js";
export { classOdds, oddsOfBoth, withObjectness } from "./objectness.js";
export { PAPER_ANCHORS, PAPER_PARTS, paperNetwork } from "./paper.js";
export {
  type BackboneEntry,
  type BackboneName,
  backboneNames,
  hasPyramid,
  publishedConfig,
  registerBackbone,
  STAGE_NAMES,
  stageNames,
} from "./registry.js";
export { RETINANET_CONFIG, retinaNetConfig } from "./retinanet/config.js";
export { registerRetinaNet } from "./retinanet/index.js";
export { toTorchvision } from "./retinanet/names.js";
