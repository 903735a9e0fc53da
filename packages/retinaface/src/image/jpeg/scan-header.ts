import type { Plane } from "./frame.js";
import type { HuffmanTable } from "./huffman.js";

/** Natural position of each coefficient in zigzag order. */
export const ZIGZAG = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
  13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52,
  45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);

/** One component's part in a scan. */
export interface ScanComponent {
  plane: Plane;
  dc?: HuffmanTable | undefined;
  ac?: HuffmanTable | undefined;
  /** DC coefficient of the block before. */
  predicted: number;
}

/** What a scan header says. */
export interface Scan {
  components: ScanComponent[];
  /** First and last coefficient, in zigzag order. */
  start: number;
  end: number;
  /** Bit positions of successive approximation: where the scan before ended, and this one ends. */
  high: number;
  low: number;
  /** MCUs between restart markers, 0 for none. */
  restart: number;
}
