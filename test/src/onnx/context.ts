import { type Device, type DType, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import type { Attribute, HostValue, OnnxNode } from "./model.js";

/** A value of the graph: on the host (constants, inputs, shapes) or computed by the library. */
export type Value = HostValue | Tensor;

/** The node needs what the library does not have; the message is the reason shown. */
export class Unsupported extends Error {}

/** Element types that the library has, booleans as 0 and 1. */
const DTYPES: Readonly<Record<string, Exclude<DType, "f16">>> = {
  float: "f32",
  int32: "i32",
  uint32: "u32",
  bool: "i32",
};

export function isHost(value: Value): value is HostValue {
  return "type" in value;
}

/** What a node's mapping sees: its inputs, attributes and the device. */
export class NodeContext {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly #device: Device;
  readonly #values: ReadonlyMap<string, Value>;

  constructor(node: OnnxNode, opset: number, device: Device, values: ReadonlyMap<string, Value>) {
    this.node = node;
    this.opset = opset;
    this.#device = device;
    this.#values = values;
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  value(index: number): Value {
    const value = this.#values.get(this.node.inputs[index]);
    if (!value) throw new Unsupported(`operator ${this.node.op} without input ${index}`);
    return value;
  }

  /** Input `index` on the device. */
  tensor(index: number): Tensor {
    const value = this.value(index);
    if (!isHost(value)) return value;
    const dtype = DTYPES[value.type];
    if (!dtype) throw new Unsupported(`operator ${this.node.op} on ${value.type}`);
    return tensor(this.#device, value.data, value.shape, { dtype });
  }

  /** Input `index` as i32 on the device, each changed by `map` before. */
  indices(index: number, map: (i: number) => number = (i) => i): Tensor {
    const value = this.value(index);
    if (!isHost(value)) throw new Unsupported(`operator ${this.node.op} with computed indices`);
    return tensor(this.#device, value.data.map(map), value.shape, { dtype: "i32" });
  }

  /** ONNX's element type of an input known on the host. */
  typeOf(index: number): string | undefined {
    const value = this.value(index);
    return isHost(value) ? value.type : undefined;
  }

  /** A small integer input known on the host, such as a shape. */
  numbers(index: number): number[] {
    const value = this.value(index);
    if (!isHost(value)) throw new Unsupported(`operator ${this.node.op} with a computed shape`);
    return [...value.data];
  }

  scalar(value: number): Tensor {
    return tensor(this.#device, [value], []);
  }

  attribute(name: string, otherwise: number): number;
  attribute(name: string, otherwise: string): string;
  attribute<T extends Attribute>(name: string, otherwise: T): T {
    return (this.node.attributes.get(name) as T | undefined) ?? otherwise;
  }

  ints(name: string): number[] | undefined {
    return this.node.attributes.get(name) as number[] | undefined;
  }
}

/** Moves the channels of `[N, C, …]` last. */
export function channelsLastAxes(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** Moves the channels of `[N, …, C]` to axis 1. */
export function channelsFirstAxes(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}
