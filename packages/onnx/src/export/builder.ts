import { encodeHalf } from "@retinaface-webgpu/tensor/inference";
import { type ElementType, elementCode } from "../model/elements.js";
import {
  type AttributeMessage,
  encodeOnnx,
  type NodeMessage,
  type TensorMessage,
  type ValueMessage,
} from "../proto/messages.js";

/** Value of a node's attribute: whole numbers and lists are integers, fractions are given as `{ f }`. */
export type AttributeValue = number | string | readonly number[] | { readonly f: number };

/** What a value of the graph is declared as. */
export interface Declared {
  readonly name: string;
  readonly type: ElementType;
  /** Numbers, or names of sides that are open. */
  readonly shape: readonly (number | string)[];
}

/** ONNX's version of the file format, and of the operators used: those that most runtimes know. */
const IR_VERSION = 8;
export const OPSET = 17;

/** Shorter constants are left in f32: they are shapes, scales and biases. */
const LEAST_HALF = 1024;

function attribute(name: string, value: AttributeValue): AttributeMessage {
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: 3 };
  if (typeof value === "number") return { name, i: value, type: 2 };
  if ("f" in value) return { name, f: value.f, type: 1 };
  return { name, ints: value, type: 7 };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Writes a graph node by node. */
export class GraphBuilder {
  readonly #nodes: NodeMessage[] = [];
  readonly #constants: TensorMessage[] = [];
  readonly #known = new Map<string, string>();
  readonly #names = new Set<string>();
  readonly #half: boolean;

  /** @param half whether large float constants are stored in f16, and widened in the graph */
  constructor(half = false) {
    this.#half = half;
  }

  /** A name that nothing has yet. */
  unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#names.has(name); i++) name = `${wanted}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node with one output. @returns the output's name */
  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = this.unique(opType.toLowerCase()),
  ): string {
    const listed = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ opType, input, output: [output], name: output, attribute: listed });
    return output;
  }

  /** Adds a node with several outputs. */
  nodes(
    opType: string,
    input: readonly string[],
    count: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string[] {
    const output = Array.from({ length: count }, () => this.unique(opType.toLowerCase()));
    const listed = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ opType, input, output, name: output[0], attribute: listed });
    return output;
  }

  /** A float constant. */
  floats(shape: readonly number[], data: Float32Array, name = "constant"): string {
    const own = this.unique(name);
    if (!this.#half || data.length < LEAST_HALF) {
      this.#constants.push({ name: own, dims: shape, dataType: 1, rawData: bytesOf(data).slice() });
      return own;
    }
    const stored = this.unique(`${own}.half`);
    const rawData = bytesOf(encodeHalf(data));
    this.#constants.push({ name: stored, dims: shape, dataType: 10, rawData });
    return this.node("Cast", [stored], { to: 1 }, own);
  }

  /** A list of integers, each list once. */
  integers(values: readonly number[], name = "shape"): string {
    const key = values.join();
    const known = this.#known.get(key);
    if (known) return known;
    const own = this.unique(name);
    this.#constants.push({ name: own, dims: [values.length], dataType: 7, int64Data: values });
    this.#known.set(key, own);
    return own;
  }

  /** A single float. */
  scalar(value: number): string {
    return this.floats([], Float32Array.of(value), "number");
  }

  /** The file. */
  finish(
    inputs: readonly Declared[],
    outputs: readonly Declared[],
    metadata: Readonly<Record<string, string>> = {},
  ): Uint8Array {
    return encodeOnnx({
      irVersion: IR_VERSION,
      producerName: "retinaface-webgpu",
      opsetImport: [{ version: OPSET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name: "network",
        node: this.#nodes,
        initializer: this.#constants,
        input: inputs.map(declaration),
        output: outputs.map(declaration),
      },
    });
  }
}

function declaration({ name, type, shape }: Declared): ValueMessage {
  const dim = shape.map((side) =>
    typeof side === "number" ? { dimValue: side } : { dimParam: side },
  );
  return { name, type: { tensorType: { elemType: elementCode(type), shape: { dim } } } };
}
