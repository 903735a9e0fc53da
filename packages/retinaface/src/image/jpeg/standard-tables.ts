import { type HuffmanTable, huffmanTable } from "./huffman.js";

/*
 * The Huffman tables of ITU-T T.81, annex K.3: typical ones, which frames of motion JPEG mean when they
 * hold none. Each is written as in a DHT segment: how many codes there are of each length 1..16, then
 * the symbols in order of their codes.
 */

const table = (hex: string): HuffmanTable => {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return huffmanTable(bytes.subarray(0, 16), bytes.subarray(16));
};

const DC_LUMINANCE = "00010501010101010100000000000000000102030405060708090a0b";
const DC_CHROMINANCE = "00030101010101010101010000000000000102030405060708090a0b";
const AC_LUMINANCE =
  "0002010303020403050504040000017d" +
  "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a16" +
  "1718191a25262728292a3435363738393a434445464748494a535455565758595a63646566676869" +
  "6a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6" +
  "b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8" +
  "f9fa";
const AC_CHROMINANCE =
  "00020102040403040705040400010277" +
  "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434" +
  "e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768" +
  "696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4" +
  "b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8" +
  "f9fa";

let made: { dc: HuffmanTable[]; ac: HuffmanTable[] } | undefined;

/** Tables 0 and 1 of the two classes. */
export function standardTables(): { dc: HuffmanTable[]; ac: HuffmanTable[] } {
  made ??= {
    dc: [table(DC_LUMINANCE), table(DC_CHROMINANCE)],
    ac: [table(AC_LUMINANCE), table(AC_CHROMINANCE)],
  };
  return { dc: [...made.dc], ac: [...made.ac] };
}
