export { OnnxError, type OnnxErrorCode, OnnxUnsupportedError } from "./errors.js";
export { type AttributeValue, type Declared, type GraphBuilder, OPSET } from "./export/builder.js";
export { type ExportOptions, exportOnnx } from "./export/export.js";
export type { OnnxInput } from "./feeds.js";
export { NEWEST_OPSET } from "./import/evaluate.js";
export { OnnxNetwork, type Sides } from "./import/network.js";
export { supportedOperators } from "./import/supported.js";
export { DeviceValue, isHost, type Value } from "./import/value.js";
export type { ElementType, HostValue } from "./model/elements.js";
export {
  type Attribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
  readOnnx,
  readOnnxTensor,
} from "./model/model.js";
export {
  type AttributeMessage,
  decodeOnnx,
  encodeOnnx,
  type GraphMessage,
  type ModelMessage,
  type NodeMessage,
  type StringPair,
  type TensorMessage,
  type ValueMessage,
} from "./proto/messages.js";
export {
  loadOnnx,
  type OnnxOptions,
  type OnnxOutput,
  OnnxSession,
  type OnnxSource,
  runOnnx,
} from "./session.js";
