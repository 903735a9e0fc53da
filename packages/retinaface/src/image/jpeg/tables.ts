import { corruptJpeg } from "./header.js";
import { type HuffmanTable, huffmanTable } from "./huffman.js";
import { ZIGZAG } from "./scan-header.js";
import { standardTables } from "./standard-tables.js";

/** Tables as they stand where the walk over the segments has come to. */
export interface Tables {
  quantisation: (Uint16Array | undefined)[];
  dc: (HuffmanTable | undefined)[];
  ac: (HuffmanTable | undefined)[];
  /** MCUs between restart markers, 0 for none. */
  restart: number;
}

/** The tables before the first segment: the standard's own, which a progressive file may not mean. */
export function initialTables(progressive: boolean): Tables {
  const { dc, ac } = progressive ? { dc: [], ac: [] } : standardTables();
  return { quantisation: [], dc, ac, restart: 0 };
}

/** @throws ImageError IMAGE_CORRUPT where a table is cut off. */
export function readQuantisation(contents: Uint8Array, tables: Tables): void {
  for (let at = 0; at < contents.length; ) {
    const wide = contents[at] >> 4 !== 0;
    const number = contents[at] & 15;
    const end = at + 1 + (wide ? 128 : 64);
    if (number > 3 || end > contents.length) throw corruptJpeg("a quantisation table is cut off");
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) {
      const from = at + 1 + (wide ? 2 * k : k);
      table[ZIGZAG[k]] = wide ? (contents[from] << 8) | contents[from + 1] : contents[from];
    }
    tables.quantisation[number] = table;
    at = end;
  }
}

/** @throws ImageError IMAGE_CORRUPT where a table is cut off or has too many codes. */
export function readHuffman(contents: Uint8Array, tables: Tables): void {
  for (let at = 0; at < contents.length; ) {
    const number = contents[at] & 15;
    const counts = contents.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const symbols = contents.subarray(at + 17, at + 17 + total);
    if (number > 3 || counts.length < 16 || symbols.length < total) {
      throw corruptJpeg("a Huffman table is cut off");
    }
    (contents[at] >> 4 === 0 ? tables.dc : tables.ac)[number] = huffmanTable(counts, symbols);
    at += 17 + total;
  }
}
