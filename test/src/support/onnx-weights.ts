/** Just enough of protobuf and ONNX to read the float32 weights of a model. */

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/** The fields of a message, in order. */
function* fields(message: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const type = tag % 8;
    if (type === VARINT) {
      yield [field, varint()];
      continue;
    }
    const length = type === BYTES ? varint() : { [FIXED_64]: 8, [FIXED_32]: 4 }[type];
    if (length === undefined) throw new Error(`Wire type ${type} is not read.`);
    at += length;
    yield [field, message.subarray(at - length, at)];
  }
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: number[];
  readonly data: Float32Array;
}

/** The float32 initializers of a model (ModelProto.graph.initializer) that are stored as raw data. */
export function onnxWeights(model: Uint8Array): OnnxTensor[] {
  const result: OnnxTensor[] = [];
  for (const [field, graph] of fields(model)) {
    if (field !== 7) continue;
    for (const [member, tensor] of fields(graph as Uint8Array)) {
      if (member === 5) result.push(onnxTensor(tensor as Uint8Array));
    }
  }
  return result;
}

function onnxTensor(message: Uint8Array): OnnxTensor {
  const shape: number[] = [];
  let name = "";
  let raw = new Uint8Array();
  for (const [field, value] of fields(message)) {
    if (field === 1) shape.push(value as number);
    else if (field === 8) name = new TextDecoder().decode(value as Uint8Array);
    else if (field === 9) raw = (value as Uint8Array).slice();
  }
  return { name, shape, data: new Float32Array(raw.buffer) };
}

/** The model with other numbers in the float32 initializers for which there are some, as many as before. */
export function withOnnxWeights(
  model: Uint8Array,
  replacement: (name: string) => Float32Array | undefined,
): Uint8Array {
  const copy = model.slice();
  for (const [field, graph] of fields(copy)) {
    if (field !== 7) continue;
    for (const [member, tensor] of fields(graph as Uint8Array)) {
      if (member === 5) replaceRaw(tensor as Uint8Array, replacement);
    }
  }
  return copy;
}

function replaceRaw(
  message: Uint8Array,
  replacement: (name: string) => Float32Array | undefined,
): void {
  const { name } = onnxTensor(message);
  const values = replacement(name);
  if (!values) return;
  for (const [field, value] of fields(message)) {
    if (field !== 9) continue;
    const raw = value as Uint8Array;
    if (raw.byteLength !== values.byteLength) throw new Error(`${name} has another size`);
    raw.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
}
