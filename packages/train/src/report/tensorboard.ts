/*
 * TensorBoard's event files: records of TFRecord framing, each an `Event` protocol buffer.
 *
 * A record is its length (u64), the masked CRC-32C of these eight bytes, its bytes, and their masked CRC-32C, all little
 * endian (tensorflow/core/lib/io/record_writer.h; masking in lib/hash/crc32c.h). Of `Event` (core/util/event.proto) are
 * written wall_time = 1, step = 2, file_version = 3, summary = 5 and session_log = 7; of `Summary.Value` tag = 1 and
 * simple_value = 2; of `SessionLog` status = 1. Written here by hand: a library for these seven fields would bring a
 * compiler of protocol buffers. TensorBoard 2.21 reads all figures of a run written so (2026-11-29).
 */

/** One figure of a step, under a name such as `loss/total`. */
export interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Rotated and shifted: a sum over data that hold sums themselves. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** A record with its length and sums. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return record;
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const key = (field: number, wire: number) => varint(field * 8 + wire);

function bytesField(field: number, bytes: ArrayLike<number>): number[] {
  return [...key(field, WIRE.bytes), ...varint(bytes.length), ...Array.from(bytes)];
}

const textField = (field: number, text: string) =>
  bytesField(field, new TextEncoder().encode(text));

function numberField(field: number, wire: 1 | 5, value: number): number[] {
  const bytes = new Uint8Array(wire === WIRE.fixed64 ? 8 : 4);
  const view = new DataView(bytes.buffer);
  if (wire === WIRE.fixed64) view.setFloat64(0, value, true);
  else view.setFloat32(0, value, true);
  return [...key(field, wire), ...bytes];
}

/** An event at a time in seconds since 1970. */
function event(seconds: number, step: number, content: readonly number[]): Uint8Array {
  const time = numberField(1, WIRE.fixed64, seconds);
  const at = step === 0 ? [] : [...key(2, WIRE.varint), ...varint(step)];
  return tfRecord(Uint8Array.from([...time, ...at, ...content]));
}

/** The records that a file begins with; what an earlier file says of `step` and later ones is then forgotten. */
export function eventFileStart(seconds: number, step: number): Uint8Array {
  const start = [...key(1, WIRE.varint), 1];
  return join([
    event(seconds, 0, textField(3, "brain.Event:2")),
    event(seconds, step, bytesField(7, start)),
  ]);
}

/** Records of figures, one for each. @throws RangeError for a step that is no whole number of at least 0 */
export function scalarEvents(seconds: number, scalars: readonly Scalar[]): Uint8Array {
  return join(
    scalars.map(({ tag, step, value }) => {
      const summary = [...textField(1, tag), ...numberField(2, WIRE.fixed32, value)];
      return event(seconds, step, bytesField(5, bytesField(1, summary)));
    }),
  );
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
