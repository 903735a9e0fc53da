import {
  type Device,
  type DType,
  keep,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor/inference";
import { OnnxError, Unsupported } from "../errors.js";
import type { ElementType, HostValue } from "../model/elements.js";
import type { Attribute, OnnxNode } from "../model/model.js";
import { DeviceValue, firstAxes, isHost, type Value } from "./value.js";

/** How elements lie on a device: the library has floats of 32 bits, and integers. */
const DTYPES: Partial<Readonly<Record<ElementType, Exclude<DType, "f16">>>> = {
  float: "f32",
  float16: "f32",
  bfloat16: "f32",
  int32: "i32",
  int64: "i32",
  uint32: "u32",
  bool: "i32",
};

const LARGEST_I32 = 2 ** 31 - 1;

/** The type that elements have on a device. @throws Unsupported where it has none for them */
export function deviceType(type: ElementType, where: string): Exclude<DType, "f16"> {
  const dtype = DTYPES[type];
  if (dtype) return dtype;
  throw new Unsupported(`${where} on ${type}`);
}

/** Constants on the device, each made once; those of a model outlive what is done with them. */
export class ConstantPool {
  readonly device: Device;
  readonly #tensors = new Map<HostValue, Tensor>();

  constructor(device: Device) {
    this.device = device;
  }

  /** Gives a constant a tensor of the caller's. */
  set(value: HostValue, given: Tensor): void {
    this.#tensors.set(value, given);
  }

  /** @throws Unsupported for elements that the device has no type for */
  tensorOf(value: HostValue, where: string): Tensor {
    const known = this.#tensors.get(value);
    if (known) return known;
    const dtype = deviceType(value.type, where);
    const wide = value.type === "int64" && value.data.some((n) => Math.abs(n) > LARGEST_I32);
    if (wide) throw new Unsupported(`${where} on int64 beyond 32 bits`);
    const made = keep(tensor(this.device, value.data, value.shape, { dtype }));
    this.#tensors.set(value, made);
    return made;
  }

  dispose(): void {
    for (const each of this.#tensors.values()) each.dispose();
    this.#tensors.clear();
  }
}

/** What a node's mapping sees: its inputs and attributes. */
export class NodeContext {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly pool: ConstantPool;
  readonly #values: ReadonlyMap<string, Value>;

  constructor(
    node: OnnxNode,
    opset: number,
    pool: ConstantPool,
    values: ReadonlyMap<string, Value>,
  ) {
    this.node = node;
    this.opset = opset;
    this.pool = pool;
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
    if (!value) this.invalid(`lacks its input ${index}`);
    return value;
  }

  /** @throws OnnxError `ONNX_INVALID` */
  invalid(what: string): never {
    throw new OnnxError("ONNX_INVALID", `The ${this.node.op} "${this.node.name}" ${what}.`);
  }

  /** Input `index` on the device, in whichever order it lies. */
  flow(index: number): DeviceValue {
    const value = this.value(index);
    if (!isHost(value)) return value;
    return new DeviceValue(this.pool.tensorOf(value, this.node.op), false, value);
  }

  /** Input `index` on the device, in ONNX's order of axes. */
  tensor(index: number): Tensor {
    return this.flow(index).planar();
  }

  /** Input `index` on the device with its channels last. */
  image(index: number): Tensor {
    const value = this.flow(index);
    if (value.shape.length < 3) this.invalid(`takes images, not [${value.shape}]`);
    return value.image();
  }

  /** All inputs on the device, in ONNX's order. */
  tensors(): Tensor[] {
    return this.node.inputs.map((_, i) => this.tensor(i));
  }

  /** Positions: negative ones count from the end already where they are known. */
  indices(index: number, map: (i: number) => number = (i) => i): Tensor {
    const known = this.knownOf(index);
    if (!known) throw new Unsupported(`${this.node.op} with computed indices`);
    return tensor(this.pool.device, known.data.map(map), known.shape, { dtype: "i32" });
  }

  /** Numbers of an input, where they are known before anything runs. */
  knownOf(index: number): HostValue | undefined {
    const value = this.value(index);
    return isHost(value) ? value : value.known;
  }

  /** ONNX's element type of an input whose numbers are known. */
  typeOf(index: number): ElementType | undefined {
    return this.knownOf(index)?.type;
  }

  /** An input whose numbers must be known, such as a shape. */
  numbers(index: number): number[] {
    const known = this.knownOf(index);
    if (!known) throw new Unsupported(`${this.node.op} with a computed shape`);
    return [...known.data];
  }

  attribute(name: string, otherwise: number): number;
  attribute(name: string, otherwise: string): string;
  attribute(name: string, otherwise: number | string): number | string {
    const value: Attribute = this.node.attributes.get(name);
    if (value === undefined) return otherwise;
    if (typeof value === typeof otherwise) return value as number | string;
    return this.invalid(`has an attribute ${name} that is no ${typeof otherwise}`);
  }

  ints(name: string): number[] | undefined {
    const value = this.node.attributes.get(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => typeof each === "number")) {
      return value as number[];
    }
    return this.invalid(`has an attribute ${name} that is no list of numbers`);
  }

  /** An axis counted from the start. @throws OnnxError `ONNX_INVALID` where there is none such */
  axisOf(axis: number, rank: number): number {
    const at = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(at) || at < 0 || at >= rank) {
      this.invalid(`names axis ${axis} of ${rank}`);
    }
    return at;
  }

  /** Where axis `axis` of ONNX's order is in a value's tensor. */
  placeOf(value: DeviceValue, axis: number): number {
    const at = this.axisOf(axis, value.shape.length);
    return value.channelsLast ? firstAxes(value.shape.length)[at] : at;
  }
}
