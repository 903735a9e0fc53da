import {
  type AttributeMessage,
  encodeOnnx,
  type GraphMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueMessage,
} from "@retinaface-webgpu/onnx";
import { bytesOf, utf8 } from "./bytes.js";

type AttributeValue = number | string | readonly number[];

/** An attribute: whole numbers are integers, all else is what it is. */
function attribute([name, value]: [string, AttributeValue]): AttributeMessage {
  if (typeof value === "string") return { name, s: utf8(value), type: 3 };
  if (typeof value === "number") {
    return Number.isInteger(value) ? { name, i: value, type: 2 } : { name, f: value, type: 1 };
  }
  return { name, ints: value, type: 7 };
}

export function node(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeMessage {
  return { opType, input, output, attribute: Object.entries(attributes).map(attribute) };
}

export function floats(
  name: string,
  dims: readonly number[],
  values: ArrayLike<number>,
): TensorMessage {
  return { name, dims, dataType: 1, rawData: bytesOf(Float32Array.from(values)) };
}

export function integers(name: string, values: readonly number[]): TensorMessage {
  return { name, dims: [values.length], dataType: 7, int64Data: values };
}

/** An input or output of floats; sides are numbers or names. */
export function value(
  name: string,
  sides: readonly (number | string)[],
  elemType = 1,
): ValueMessage {
  const dim = sides.map((side) =>
    typeof side === "number" ? { dimValue: side } : { dimParam: side },
  );
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** A file of a graph. */
export function onnxFile(
  graph: Pick<GraphMessage, "node" | "input" | "output"> & Partial<GraphMessage>,
  version = 17,
): Uint8Array {
  return encodeOnnx({
    irVersion: 8,
    opsetImport: [{ version }],
    graph: { name: "g", initializer: [], ...graph },
  });
}
