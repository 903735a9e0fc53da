/** The messages of onnx.proto3 (IR version 10), as far as a model of one graph needs them; field numbers are ONNX's. */
import { decode, encode, schema } from "./wire.js";

export interface StringPair {
  readonly key?: string;
  readonly value?: string;
}

/** `TensorProto`: numbers with a shape, in one of several fields by their type, or raw. */
export interface TensorMessage {
  readonly dims: readonly number[];
  readonly dataType?: number;
  readonly segment?: Uint8Array;
  readonly floatData?: readonly number[];
  readonly int32Data?: readonly number[];
  readonly stringData?: readonly Uint8Array[];
  readonly int64Data?: readonly number[];
  readonly name?: string;
  readonly rawData?: Uint8Array;
  readonly doubleData?: readonly number[];
  readonly uint64Data?: readonly number[];
  readonly externalData?: readonly StringPair[];
  readonly dataLocation?: number;
}

export interface AttributeMessage {
  readonly name?: string;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly t?: TensorMessage;
  /** A graph within: not read any further. */
  readonly g?: Uint8Array;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
  readonly strings?: readonly Uint8Array[];
  readonly type?: number;
}

export interface NodeMessage {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name?: string;
  readonly opType?: string;
  readonly attribute: readonly AttributeMessage[];
  readonly domain?: string;
}

interface DimensionMessage {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface ValueMessage {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim: readonly DimensionMessage[] };
    };
  };
}

export interface GraphMessage {
  readonly node: readonly NodeMessage[];
  readonly name?: string;
  readonly initializer: readonly TensorMessage[];
  readonly input: readonly ValueMessage[];
  readonly output: readonly ValueMessage[];
  readonly valueInfo?: readonly ValueMessage[];
  readonly sparseInitializer?: readonly Uint8Array[];
}

export interface ModelMessage {
  readonly irVersion?: number;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly modelVersion?: number;
  readonly docString?: string;
  readonly graph?: GraphMessage;
  readonly opsetImport: readonly { readonly domain?: string; readonly version?: number }[];
  readonly metadataProps?: readonly StringPair[];
}

const PAIR = schema<StringPair>({
  key: { no: 1, type: "string" },
  value: { no: 2, type: "string" },
});

export const TENSOR = schema<TensorMessage>({
  dims: { no: 1, type: "int64", repeated: true },
  dataType: { no: 2, type: "int32" },
  segment: { no: 3, type: "bytes" },
  floatData: { no: 4, type: "float", repeated: true },
  int32Data: { no: 5, type: "int32", repeated: true },
  stringData: { no: 6, type: "bytes", repeated: true },
  int64Data: { no: 7, type: "int64", repeated: true },
  name: { no: 8, type: "string" },
  rawData: { no: 9, type: "bytes" },
  doubleData: { no: 10, type: "double", repeated: true },
  uint64Data: { no: 11, type: "uint64", repeated: true },
  externalData: { no: 13, type: PAIR, repeated: true },
  dataLocation: { no: 14, type: "int32" },
});

const ATTRIBUTE = schema<AttributeMessage>({
  name: { no: 1, type: "string" },
  f: { no: 2, type: "float" },
  i: { no: 3, type: "int64" },
  s: { no: 4, type: "bytes" },
  t: { no: 5, type: TENSOR },
  g: { no: 6, type: "bytes" },
  floats: { no: 7, type: "float", repeated: true },
  ints: { no: 8, type: "int64", repeated: true },
  strings: { no: 9, type: "bytes", repeated: true },
  type: { no: 20, type: "int32" },
});

const NODE = schema<NodeMessage>({
  input: { no: 1, type: "string", repeated: true },
  output: { no: 2, type: "string", repeated: true },
  name: { no: 3, type: "string" },
  opType: { no: 4, type: "string" },
  attribute: { no: 5, type: ATTRIBUTE, repeated: true },
  domain: { no: 7, type: "string" },
});

const DIMENSION = schema<DimensionMessage>({
  dimValue: { no: 1, type: "int64" },
  dimParam: { no: 2, type: "string" },
});

const SHAPE = schema<{ readonly dim: readonly DimensionMessage[] }>({
  dim: { no: 1, type: DIMENSION, repeated: true },
});

const TENSOR_TYPE = schema<NonNullable<NonNullable<ValueMessage["type"]>["tensorType"]>>({
  elemType: { no: 1, type: "int32" },
  shape: { no: 2, type: SHAPE },
});

const VALUE = schema<ValueMessage>({
  name: { no: 1, type: "string" },
  type: {
    no: 2,
    type: schema<NonNullable<ValueMessage["type"]>>({ tensorType: { no: 1, type: TENSOR_TYPE } }),
  },
});

const GRAPH = schema<GraphMessage>({
  node: { no: 1, type: NODE, repeated: true },
  name: { no: 2, type: "string" },
  initializer: { no: 5, type: TENSOR, repeated: true },
  input: { no: 11, type: VALUE, repeated: true },
  output: { no: 12, type: VALUE, repeated: true },
  valueInfo: { no: 13, type: VALUE, repeated: true },
  sparseInitializer: { no: 15, type: "bytes", repeated: true },
});

export const MODEL = schema<ModelMessage>({
  irVersion: { no: 1, type: "int64" },
  producerName: { no: 2, type: "string" },
  producerVersion: { no: 3, type: "string" },
  modelVersion: { no: 5, type: "int64" },
  docString: { no: 6, type: "string" },
  graph: { no: 7, type: GRAPH },
  opsetImport: {
    no: 8,
    type: schema<{ readonly domain?: string; readonly version?: number }>({
      domain: { no: 1, type: "string" },
      version: { no: 2, type: "int64" },
    }),
    repeated: true,
  },
  metadataProps: { no: 14, type: PAIR, repeated: true },
});

/**
 * A model's messages as the file has them, for programs that change models; fields that no model of one graph needs are
 * left out. `readOnnx` checks what they say.
 * @throws OnnxError `ONNX_FORMAT`
 */
export function decodeOnnx(bytes: Uint8Array): ModelMessage {
  return decode(MODEL, bytes);
}

/** The file of a model's messages. */
export function encodeOnnx(model: ModelMessage): Uint8Array {
  return encode(MODEL, model);
}
