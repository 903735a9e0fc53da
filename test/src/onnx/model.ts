import {
  type Field,
  OnnxFormatError,
  readFields,
  repeatedFloats,
  repeatedVarints,
  text,
} from "./protobuf.js";

/** Values on the host; integers and booleans as doubles, which is exact below 2⁵³. */
export interface HostValue {
  readonly shape: number[];
  /** ONNX's element type: `float`, `int64`, …. */
  readonly type: string;
  readonly data: Float64Array;
}

export type Attribute = number | string | number[] | HostValue;

/** One call of an operator. Absent optional inputs have an empty name. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A graph with constants. */
export interface OnnxModel {
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly constants: ReadonlyMap<string, HostValue>;
  /** Names of the inputs that are no constants. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const TYPES: Record<
  number,
  { name: string; bytes: number; get: (v: DataView, at: number) => number }
> = {
  1: { name: "float", bytes: 4, get: (v, at) => v.getFloat32(at, true) },
  2: { name: "uint8", bytes: 1, get: (v, at) => v.getUint8(at) },
  3: { name: "int8", bytes: 1, get: (v, at) => v.getInt8(at) },
  5: { name: "int16", bytes: 2, get: (v, at) => v.getInt16(at, true) },
  6: { name: "int32", bytes: 4, get: (v, at) => v.getInt32(at, true) },
  7: { name: "int64", bytes: 8, get: (v, at) => Number(v.getBigInt64(at, true)) },
  9: { name: "bool", bytes: 1, get: (v, at) => v.getUint8(at) },
  12: { name: "uint32", bytes: 4, get: (v, at) => v.getUint32(at, true) },
  11: { name: "double", bytes: 8, get: (v, at) => v.getFloat64(at, true) },
};

const one = (fields: readonly Field[], number: number): Field | undefined =>
  fields.find((field) => field.number === number);

const strings = (fields: readonly Field[], number: number): string[] =>
  fields.filter((field) => field.number === number).map(({ bytes }) => text(bytes));

const messages = (fields: readonly Field[], number: number): Field[][] =>
  fields.filter((field) => field.number === number).map(({ bytes }) => readFields(bytes));

/** Reads a `ModelProto`. @throws OnnxFormatError */
export function readModel(bytes: Uint8Array): OnnxModel {
  const model = readFields(bytes);
  const [graph] = messages(model, 7);
  if (!graph) throw new OnnxFormatError("the model has no graph");
  const opsets = messages(model, 8).filter(
    (set) => text(one(set, 1)?.bytes ?? new Uint8Array()) === "",
  );
  const constants = new Map(
    messages(graph, 5).map((tensor) => [strings(tensor, 8)[0] ?? "", hostValue(tensor)]),
  );
  const names = (number: number) =>
    messages(graph, number).map((value) => strings(value, 1)[0] ?? "");
  return {
    opset: Number(opsets[0] ? (one(opsets[0], 2)?.varint ?? 1n) : 1n),
    nodes: messages(graph, 1).map(readNode),
    constants,
    inputs: names(11).filter((name) => !constants.has(name)),
    outputs: names(12),
  };
}

/** Reads a `TensorProto` with its name. @throws OnnxFormatError */
export function readTensor(bytes: Uint8Array): { name: string; value: HostValue } {
  const fields = readFields(bytes);
  return { name: strings(fields, 8)[0] ?? "", value: hostValue(fields) };
}

function readNode(fields: Field[]): OnnxNode {
  return {
    op: strings(fields, 4)[0] ?? "",
    inputs: strings(fields, 1),
    outputs: strings(fields, 2),
    attributes: new Map(messages(fields, 5).map((a) => [strings(a, 1)[0] ?? "", readAttribute(a)])),
  };
}

function readAttribute(fields: Field[]): Attribute {
  const type = Number(one(fields, 20)?.varint ?? 0n) || guessType(fields);
  switch (type) {
    case 1:
      return only(repeatedFloats(fields, 2));
    case 2:
      return Number(only(repeatedVarints(fields, 3)));
    case 3:
      return only(strings(fields, 4));
    case 4:
      return hostValue(messages(fields, 5)[0] ?? []);
    case 6:
      return repeatedFloats(fields, 7);
    case 7:
      return repeatedVarints(fields, 8).map(Number);
    default:
      throw new OnnxFormatError(`attribute type ${type} is unknown`);
  }
}

function only<T>(values: readonly T[]): T {
  if (values.length === 0) throw new OnnxFormatError("an attribute has no value");
  return values[0];
}

/** Early files leave the attribute's type out: the field that is set tells it. */
function guessType(fields: readonly Field[]): number {
  const byField = new Map([
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 4],
    [7, 6],
    [8, 7],
  ]);
  return fields.map(({ number }) => byField.get(number)).find((type) => type !== undefined) ?? 0;
}

function hostValue(fields: readonly Field[]): HostValue {
  const shape = repeatedVarints(fields, 1).map(Number);
  const code = Number(one(fields, 2)?.varint ?? 0n);
  const type = TYPES[code];
  if (!type) throw new OnnxFormatError(`element type ${code} is not read`);
  const count = shape.reduce((a, b) => a * b, 1);
  const raw = one(fields, 9)?.bytes;
  const values = raw ? rawValues(raw, type) : listedValues(fields, code);
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || values.length !== count) {
    throw new OnnxFormatError(`${values.length} values for shape [${shape.join(", ")}]`);
  }
  return { shape, type: type.name, data: Float64Array.from(values) };
}

function rawValues(raw: Uint8Array, type: (typeof TYPES)[number]): number[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: Math.floor(raw.length / type.bytes) }, (_, i) =>
    type.get(view, i * type.bytes),
  );
}

function listedValues(fields: readonly Field[], code: number): number[] {
  if (code === 1) return repeatedFloats(fields, 4);
  const field = code === 7 ? 7 : code === 12 ? 11 : 5;
  return repeatedVarints(fields, field).map(Number);
}
