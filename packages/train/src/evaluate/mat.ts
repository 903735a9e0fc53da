import { Unzlib } from "fflate";
import { FormatError } from "../errors.js";

/** A MATLAB array; elements are in MATLAB's column-major order. */
export type MatValue =
  | { readonly kind: "numeric"; readonly dims: readonly number[]; readonly data: Float64Array }
  | { readonly kind: "char"; readonly dims: readonly number[]; readonly text: string }
  | { readonly kind: "cell"; readonly dims: readonly number[]; readonly cells: readonly MatValue[] }
  | {
      readonly kind: "struct";
      readonly dims: readonly number[];
      /** One value an element of the struct array, by field name. */
      readonly fields: ReadonlyMap<string, readonly MatValue[]>;
    };

/** Something that no MATLAB 5 file has. */
function damaged(what: string, options?: ErrorOptions): FormatError {
  const remedy =
    "The file is damaged or of another kind: fetch it again, or save it with the option -v7.";
  return new FormatError(`${what} ${remedy}`, options);
}

const HEADER_BYTES = 128;
const MAX_INFLATED_BYTES = 2 ** 28;
const MAX_DEPTH = 32;

/** Data types of elements (MAT-File Format, MathWorks, table 1-1). */
const MATRIX = 14;
const COMPRESSED = 15;

const READERS: Record<
  number,
  [bytes: number, read: (v: DataView, at: number, le: boolean) => number]
> = {
  1: [1, (v, at) => v.getInt8(at)],
  2: [1, (v, at) => v.getUint8(at)],
  3: [2, (v, at, le) => v.getInt16(at, le)],
  4: [2, (v, at, le) => v.getUint16(at, le)],
  5: [4, (v, at, le) => v.getInt32(at, le)],
  6: [4, (v, at, le) => v.getUint32(at, le)],
  7: [4, (v, at, le) => v.getFloat32(at, le)],
  9: [8, (v, at, le) => v.getFloat64(at, le)],
  12: [8, (v, at, le) => Number(v.getBigInt64(at, le))],
  13: [8, (v, at, le) => Number(v.getBigUint64(at, le))],
};

/** Array classes (MAT-File Format, table 1-3). */
const CELL = 1;
const STRUCT = 2;
const CHAR = 4;
const FIRST_NUMERIC = 6;
const LAST_NUMERIC = 15;
const COMPLEX_FLAG = 0x0800;

interface Element {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Reads the elements of a block one after another. */
class ElementReader {
  #at = 0;
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly littleEndian: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.bytes.length;
  }

  next(): Element {
    const at = this.#at;
    const short = at + 4 <= this.bytes.length && this.#view.getUint32(at, this.littleEndian) >>> 16;
    const header = short ? 4 : 8;
    if (at + header > this.bytes.length) throw damaged("The .mat file ends in a tag.");
    const word = this.#view.getUint32(at, this.littleEndian);
    const type = short ? word & 0xffff : word;
    const size = short ? word >>> 16 : this.#view.getUint32(at + 4, this.littleEndian);
    const start = at + header;
    if (start + size > this.bytes.length || (short && size > 4)) {
      throw damaged(`An element of the .mat file claims ${size} bytes, more than there are.`);
    }
    const padded = short ? 4 : type === COMPRESSED ? size : Math.ceil(size / 8) * 8;
    this.#at = start + padded;
    return { type, bytes: this.bytes.subarray(start, start + size) };
  }

  numbers(): Float64Array {
    const { type, bytes } = this.next();
    const reader = READERS[type];
    if (!reader) throw damaged(`The .mat file holds data of the unknown type ${type}.`);
    const [width, read] = reader;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = new Float64Array(Math.floor(bytes.length / width));
    for (let i = 0; i < values.length; i++) values[i] = read(view, i * width, this.littleEndian);
    return values;
  }

  text(): string {
    const { type, bytes } = this.next();
    const name = {
      16: "utf-8",
      17: this.littleEndian ? "utf-16le" : "utf-16be",
      2: "utf-8",
      1: "utf-8",
    }[type];
    if (name) return new TextDecoder(name).decode(bytes);
    if (type !== 4) throw damaged(`The .mat file holds text of the unknown type ${type}.`);
    return new TextDecoder(this.littleEndian ? "utf-16le" : "utf-16be").decode(bytes);
  }
}

function inflate(bytes: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const stream = new Unzlib((chunk) => {
    total += chunk.length;
    if (total > MAX_INFLATED_BYTES) {
      throw damaged(`An element of the .mat file inflates to over ${MAX_INFLATED_BYTES} bytes.`);
    }
    chunks.push(chunk);
  });
  try {
    stream.push(bytes, true);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw damaged(`An element of the .mat file does not inflate: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function product(dims: readonly number[]): number {
  return dims.reduce((count, dim) => count * dim, 1);
}

function readMembers(reader: ElementReader, count: number, depth: number): MatValue[] {
  if (count > reader.bytes.length / 8) {
    throw damaged(`An array of the .mat file claims ${count} members, more than fit.`);
  }
  return Array.from({ length: count }, () => {
    const { type, bytes } = reader.next();
    if (type !== MATRIX) throw damaged(`A member of a .mat array has the type ${type}.`);
    return parseMember(bytes, reader.littleEndian, depth + 1);
  });
}

function readStruct(reader: ElementReader, dims: number[], depth: number): MatValue {
  const [width] = reader.numbers();
  const names = new TextDecoder().decode(reader.next().bytes);
  if (!Number.isSafeInteger(width) || width < 1) {
    throw damaged(`A struct of the .mat file has field names of the length ${width}.`);
  }
  const keys: string[] = [];
  for (let at = 0; at < names.length; at += width) {
    keys.push(names.slice(at, at + width).replace(/\0.*$/s, ""));
  }
  const members = readMembers(reader, keys.length * product(dims), depth);
  const fields = new Map(
    keys.map((key, i) => [key, members.filter((_, m) => m % keys.length === i)]),
  );
  return { kind: "struct", dims, fields };
}

interface MatrixHeader {
  readonly name: string;
  readonly flags: number;
  readonly dims: number[];
}

function readHeader(reader: ElementReader): MatrixHeader {
  const [flags] = reader.numbers();
  const dims = [...reader.numbers()];
  const name = reader.text();
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw damaged(`The .mat array "${name}" has the dimensions [${dims.join(", ")}].`);
  }
  return { name, flags, dims };
}

function readBody(reader: ElementReader, header: MatrixHeader, depth: number): MatValue {
  const { name, flags, dims } = header;
  const matlabClass = flags & 0xff;
  if (matlabClass === CELL) {
    return { kind: "cell", dims, cells: readMembers(reader, product(dims), depth) };
  }
  if (matlabClass === STRUCT) return readStruct(reader, dims, depth);
  if (matlabClass === CHAR) return { kind: "char", dims, text: reader.text() };
  const numeric = matlabClass >= FIRST_NUMERIC && matlabClass <= LAST_NUMERIC;
  if (!numeric || flags & COMPLEX_FLAG) {
    throw damaged(`The .mat array "${name}" is of a kind that is not read (class ${matlabClass}).`);
  }
  const data = reader.numbers();
  if (data.length !== product(dims)) {
    throw damaged(
      `The .mat array "${name}" has ${data.length} values for the dimensions [${dims.join(", ")}].`,
    );
  }
  return { kind: "numeric", dims, data };
}

function parseMember(bytes: Uint8Array, littleEndian: boolean, depth: number): MatValue {
  if (depth > MAX_DEPTH) throw damaged(`The .mat file nests deeper than ${MAX_DEPTH}.`);
  if (bytes.length === 0) return { kind: "numeric", dims: [0, 0], data: new Float64Array() };
  const reader = new ElementReader(bytes, littleEndian);
  return readBody(reader, readHeader(reader), depth);
}

/**
 * Reads the variables of a MATLAB 5 file (MAT-File Format, MathWorks; `save -v6` and `-v7`): real
 * numbers, text, cells and structs, compressed or not, of either byte order.
 *
 * @param wanted names of the variables to read, all by default
 * @throws {FormatError} for damaged files, MATLAB 4 and 7.3 files, and other kinds of arrays.
 */
export function parseMat(bytes: Uint8Array, wanted?: readonly string[]): Map<string, MatValue> {
  const mark = String.fromCharCode(...bytes.subarray(126, HEADER_BYTES));
  if (bytes.length < HEADER_BYTES || (mark !== "IM" && mark !== "MI")) {
    throw new FormatError("Not a MATLAB 5 file: save it again with the option -v7.");
  }
  const littleEndian = mark === "IM";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(124, littleEndian);
  if (version !== 0x0100) {
    throw new FormatError(
      `The .mat file has the version ${version >>> 8}.${version & 0xff}: save it again with the option -v7.`,
    );
  }
  const variables = new Map<string, MatValue>();
  const reader = new ElementReader(bytes.subarray(HEADER_BYTES), littleEndian);
  while (!reader.done) {
    let element = reader.next();
    if (element.type === COMPRESSED) {
      element = new ElementReader(inflate(element.bytes), littleEndian).next();
    }
    if (element.type !== MATRIX || element.bytes.length === 0) continue;
    const body = new ElementReader(element.bytes, littleEndian);
    const header = readHeader(body);
    if (wanted && !wanted.includes(header.name)) continue;
    variables.set(header.name, readBody(body, header, 0));
  }
  return variables;
}
