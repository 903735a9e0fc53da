import { OnnxError } from "../errors.js";
import {
  type AttributeMessage,
  MODEL,
  type NodeMessage,
  TENSOR,
  type ValueMessage,
} from "../proto/messages.js";
import { decode } from "../proto/wire.js";
import { type ElementType, elementType, type HostValue, readTensorMessage } from "./elements.js";

/** A number, text, lists of either, a tensor; `undefined` for kinds that no operator here takes, such as a graph. */
export type Attribute = number | string | number[] | string[] | HostValue | undefined;

/** One call of an operator. Optional inputs and outputs that are left out have an empty name. */
export interface OnnxNode {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** What goes into a graph or comes out of it. */
export interface OnnxValueInfo {
  readonly name: string;
  /** `undefined` where the file says none, or one that is not known here. */
  readonly type: ElementType | undefined;
  /** Numbers; names of sides that are open, equal names for equal sides; `"?"` for an open side without a name. */
  readonly shape: readonly (number | string)[] | undefined;
}

/** A model as its file says it: a list of nodes that can run in order, and constants. */
export interface OnnxModel {
  /** Version of ONNX's own operators. */
  readonly opset: number;
  readonly producer: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, HostValue>;
  /** Inputs that are no constants. */
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

/** The names under which ONNX's own operators go. */
const OWN_DOMAINS = ["", "ai.onnx"];

/**
 * Reads an ONNX file; nothing is executed, and memory stays within a small multiple of the file's size.
 *
 * @throws OnnxError `ONNX_FORMAT`, `ONNX_INVALID` (a name that nothing before it makes, as in a cycle),
 * `ONNX_EXTERNAL_DATA`, `ONNX_UNSUPPORTED` for an element type
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  const { graph, opsetImport, producerName = "", metadataProps = [] } = decode(MODEL, bytes);
  if (!graph) {
    throw new OnnxError("ONNX_FORMAT", "The file holds no graph: it is no ONNX model.");
  }
  const opset = opsetImport.find(({ domain = "" }) => OWN_DOMAINS.includes(domain))?.version ?? 1;
  if ((graph.sparseInitializer ?? []).length > 0) {
    throw new OnnxError("ONNX_UNSUPPORTED", "The model has sparse constants: make them dense.");
  }
  const constants = new Map(
    graph.initializer.map((tensor) => [tensor.name ?? "", readTensorMessage(tensor)]),
  );
  const inputs = graph.input.map(valueInfo).filter(({ name }) => !constants.has(name));
  const model = {
    opset,
    producer: producerName,
    metadata: new Map(metadataProps.map(({ key = "", value = "" }) => [key, value])),
    nodes: graph.node.map(readNode),
    constants,
    inputs,
    outputs: graph.output.map(valueInfo),
  };
  checkOrder(model);
  return model;
}

/** Reads a `TensorProto`, as ONNX's test vectors have them. @throws as {@link readOnnx} */
export function readOnnxTensor(bytes: Uint8Array): { name: string; value: HostValue } {
  const message = decode(TENSOR, bytes);
  return { name: message.name ?? "", value: readTensorMessage(message) };
}

/** Every name is made once, and before it is read: so there is no cycle. */
function checkOrder({ nodes, constants, inputs, outputs }: OnnxModel): void {
  const known = new Set([...constants.keys(), ...inputs.map(({ name }) => name)]);
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name !== "" && !known.has(name));
    if (missing !== undefined) {
      throw new OnnxError(
        "ONNX_INVALID",
        `The ${node.op} "${node.name}" reads "${missing}", which nothing before it makes: the graph has a cycle, or its ` +
          "nodes are out of order.",
      );
    }
    for (const name of node.outputs) {
      if (name !== "" && known.has(name)) {
        throw new OnnxError("ONNX_INVALID", `"${name}" is made twice.`);
      }
      known.add(name);
    }
  }
  const open = outputs.find(({ name }) => !known.has(name));
  if (open) throw new OnnxError("ONNX_INVALID", `Nothing makes the output "${open.name}".`);
}

function valueInfo({ name = "", type }: ValueMessage): OnnxValueInfo {
  const { elemType = 0, shape } = type?.tensorType ?? {};
  return {
    name,
    type: elementType(elemType),
    shape: shape?.dim.map(({ dimValue, dimParam }) => dimValue ?? (dimParam || "?")),
  };
}

function readNode(message: NodeMessage): OnnxNode {
  const { input, output, name = "", opType = "", domain = "" } = message;
  return {
    op: opType,
    domain: OWN_DOMAINS.includes(domain) ? "" : domain,
    name,
    inputs: input,
    outputs: output,
    attributes: new Map(message.attribute.map((each) => [each.name ?? "", readAttribute(each)])),
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Kinds by `AttributeProto.type`. */
function readAttribute(message: AttributeMessage): Attribute {
  switch (message.type || guessKind(message)) {
    case 1:
      return message.f ?? 0;
    case 2:
      return message.i ?? 0;
    case 3:
      return text(message.s ?? new Uint8Array());
    case 4:
      return message.t && readTensorMessage(message.t);
    case 6:
      return [...(message.floats ?? [])];
    case 7:
      return [...(message.ints ?? [])];
    case 8:
      return (message.strings ?? []).map(text);
    default:
      return undefined;
  }
}

/** Early files leave the kind out: the field that is set tells it. */
function guessKind({ f, i, s, t, floats = [], ints = [] }: AttributeMessage): number {
  if (f !== undefined) return 1;
  if (i !== undefined) return 2;
  if (s !== undefined) return 3;
  if (t !== undefined) return 4;
  if (floats.length > 0) return 6;
  return ints.length > 0 ? 7 : 0;
}
