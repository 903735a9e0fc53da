/** The file is not a protobuf message, or not the one expected. */
export class OnnxFormatError extends Error {
  readonly code = "ONNX_FORMAT";
  override readonly name = "OnnxFormatError";
}

/** A field of a protobuf message: a number for varints and fixed sizes, bytes for the rest. */
export interface Field {
  readonly number: number;
  readonly varint: bigint;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/**
 * Splits a message into its fields, in order, without copying: at most one field for two bytes.
 * @throws OnnxFormatError when it is cut off or malformed
 */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= message.length) throw new OnnxFormatError("a number is cut off");
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new OnnxFormatError("a number is longer than ten bytes");
  };
  const take = (length: number): Uint8Array => {
    if (length > message.length - at) throw new OnnxFormatError("a field is cut off");
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (wire === 0) fields.push({ number, varint: varint(), bytes: NOTHING });
    else if (wire === 1) fields.push({ number, varint: 0n, bytes: take(8) });
    else if (wire === 2) fields.push({ number, varint: 0n, bytes: take(Number(varint())) });
    else if (wire === 5) fields.push({ number, varint: 0n, bytes: take(4) });
    else throw new OnnxFormatError(`wire type ${wire} is unknown`);
  }
  return fields;
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A repeated scalar, packed or one by one. */
export function repeatedVarints(fields: readonly Field[], number: number): bigint[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap(({ varint, bytes }) => (bytes.length > 0 ? packedVarints(bytes) : [varint]))
    .map((value) => BigInt.asIntN(64, value));
}

function packedVarints(bytes: Uint8Array): bigint[] {
  const values: bigint[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (shift > 70n) throw new OnnxFormatError("a number is longer than ten bytes");
    if (byte >= 0x80) continue;
    values.push(BigInt.asUintN(64, value));
    value = 0n;
    shift = 0n;
  }
  if (shift > 0n) throw new OnnxFormatError("a number is cut off");
  return values;
}

/** A repeated 32-bit float, packed or one by one. */
export function repeatedFloats(fields: readonly Field[], number: number): number[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap(({ bytes }) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
        view.getFloat32(i * 4, true),
      );
    });
}
