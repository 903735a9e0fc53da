/** ONNX's element types, and numbers in the computer's memory. */
import { decodeBfloat16, decodeHalf } from "@retinaface-webgpu/tensor/inference";
import { OnnxError } from "../errors.js";
import type { TensorMessage } from "../proto/messages.js";

/** Element types that can be read, by ONNX's names. */
export type ElementType =
  | "float"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "int32"
  | "int64"
  | "bool"
  | "float16"
  | "double"
  | "uint32"
  | "uint64"
  | "bfloat16";

/** Numbers on the host: floats of 32 bits and less as Float32Array, all else as doubles, exact up to 2⁵³. */
export interface HostValue {
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly data: Float32Array | Float64Array;
}

interface Element {
  readonly name: ElementType;
  readonly bytes: number;
  /** The field of `TensorProto` that holds it where it is not raw. */
  readonly field: "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";
  get(view: DataView, at: number): number;
}

const bits = (view: DataView, at: number): number => view.getUint16(at, true);

const ELEMENTS: ReadonlyMap<number, Element> = new Map<number, Element>([
  [1, { name: "float", bytes: 4, field: "floatData", get: (v, at) => v.getFloat32(at, true) }],
  [2, { name: "uint8", bytes: 1, field: "int32Data", get: (v, at) => v.getUint8(at) }],
  [3, { name: "int8", bytes: 1, field: "int32Data", get: (v, at) => v.getInt8(at) }],
  [4, { name: "uint16", bytes: 2, field: "int32Data", get: bits }],
  [5, { name: "int16", bytes: 2, field: "int32Data", get: (v, at) => v.getInt16(at, true) }],
  [6, { name: "int32", bytes: 4, field: "int32Data", get: (v, at) => v.getInt32(at, true) }],
  [
    7,
    {
      name: "int64",
      bytes: 8,
      field: "int64Data",
      get: (v, at) => Number(v.getBigInt64(at, true)),
    },
  ],
  [9, { name: "bool", bytes: 1, field: "int32Data", get: (v, at) => Number(v.getUint8(at) !== 0) }],
  [10, { name: "float16", bytes: 2, field: "int32Data", get: bits }],
  [11, { name: "double", bytes: 8, field: "doubleData", get: (v, at) => v.getFloat64(at, true) }],
  [12, { name: "uint32", bytes: 4, field: "uint64Data", get: (v, at) => v.getUint32(at, true) }],
  [
    13,
    {
      name: "uint64",
      bytes: 8,
      field: "uint64Data",
      get: (v, at) => Number(v.getBigUint64(at, true)),
    },
  ],
  [16, { name: "bfloat16", bytes: 2, field: "int32Data", get: bits }],
]);

/** The type that a code stands for; `undefined` for text, complex numbers and those of eight bits and less. */
export function elementType(code: number): ElementType | undefined {
  return ELEMENTS.get(code)?.name;
}

/** ONNX's number of a type. */
export function elementCode(type: ElementType): number {
  return [...ELEMENTS].find(([, { name }]) => name === type)![0];
}

const IS_FLOAT32: readonly ElementType[] = ["float", "float16", "bfloat16"];

/** Memory for numbers of a type. */
export function hostArray(type: ElementType, count: number): Float32Array | Float64Array {
  return IS_FLOAT32.includes(type) ? new Float32Array(count) : new Float64Array(count);
}

/** A value on the host of numbers; floats are rounded to 32 bits. */
export function hostValue(
  shape: readonly number[],
  type: ElementType,
  numbers: ArrayLike<number>,
): HostValue {
  const data = hostArray(type, numbers.length);
  data.set(numbers);
  return { shape: [...shape], type, data };
}

/** How many elements a shape has. @throws OnnxError `ONNX_INVALID` for a shape that none can have */
export function countOf(shape: readonly number[], what: string): number {
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || !Number.isSafeInteger(count)) {
    throw new OnnxError(
      "ONNX_INVALID",
      `${what} has the shape [${shape}], which nothing can have.`,
    );
  }
  return count;
}

/**
 * The numbers of a `TensorProto`. Nothing is allocated before the file is known to hold them all.
 * @throws OnnxError `ONNX_INVALID`, `ONNX_EXTERNAL_DATA`, `ONNX_UNSUPPORTED` for its element type
 */
export function readTensorMessage(message: TensorMessage): HostValue {
  const what = `The tensor "${message.name ?? ""}"`;
  if (message.dataLocation === 1 || (message.externalData ?? []).length > 0) {
    throw new OnnxError(
      "ONNX_EXTERNAL_DATA",
      `${what} lies in another file: save the model with its data in one file ` +
        "(onnx.save without save_as_external_data).",
    );
  }
  const code = message.dataType ?? 0;
  const element = ELEMENTS.get(code);
  if (!element) {
    throw new OnnxError(
      "ONNX_UNSUPPORTED",
      `${what} has the element type ${code}, which is not read here: convert it to float or an integer.`,
    );
  }
  const count = countOf(message.dims, what);
  const given = message.rawData
    ? message.rawData.length / element.bytes
    : (message[element.field] ?? []).length;
  if (message.segment || given !== count) {
    throw new OnnxError("ONNX_INVALID", `${what} has ${given} values for [${message.dims}].`);
  }
  const data = message.rawData
    ? rawNumbers(message.rawData, element, count)
    : listedNumbers(message[element.field] ?? [], element);
  return { shape: message.dims, type: element.name, data };
}

function rawNumbers(raw: Uint8Array, { name, bytes, get }: Element, count: number) {
  if (name === "float") return new Float32Array(new Uint8Array(raw).buffer);
  if (name === "float16") return decodeHalf(new Uint16Array(new Uint8Array(raw).buffer));
  if (name === "bfloat16") return decodeBfloat16(new Uint16Array(new Uint8Array(raw).buffer));
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const data = hostArray(name, count);
  for (let i = 0; i < count; i++) data[i] = get(view, i * bytes);
  return data;
}

function listedNumbers(list: readonly number[], { name }: Element) {
  if (name === "float16") return decodeHalf(Uint16Array.from(list));
  if (name === "bfloat16") return decodeBfloat16(Uint16Array.from(list));
  const data = hostArray(name, list.length);
  data.set(list);
  return data;
}
