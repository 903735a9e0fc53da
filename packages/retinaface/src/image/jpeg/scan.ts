import { BitReader } from "./bits.js";
import type { Frame, Plane } from "./frame.js";
import { corruptJpeg } from "./header.js";
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
  dc?: HuffmanTable;
  ac?: HuffmanTable;
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

/** Takes a finished baseline block; `coefficients` is used again for the next. */
export type BlockSink = (plane: Plane, block: number, coefficients: Int16Array) => void;

/**
 * Decodes the entropy-coded data of one scan (ITU-T T.81, annexes F.2 and G.2).
 *
 * Baseline blocks go to `sink` at once; progressive ones gather in their plane's coefficients.
 *
 * @returns the position of the marker behind the scan.
 * @throws ImageError IMAGE_CORRUPT when the data end early or restart markers are out of order.
 */
export function decodeScan(
  bytes: Uint8Array,
  position: number,
  frame: Frame,
  scan: Scan,
  sink: BlockSink,
): number {
  const reader = new BitReader(bytes, position);
  const decoder = frame.progressive
    ? new ProgressiveBlocks(reader, scan)
    : new BaselineBlocks(reader, sink);
  const { components, restart } = scan;
  const [first] = components;
  const alone = components.length === 1;
  const columns = alone ? first.plane.columns : frame.mcuColumns;
  const rows = alone ? first.plane.rows : frame.mcuRows;
  let untilRestart = restart;
  let marker = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (restart > 0 && untilRestart-- === 0) {
        nextInterval(bytes, reader, marker++ & 7);
        decoder.restart();
        for (const component of components) component.predicted = 0;
        untilRestart = restart - 1;
      }
      if (alone) decoder.block(first, row * first.plane.blockStride + column);
      else decodeMcu(decoder, components, row, column);
    }
    if (reader.exhausted) throw endsEarly();
  }
  return reader.position;
}

const endsEarly = () => corruptJpeg("its image data end early");

interface BlockDecoder {
  block(component: ScanComponent, block: number): void;
  restart(): void;
}

function decodeMcu(
  decoder: BlockDecoder,
  components: ScanComponent[],
  row: number,
  column: number,
): void {
  for (const component of components) {
    const { h, v, blockStride } = component.plane;
    for (let y = 0; y < v; y++) {
      const start = (row * v + y) * blockStride + column * h;
      for (let x = 0; x < h; x++) decoder.block(component, start + x);
    }
  }
}

/** Moves behind the restart marker with this number. */
function nextInterval(bytes: Uint8Array, reader: BitReader, number: number): void {
  if (reader.exhausted) throw endsEarly();
  let at = reader.position;
  while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
  if (bytes[at] !== 0xff || bytes[at + 1] !== 0xd0 + number) {
    throw corruptJpeg("a restart marker is not where it should be");
  }
  reader.reset(at + 2);
}

function tableOf(table: HuffmanTable | undefined): HuffmanTable {
  if (table === undefined) throw corruptJpeg("a Huffman table is missing");
  return table;
}

class BaselineBlocks implements BlockDecoder {
  readonly #block = new Int16Array(64);

  constructor(
    private readonly reader: BitReader,
    private readonly sink: BlockSink,
  ) {}

  restart(): void {}

  block(component: ScanComponent, block: number): void {
    const { reader } = this;
    const coefficients = this.#block;
    coefficients.fill(0);
    component.predicted += reader.signed(reader.symbol(tableOf(component.dc)) & 15);
    coefficients[0] = component.predicted;
    const ac = tableOf(component.ac);
    for (let k = 1; k < 64; k++) {
      const symbol = reader.symbol(ac);
      const size = symbol & 15;
      if (size === 0) {
        if (symbol !== 0xf0) break;
        k += 15;
        continue;
      }
      k += symbol >> 4;
      if (k > 63) throw corruptJpeg("a block has too many coefficients");
      coefficients[ZIGZAG[k]] = reader.signed(size);
    }
    this.sink(component.plane, block, coefficients);
  }
}

class ProgressiveBlocks implements BlockDecoder {
  /** Blocks still to come whose band ends at once. */
  #endRun = 0;

  constructor(
    private readonly reader: BitReader,
    private readonly scan: Scan,
  ) {}

  restart(): void {
    this.#endRun = 0;
  }

  block(component: ScanComponent, block: number): void {
    const coefficients = component.plane.coefficients as Int16Array;
    const { start, high } = this.scan;
    if (start === 0) {
      if (high === 0) this.#firstDc(component, coefficients, block * 64);
      else coefficients[block * 64] |= this.reader.bit() << this.scan.low;
    } else if (high === 0) this.#firstAc(component, coefficients, block * 64);
    else this.#refineAc(component, coefficients, block * 64);
  }

  #firstDc(component: ScanComponent, coefficients: Int16Array, base: number): void {
    const { reader } = this;
    component.predicted += reader.signed(reader.symbol(tableOf(component.dc)) & 15);
    coefficients[base] = component.predicted << this.scan.low;
  }

  #firstAc(component: ScanComponent, coefficients: Int16Array, base: number): void {
    if (this.#endRun > 0) {
      this.#endRun--;
      return;
    }
    const { reader } = this;
    const { start, end, low } = this.scan;
    const ac = tableOf(component.ac);
    for (let k = start; k <= end; k++) {
      const symbol = reader.symbol(ac);
      const run = symbol >> 4;
      const size = symbol & 15;
      if (size === 0) {
        if (run < 15) {
          this.#endRun = (1 << run) - 1 + reader.unsigned(run);
          return;
        }
        k += 15;
        continue;
      }
      k += run;
      if (k > end) throw corruptJpeg("a block has too many coefficients");
      coefficients[base + ZIGZAG[k]] = reader.signed(size) << low;
    }
  }

  #refineAc(component: ScanComponent, coefficients: Int16Array, base: number): void {
    const { reader } = this;
    const { start, end, low } = this.scan;
    let k = start;
    if (this.#endRun === 0) {
      const ac = tableOf(component.ac);
      while (k <= end) {
        const symbol = reader.symbol(ac);
        const run = symbol >> 4;
        let value = 0;
        if ((symbol & 15) !== 0) value = reader.bit() === 1 ? 1 << low : -1 << low;
        else if (run < 15) {
          this.#endRun = (1 << run) + reader.unsigned(run);
          break;
        }
        k = this.#refineRun(coefficients, base, k, run);
        if (value !== 0) {
          if (k > end) throw corruptJpeg("a block has too many coefficients");
          coefficients[base + ZIGZAG[k]] = value;
        }
        k++;
      }
    }
    if (this.#endRun > 0) {
      this.#refineRun(coefficients, base, k, 64);
      this.#endRun--;
    }
  }

  /**
   * Adds a bit to each coefficient that is not zero, until `zeros` zeros were passed.
   *
   * @returns the position of the zero behind them, or one behind the band.
   */
  #refineRun(coefficients: Int16Array, base: number, from: number, zeros: number): number {
    const { reader } = this;
    const { end, low } = this.scan;
    let left = zeros;
    for (let k = from; k <= end; k++) {
      const at = base + ZIGZAG[k];
      const value = coefficients[at];
      if (value === 0) {
        if (left-- === 0) return k;
      } else if (reader.bit() === 1) coefficients[at] += value > 0 ? 1 << low : -1 << low;
    }
    return end + 1;
  }
}
