/**
 * How a JPEG's scan is written down for the WebAssembly side: words of 4 bytes, integers.
 * `assembly/` compiles this very file, so that both sides have one list. Addresses are bytes in
 * linear memory.
 */

/** A scan, and where its reader is. */
export enum Scan {
  /** Of the next byte to be read. */
  position,
  /** Bits in `bitsHigh` and `bitsLow`, those to be read first on top. */
  count,
  /** Bits of these that lie behind the end of the data. */
  padding,
  /** Progressive: blocks still to come whose band ends at once. */
  endRun,
  bitsLow,
  bitsHigh,
  /** Progressive: first and last coefficient, and bit positions as the scan's header says. */
  start,
  end,
  high,
  low,
  /** Components of the scan; their records follow. */
  components,
  size,
}

/** A component of a scan. */
export enum Component {
  samples,
  /** Samples a row. */
  stride,
  /** Samples of a block's side: 1, 2, 4 or 8. */
  blockSize,
  /** Rows of blocks that are held; one further down takes the place of an earlier one. */
  heldRows,
  /** Blocks of an MCU. */
  h,
  v,
  /** Huffman tables, see `Huffman`. */
  dc,
  ac,
  /** 64 factors of 16 bits, in natural order. */
  factors,
  /** DC coefficient of the block before. */
  predicted,
  /** Progressive: its coefficients, 64 of 16 bits a block, in natural order. */
  coefficients,
  /** Blocks of a row of these. */
  blockStride,
  size,
}

/** Bytes from a Huffman table's start. */
export enum Huffman {
  /** For each possible next 9 bits `length << 8 | symbol`, 16 bits; 0 for longer codes. */
  fast = 0,
  /** For each length the first code behind those of that length, 32 bits. */
  endCode = 1024,
  /** For each length what turns a code into an index of the symbols, 32 bits. */
  offset = 1092,
  symbols = 1160,
  size = 1416,
}

/** Which samples make one: their first, their number and where their weights (f32) begin. */
export enum Tap {
  first,
  count,
  weights,
  size,
}
