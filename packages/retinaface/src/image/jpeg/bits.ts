import { corruptJpeg } from "./header.js";
import { FAST_BITS, type HuffmanTable } from "./huffman.js";

/** Where a reader is: `count` bits that it has in its buffer, of which the last `padding` lie behind the end. */
export interface ReaderState {
  readonly position: number;
  readonly bits: bigint;
  readonly count: number;
  readonly padding: number;
}

/**
 * Reads the bits of an entropy-coded segment: stuffed zeros are dropped, and behind the next marker
 * come zeros, which are counted so that a segment that is too short is noticed. The bytes must hold a
 * marker behind every position.
 */
export class BitReader {
  /** Position of the next byte; never behind the marker that ends the segment. */
  position: number;
  /** The last `#count` bits are those not consumed yet. */
  #bits = 0;
  #count = 0;
  /** Bits in the buffer that lie behind the end. */
  #padding = 0;
  /** Bytes that come next, before the one at `position`: another reader had them in its buffer. */
  #early: number[] = [];

  constructor(
    private readonly bytes: Uint8Array,
    position: number,
  ) {
    this.position = position;
  }

  /** Whether more bits were consumed than there are. */
  get exhausted(): boolean {
    return this.#held < this.#padding;
  }

  /** Whole bytes in the buffer that were not asked for. */
  get unused(): number {
    return Math.max(0, this.#held - this.#padding) >> 3;
  }

  get #held(): number {
    return this.#count + 8 * this.#early.length;
  }

  /** What another reader goes on with. */
  get state(): ReaderState {
    const { position } = this;
    let bits = BigInt.asUintN(this.#count, BigInt(this.#bits >>> 0));
    for (const byte of this.#early) bits = (bits << 8n) | BigInt(byte);
    return { position, bits, count: this.#held, padding: this.#padding };
  }

  /** Goes on where another reader is. */
  adopt({ position, bits, count, padding }: ReaderState): void {
    const early = Math.max(0, Math.ceil((count - 32) / 8));
    this.position = position;
    this.#padding = padding;
    this.#count = count - 8 * early;
    this.#bits = Number(BigInt.asIntN(32, bits >> BigInt(8 * early)));
    this.#early = Array.from({ length: early }, (_, i) =>
      Number((bits >> BigInt(8 * (early - 1 - i))) & 255n),
    );
  }

  /** Forgets what is left of the present byte and what lies behind the end. */
  reset(position: number): void {
    this.position = position;
    this.#count = 0;
    this.#padding = 0;
    this.#early.length = 0;
  }

  /** At least 25 bits are in the buffer afterwards. */
  #fill(): void {
    const { bytes } = this;
    while (this.#count <= 24) {
      const early = this.#early.shift();
      if (early !== undefined) {
        this.#bits = (this.#bits << 8) | early;
        this.#count += 8;
        continue;
      }
      const byte = bytes[this.position];
      if (byte !== 0xff) {
        this.position++;
        this.#bits = (this.#bits << 8) | byte;
      } else if (bytes[this.position + 1] === 0) {
        this.position += 2;
        this.#bits = (this.#bits << 8) | 0xff;
      } else if (bytes[this.position + 1] === 0xff) {
        this.position++;
        continue;
      } else {
        this.#bits <<= 8;
        this.#padding = Math.min(this.#padding + 8, 1 << 16);
        this.#count += 8;
        continue;
      }
      this.#count += 8;
    }
  }

  /** The next bit. */
  bit(): number {
    if (this.#count < 1) this.#fill();
    return (this.#bits >>> --this.#count) & 1;
  }

  /** An unsigned number of up to 16 bits. */
  unsigned(size: number): number {
    if (this.#count < size) this.#fill();
    this.#count -= size;
    return (this.#bits >>> this.#count) & ((1 << size) - 1);
  }

  /** A signed number in JPEG's form: the upper half of the range is positive. */
  signed(size: number): number {
    if (size === 0) return 0;
    const value = this.unsigned(size);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  }

  /** The next Huffman symbol. */
  symbol(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const entry = table.fast[(this.#bits >>> (this.#count - FAST_BITS)) & ((1 << FAST_BITS) - 1)];
    if (entry !== 0) {
      this.#count -= entry >> 8;
      return entry & 0xff;
    }
    for (let size = FAST_BITS + 1; size <= 16; size++) {
      const code = (this.#bits >>> (this.#count - size)) & ((1 << size) - 1);
      if (code < table.endCode[size]) {
        this.#count -= size;
        return table.symbols[code + table.offset[size]];
      }
    }
    throw corruptJpeg("its image data has a code that is not in the table");
  }
}
