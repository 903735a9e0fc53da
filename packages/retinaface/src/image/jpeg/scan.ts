import type { JpegKernels } from "@retinaface-webgpu/kernels-wasm/jpeg";
import type { Warnings } from "../warnings.js";
import { BitReader } from "./bits.js";
import { type EndRun, FastScan } from "./fast-scan.js";
import type { Frame, Plane } from "./frame.js";
import { corruptJpeg } from "./header.js";
import type { HuffmanTable } from "./huffman.js";
import { isRestart, passRestart } from "./restart.js";
import { type Scan, type ScanComponent, ZIGZAG } from "./scan-header.js";

/** Takes a finished baseline block; `coefficients` is used again for the next. */
export type BlockSink = (plane: Plane, block: number, coefficients: Int16Array) => void;

/** What comes of a scan whose data end early. */
export interface Tolerance {
  show: boolean;
  warnings: Warnings;
}

/** Where a scan's data end, and whether they end before the scan does. */
export interface ScanEnd {
  position: number;
  cut: boolean;
}

/**
 * Decodes the entropy-coded data of one scan (ITU-T T.81, annexes F.2 and G.2), yielding after each row.
 *
 * Baseline blocks go to `sink` at once; progressive ones gather in their plane's coefficients. An interval
 * between restart markers whose data are missing or damaged is left grey, with a warning.
 *
 * @param bytes must have a marker behind every position.
 * @throws ImageError IMAGE_CORRUPT for codes that do not exist where there are no restart markers, and when
 * the data end early unless they are to be shown.
 */
export function* decodeScan(
  bytes: Uint8Array,
  position: number,
  frame: Frame,
  scan: Scan,
  sink: BlockSink,
  tolerance: Tolerance,
  kernels: JpegKernels,
): Generator<void, ScanEnd, undefined> {
  const decoder = new ScanDecoder(bytes, position, frame, scan, sink, tolerance, kernels);
  for (let row = 0; row < decoder.rows; row++) {
    decoder.row(row);
    yield;
  }
  return decoder.end;
}

/** Walks over a scan's MCUs and restart intervals; those that are in order are left to `fast`. */
class ScanDecoder {
  readonly #fast: FastScan | undefined;
  readonly rows: number;
  readonly #columns: number;
  readonly #reader: BitReader;
  readonly #blocks: BlockDecoder;
  readonly #missing: BlockDecoder;
  readonly #alone: boolean;
  /** MCUs until the next restart marker; below 0: there is none. */
  #untilRestart: number;
  #intervals = 0;
  /** The interval has no more data. */
  #lost = false;
  /** Its data seem to be there, but for their marker. */
  #unmarked = false;
  /** No interval has data any more. */
  #cut = false;

  constructor(
    private readonly bytes: Uint8Array,
    position: number,
    frame: Frame,
    private readonly scan: Scan,
    sink: BlockSink,
    private readonly tolerance: Tolerance,
    kernels: JpegKernels,
  ) {
    const [first] = scan.components;
    this.#alone = scan.components.length === 1;
    this.#columns = this.#alone ? first.plane.columns : frame.mcuColumns;
    this.rows = this.#alone ? first.plane.rows : frame.mcuRows;
    this.#reader = new BitReader(bytes, position);
    const { progressive } = frame;
    this.#blocks = progressive
      ? new ProgressiveBlocks(this.#reader, scan, kernels)
      : new BaselineBlocks(this.#reader, sink);
    this.#fast = FastScan.of(scan, progressive, kernels);
    this.#missing = new MissingBlocks(frame.progressive ? undefined : sink);
    this.#untilRestart = scan.restart || -1;
  }

  get end(): ScanEnd {
    return { position: this.#reader.position, cut: this.#cut };
  }

  row(row: number): void {
    for (let column = 0; column < this.#columns; column++) {
      if (this.#untilRestart === 0) this.#nextInterval();
      if (this.#fast && !this.#lost) {
        const rest = this.#columns - column;
        const wanted = this.#untilRestart < 0 ? rest : Math.min(rest, this.#untilRestart);
        const done = this.#fast.decode(this.#reader, this.#blocks, row, column, wanted);
        column += done;
        this.#untilRestart -= done;
        if (done === wanted) {
          column--;
          continue;
        }
      }
      this.#untilRestart--;
      if (this.#lost) this.#mcu(row, column, this.#missing);
      else this.#decode(row, column);
    }
  }

  #decode(row: number, column: number): void {
    try {
      this.#mcu(row, column, this.#blocks);
    } catch (error) {
      if (!this.#reader.exhausted) this.#giveUp(error);
    }
    if (this.#reader.exhausted) this.#runOut();
  }

  #mcu(row: number, column: number, blocks: BlockDecoder): void {
    const { components } = this.scan;
    if (this.#alone) {
      const [first] = components;
      blocks.block(first, row * first.plane.blockStride + column);
      return;
    }
    for (const component of components) {
      const { h, v, blockStride } = component.plane;
      for (let y = 0; y < v; y++) {
        const start = (row * v + y) * blockStride + column * h;
        for (let x = 0; x < h; x++) blocks.block(component, start + x);
      }
    }
  }

  /** Codes that do not exist: the next restart marker mends that, where there are such. */
  #giveUp(error: unknown): void {
    if (this.scan.restart === 0) throw error;
    this.tolerance.warnings.add("its image data are damaged: a part of it is grey");
    this.#lost = true;
  }

  /** The data have come to a marker before the interval has all its blocks. */
  #runOut(): void {
    this.#lost = true;
    const { warnings } = this.tolerance;
    const restart = this.scan.restart > 0 && isRestart(this.bytes[this.#reader.position + 1]);
    if (restart || this.#unmarked) {
      warnings.add("a restart marker or data before it are missing: a part of it is grey");
    } else this.#endEarly();
  }

  #endEarly(): void {
    if (!this.tolerance.show) throw corruptJpeg("its image data end early");
    this.tolerance.warnings.add("its image data end early: the rest of it is grey");
    this.#lost = true;
    this.#cut = true;
  }

  /** An interval that has no data runs out at its first MCU, which libjpeg makes of zero bits too. */
  #nextInterval(): void {
    this.#untilRestart = this.scan.restart;
    this.#blocks.restart();
    for (const component of this.scan.components) component.predicted = 0;
    if (this.#cut) return;
    const { unused, position } = this.#reader;
    const next = passRestart(this.bytes, position, this.#intervals++ & 7);
    this.#reader.reset(next.position);
    const skipped = next.skipped + unused > 0;
    this.#unmarked = skipped && !next.resumed;
    if (!next.resumed) {
      if (!skipped && !isRestart(this.bytes[next.position + 1])) this.#endEarly();
      return;
    }
    this.#lost = false;
    const { warnings } = this.tolerance;
    if (next.other) warnings.add("restart markers are out of order");
    else if (skipped) warnings.add("bytes before a restart marker were skipped");
  }
}

interface BlockDecoder extends EndRun {
  block(component: ScanComponent, block: number): void;
  restart(): void;
}

function tableOf(table: HuffmanTable | undefined): HuffmanTable {
  if (table === undefined) throw corruptJpeg("a Huffman table is missing");
  return table;
}

/** Blocks that have no data: a baseline one is grey, a progressive one stays as scans before left it. */
class MissingBlocks implements BlockDecoder {
  endRun = 0;
  readonly #grey = new Int16Array(64);

  constructor(private readonly sink: BlockSink | undefined) {}

  restart(): void {}

  block({ plane }: ScanComponent, block: number): void {
    this.sink?.(plane, block, this.#grey);
  }
}

class BaselineBlocks implements BlockDecoder {
  endRun = 0;
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
  endRun = 0;

  constructor(
    private readonly reader: BitReader,
    private readonly scan: Scan,
    private readonly kernels: JpegKernels,
  ) {}

  restart(): void {
    this.endRun = 0;
  }

  block(component: ScanComponent, block: number): void {
    const address = (component.plane.coefficients as number) + block * 128;
    const coefficients = this.kernels.shorts(address, 64);
    const { start, high } = this.scan;
    if (start === 0) {
      if (high === 0) this.#firstDc(component, coefficients);
      else coefficients[0] |= this.reader.bit() << this.scan.low;
    } else if (high === 0) this.#firstAc(component, coefficients);
    else this.#refineAc(component, coefficients);
  }

  #firstDc(component: ScanComponent, coefficients: Int16Array): void {
    const { reader } = this;
    component.predicted += reader.signed(reader.symbol(tableOf(component.dc)) & 15);
    coefficients[0] = component.predicted << this.scan.low;
  }

  #firstAc(component: ScanComponent, coefficients: Int16Array): void {
    if (this.endRun > 0) {
      this.endRun--;
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
          this.endRun = (1 << run) - 1 + reader.unsigned(run);
          return;
        }
        k += 15;
        continue;
      }
      k += run;
      if (k > end) throw corruptJpeg("a block has too many coefficients");
      coefficients[ZIGZAG[k]] = reader.signed(size) << low;
    }
  }

  #refineAc(component: ScanComponent, coefficients: Int16Array): void {
    const { reader } = this;
    const { start, end, low } = this.scan;
    let k = start;
    if (this.endRun === 0) {
      const ac = tableOf(component.ac);
      while (k <= end) {
        const symbol = reader.symbol(ac);
        const run = symbol >> 4;
        let value = 0;
        if ((symbol & 15) !== 0) value = reader.bit() === 1 ? 1 << low : -1 << low;
        else if (run < 15) {
          this.endRun = (1 << run) + reader.unsigned(run);
          break;
        }
        k = this.#refineRun(coefficients, k, run);
        if (value !== 0) {
          if (k > end) throw corruptJpeg("a block has too many coefficients");
          coefficients[ZIGZAG[k]] = value;
        }
        k++;
      }
    }
    if (this.endRun > 0) {
      this.#refineRun(coefficients, k, 64);
      this.endRun--;
    }
  }

  /**
   * Adds a bit to each coefficient that is not zero, until `zeros` zeros were passed.
   *
   * @returns the position of the zero behind them, or one behind the band.
   */
  #refineRun(coefficients: Int16Array, from: number, zeros: number): number {
    const { reader } = this;
    const { end, low } = this.scan;
    let left = zeros;
    for (let k = from; k <= end; k++) {
      const at = ZIGZAG[k];
      const value = coefficients[at];
      if (value === 0) {
        if (left-- === 0) return k;
      } else if (reader.bit() === 1) coefficients[at] += value > 0 ? 1 << low : -1 << low;
    }
    return end + 1;
  }
}
