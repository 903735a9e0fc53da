import { corrupt } from "./errors.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A decoder's call costs a browser more than this many characters one by one. */
const SHORT = 64;

/** Decodes UTF-8; invalid sequences are an error. */
export function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.length <= SHORT && bytes.every((byte) => byte < 0x80)) {
    return String.fromCharCode(...bytes);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw corrupt("A string is not UTF-8.");
  }
}

/** A little-endian cursor that never leaves its bytes. */
export class ByteReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** Moves on by `count` bytes and returns where they start. */
  skip(count: number): number {
    if (!(count >= 0 && count <= this.remaining)) {
      throw corrupt(`It needs ${count} bytes at ${this.position}, ${this.remaining} are left.`);
    }
    const start = this.position;
    this.position += count;
    return start;
  }

  /** The next `count` bytes, as a view. */
  take(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  u8(): number {
    return this.bytes[this.skip(1)];
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  /** An unsigned 64-bit size; beyond 2^53 it can not be right. */
  u64(): number {
    const value = this.#view.getBigUint64(this.skip(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`A size of ${value} is absurd.`);
    return Number(value);
  }

  /** A big-endian double, as pickles hold them. */
  f64BigEndian(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }

  /** Text up to the next line feed, which is consumed; at most `limit` bytes. */
  line(limit: number): string {
    const window = this.bytes.subarray(this.position, this.position + limit + 1);
    const length = window.indexOf(0x0a);
    if (length < 0) throw corrupt(`No line ends within ${limit} bytes of ${this.position}.`);
    const text = decodeUtf8(this.take(length));
    this.position++;
    return text;
  }
}
