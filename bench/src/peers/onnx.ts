/** Writes a graph as an ONNX model (opset 17): as much of protocol buffers as that takes. */
import type { Activation, ConvNode, Graph, GraphNode } from "./graph.js";

const IR_VERSION = 8;
const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_INTS = 7;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

const number = (field: number, value: number) => [varint(field * 8), varint(value)];
const blob = (field: number, bytes: Uint8Array) => [
  varint(field * 8 + 2),
  varint(bytes.length),
  bytes,
];
const text = (field: number, value: string) => blob(field, new TextEncoder().encode(value));
const message = (field: number, parts: readonly Uint8Array[]) => blob(field, Buffer.concat(parts));

type Attribute = number | string | readonly number[] | { readonly float: number };

function attribute(name: string, value: Attribute): Uint8Array[] {
  const parts = text(1, name);
  if (typeof value === "number") parts.push(...number(3, value), ...number(20, ATTRIBUTE_INT));
  else if (typeof value === "string")
    parts.push(...text(4, value), ...number(20, ATTRIBUTE_STRING));
  else if ("float" in value) {
    const bytes = new Uint8Array(Float32Array.of(value.float).buffer);
    parts.push(varint(2 * 8 + 5), bytes, ...number(20, ATTRIBUTE_FLOAT));
  } else {
    for (const item of value) parts.push(...number(8, item));
    parts.push(...number(20, ATTRIBUTE_INTS));
  }
  return message(5, parts);
}

function operator(
  type: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): Uint8Array[] {
  return message(1, [
    ...inputs.flatMap((name) => text(1, name)),
    ...text(2, output),
    ...text(3, output),
    ...text(4, type),
    ...Object.entries(attributes).flatMap(([name, value]) => attribute(name, value)),
  ]);
}

function initializer(
  name: string,
  dims: readonly number[],
  data: Float32Array | BigInt64Array,
): Uint8Array[] {
  return message(5, [
    ...dims.flatMap((dim) => number(1, dim)),
    ...number(2, data instanceof Float32Array ? FLOAT : INT64),
    ...text(8, name),
    ...blob(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

function valueInfo(field: number, name: string, dims: readonly number[] | undefined): Uint8Array[] {
  const shape = dims
    ? message(
        2,
        dims.flatMap((dim) => message(1, number(1, dim))),
      )
    : [];
  return message(field, [
    ...text(1, name),
    ...message(2, message(1, [...number(1, FLOAT), ...shape])),
  ]);
}

function activation(kind: Activation, from: string, to: string): Uint8Array[] {
  if (kind.kind === "relu") return operator("Relu", [from], to);
  if (kind.kind === "leaky")
    return operator("LeakyRelu", [from], to, { alpha: { float: kind.slope } });
  return [];
}

function conv(node: ConvNode): Uint8Array[] {
  const { output, shape, stride, padding, groups } = node;
  const plain = node.activation.kind === "none" ? output : `${output}.conv`;
  return [
    ...initializer(`${output}.w`, shape, node.weight),
    ...initializer(`${output}.b`, [shape[0]], node.bias),
    ...operator("Conv", [node.input, `${output}.w`, `${output}.b`], plain, {
      kernel_shape: [shape[2], shape[3]],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: groups,
    }),
    ...activation(node.activation, plain, output),
  ];
}

function encodeNode(node: GraphNode): Uint8Array[] {
  const { output } = node;
  switch (node.kind) {
    case "conv":
      return conv(node);
    case "add":
      return operator("Add", node.inputs, output);
    case "concatRelu":
      return [
        ...operator("Concat", node.inputs, `${output}.concat`, { axis: 1 }),
        ...operator("Relu", [`${output}.concat`], output),
      ];
    case "upsample":
      return [
        ...initializer(`${output}.scales`, [4], Float32Array.of(1, 1, 2, 2)),
        ...operator("Resize", [node.input, "", `${output}.scales`], output, {
          mode: "nearest",
          coordinate_transformation_mode: "asymmetric",
          nearest_mode: "floor",
        }),
      ];
    case "rows":
      return [
        ...initializer(`${output}.starts`, [1], BigInt64Array.of(0n)),
        ...initializer(`${output}.ends`, [1], BigInt64Array.of(BigInt(node.count))),
        ...initializer(`${output}.axes`, [1], BigInt64Array.of(2n)),
        ...operator(
          "Slice",
          [node.input, `${output}.starts`, `${output}.ends`, `${output}.axes`],
          output,
        ),
      ];
  }
}

/** A model with the input `x`, NCHW, and the graph's outputs. */
export function encodeOnnx(graph: Graph): Uint8Array {
  const [n, h, w, c] = graph.input;
  const body = [
    ...graph.nodes.flatMap(encodeNode),
    ...text(2, "bench"),
    ...valueInfo(11, "x", [n, c, h, w]),
    ...graph.outputs.flatMap((name) => valueInfo(12, name, undefined)),
  ];
  return Buffer.concat([
    ...number(1, IR_VERSION),
    ...text(2, "bench"),
    ...message(7, body),
    ...message(8, number(2, OPSET)),
  ]);
}
