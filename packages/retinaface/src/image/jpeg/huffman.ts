import { corruptJpeg } from "./header.js";

/** Codes up to this length are looked up at once. */
export const FAST_BITS = 9;

/** A Huffman table made ready for decoding. */
export interface HuffmanTable {
  symbols: Uint8Array;
  /** For each possible next FAST_BITS bits `length << 8 | symbol`; 0 for longer codes. */
  fast: Uint16Array;
  /** For each length, the first code behind those of that length. */
  endCode: Int32Array;
  /** For each length, what turns a code into an index of `symbols`. */
  offset: Int32Array;
}

/**
 * @param counts how many codes there are of each length 1..16.
 * @param symbols in order of their codes.
 */
export function huffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const fast = new Uint16Array(1 << FAST_BITS);
  const endCode = new Int32Array(17);
  const offset = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let size = 1; size <= 16; size++) {
    const count = counts[size - 1];
    offset[size] = index - code;
    if (size <= FAST_BITS) {
      const spread = 1 << (FAST_BITS - size);
      for (let n = 0; n < count; n++) {
        const from = (code + n) * spread;
        fast.fill((size << 8) | symbols[index + n], from, from + spread);
      }
    }
    code += count;
    index += count;
    if (code > 1 << size) throw corruptJpeg("a Huffman table has too many codes");
    endCode[size] = count === 0 ? 0 : code;
    code *= 2;
  }
  return { symbols, fast, endCode, offset };
}
