import { TensorError } from "../core/errors.js";
import {
  elementCount,
  type HostDType,
  type HostTensor,
  hostElementBytes,
  hostTensorBytes,
  hostTensorFromBuffer,
  type StateDict,
} from "../core/host-tensor.js";
import type { OwnBytes } from "../core/web.js";
import { findDuplicateKey } from "./json-keys.js";

/**
 * The safetensors format (https://github.com/huggingface/safetensors): a 64-bit little-endian header
 * length, a JSON header `{name: {dtype, shape, data_offsets}}`, then the tensors' bytes without gaps.
 */

/** What was wrong: bytes that break the format, or an element type this library has no use for. */
export type SafetensorsErrorCode = "SAFETENSORS_CORRUPT" | "SAFETENSORS_UNSUPPORTED";

/** A safetensors file that can not be read, or tensors that can not be written. */
export class SafetensorsError extends TensorError {
  declare readonly code: SafetensorsErrorCode;

  constructor(code: SafetensorsErrorCode, message: string) {
    super(code, message);
  }
}

/** A file's tensors, in the order of its header, and the strings under `__metadata__`. */
export interface SafetensorsFile {
  tensors: StateDict;
  metadata: Record<string, string>;
}

const METADATA_KEY = "__metadata__";
/** The reference implementation's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;

const DTYPE_OF_NAME = new Map<string, HostDType>([
  ["F32", "f32"],
  ["F16", "f16"],
  ["F64", "f64"],
  ["BF16", "bf16"],
  ["I64", "i64"],
  ["I32", "i32"],
  ["I16", "i16"],
  ["I8", "i8"],
  ["U8", "u8"],
  ["U32", "u32"],
  ["BOOL", "bool"],
]);
const NAME_OF_DTYPE = new Map([...DTYPE_OF_NAME].map(([name, dtype]) => [dtype, name]));

interface Entry {
  name: string;
  dtype: HostDType;
  shape: number[];
  begin: number;
  end: number;
}

function corrupt(message: string): SafetensorsError {
  return new SafetensorsError(
    "SAFETENSORS_CORRUPT",
    `${message} The file is damaged or not safetensors: fetch or convert it again.`,
  );
}

/** A value from the file, short enough for an error message. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether the bytes begin like a safetensors file: a header length that fits, then `{`. */
export function looksLikeSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getBigUint64(0, true) <= BigInt(bytes.length - 8);
}

/** The header's bytes, after its length was checked against the file's. */
function headerBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 10) {
    throw corrupt(`A safetensors file has at least 10 bytes, this one ${bytes.length}.`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(bytes.length - 8, MAX_HEADER_BYTES)) || length < 2n) {
    throw corrupt(`The header's length is said to be ${length} bytes of ${bytes.length}.`);
  }
  return bytes.subarray(8, 8 + Number(length));
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw corrupt("The header is not JSON.");
  }
  if (!isRecord(header) || !text.startsWith("{")) throw corrupt("The header is not a JSON object.");
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw corrupt(`The header names ${quote(duplicate)} twice.`);
  return header;
}

function parseMetadata(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value) || Object.values(value).some((text) => typeof text !== "string")) {
    throw corrupt(`${METADATA_KEY} is not an object of strings.`);
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) throw corrupt(`The entry of ${quote(name)} is not an object.`);
  const { dtype: dtypeName, shape, data_offsets: offsets } = value;
  if (typeof dtypeName !== "string") throw corrupt(`${quote(name)} has no dtype.`);
  const dtype = DTYPE_OF_NAME.get(dtypeName);
  if (!dtype) {
    throw new SafetensorsError(
      "SAFETENSORS_UNSUPPORTED",
      `${quote(name)} has the element type ${quote(dtypeName)}; known are ${[...DTYPE_OF_NAME.keys()].join(", ")}. Save it in one of these.`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw corrupt(`${quote(name)} has the shape ${quote(shape)}.`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw corrupt(`${quote(name)} has the data_offsets ${quote(offsets)}.`);
  }
  const [begin, end] = offsets;
  const size = elementCount(shape) * hostElementBytes(dtype);
  if (end - begin !== size) {
    throw corrupt(
      `${quote(name)} has ${end - begin} bytes, its ${dtypeName} shape ${quote(shape)} needs ${size}.`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** The tensors must cover the data exactly: no gap, no overlap, nothing left over. */
function checkLayout(entries: readonly Entry[], dataBytes: number): void {
  let position = 0;
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (const { name, begin, end } of ordered) {
    if (begin !== position) {
      const fault = begin < position ? "overlaps another tensor" : "follows a gap";
      throw corrupt(`${quote(name)} at bytes ${begin} to ${end} ${fault}.`);
    }
    position = end;
  }
  if (position !== dataBytes) {
    throw corrupt(`The tensors need ${position} bytes of data, the file has ${dataBytes}.`);
  }
}

/**
 * Reads a safetensors file. The header is checked whole before any tensor is copied, so that memory
 * stays within the file's own size.
 *
 * @throws SafetensorsError where the bytes break the format or an element type is not known
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const headerSlice = headerBytes(bytes);
  const header = parseHeader(headerSlice);
  const metadata = parseMetadata(
    Object.hasOwn(header, METADATA_KEY) ? header[METADATA_KEY] : undefined,
  );
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => parseEntry(name, value));
  const data = bytes.subarray(8 + headerSlice.length);
  checkLayout(entries, data.length);
  const tensors: StateDict = new Map();
  for (const { name, dtype, shape, begin, end } of entries) {
    const copy = new Uint8Array(end - begin);
    copy.set(data.subarray(begin, end));
    tensors.set(name, hostTensorFromBuffer(dtype, shape, copy.buffer));
  }
  return { tensors, metadata };
}

function checkWritable(name: string, { dtype, shape, data }: HostTensor): void {
  const count = elementCount(shape);
  if (name === METADATA_KEY || !NAME_OF_DTYPE.has(dtype) || data.length !== count) {
    throw new SafetensorsError(
      "SAFETENSORS_UNSUPPORTED",
      `${quote(name)} can not be written: ${dtype}, shape ${quote(shape)}, ${data.length} elements.`,
    );
  }
}

/**
 * Writes tensors as a safetensors file: the header in the order given, the data with the widest
 * elements first so that every tensor is aligned. The same input gives the same bytes.
 *
 * @throws SafetensorsError where a tensor's data do not fit its shape or it is named `__metadata__`
 */
export function writeSafetensors(
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): OwnBytes {
  for (const [name, tensor] of tensors) checkWritable(name, tensor);
  const ordered = [...tensors].sort(
    ([, a], [, b]) => hostElementBytes(b.dtype) - hostElementBytes(a.dtype),
  );
  const offsets = new Map<string, [number, number]>();
  let end = 0;
  for (const [name, { data }] of ordered) {
    offsets.set(name, [end, end + data.byteLength]);
    end += data.byteLength;
  }
  const entries: [string, unknown][] = [...tensors].map(([name, { dtype, shape }]) => [
    name,
    { dtype: NAME_OF_DTYPE.get(dtype), shape, data_offsets: offsets.get(name) },
  ]);
  if (Object.keys(metadata).length > 0) entries.unshift([METADATA_KEY, metadata]);
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8 + json.length, 8 + headerLength);
  file.set(json, 8);
  for (const [name, tensor] of ordered) {
    file.set(hostTensorBytes(tensor), 8 + headerLength + offsets.get(name)![0]);
  }
  return file;
}
