import {
  Component,
  Huffman,
  type JpegKernels,
  Scan as Record,
} from "@retinaface-webgpu/kernels-wasm/jpeg";
import type { BitReader } from "./bits.js";
import type { HuffmanTable } from "./huffman.js";
import type { Scan } from "./scan-header.js";

/** Blocks of a progressive scan still to come whose band ends at once. */
export interface EndRun {
  endRun: number;
}

/** A scan's data as WebAssembly reads them. It stops at whatever is not in order. */
export class FastScan {
  readonly #kernels: JpegKernels;
  readonly #scan: Scan;
  readonly #progressive: boolean;
  readonly #record: number;

  private constructor(kernels: JpegKernels, scan: Scan, progressive: boolean, record: number) {
    this.#kernels = kernels;
    this.#scan = scan;
    this.#progressive = progressive;
    this.#record = record;
  }

  /** Undefined where a table is missing. */
  static of(scan: Scan, progressive: boolean, kernels: JpegKernels): FastScan | undefined {
    const { components, start, end, high, low } = scan;
    const alone = components.length === 1;
    const words = new Int32Array(Record.size + components.length * Component.size);
    words[Record.components] = components.length;
    words[Record.start] = start;
    words[Record.end] = end;
    words[Record.high] = high;
    words[Record.low] = low;
    const needsDc = !progressive || (start === 0 && high === 0);
    const needsAc = !progressive || start > 0;
    for (const [i, { plane, dc, ac }] of components.entries()) {
      if ((needsDc && !dc) || (needsAc && !ac)) return undefined;
      const at = Record.size + i * Component.size;
      words.set(kernels.words(plane.record, Component.size), at);
      if (alone) words[at + Component.h] = words[at + Component.v] = 1;
      if (dc && needsDc) words[at + Component.dc] = putTable(kernels, dc);
      if (ac && needsAc) words[at + Component.ac] = putTable(kernels, ac);
    }
    const record = kernels.allocate(words.byteLength);
    kernels.put(record, words);
    return new FastScan(kernels, scan, progressive, record);
  }

  /** @returns how many of the MCUs from `column` on were in order; the reader is then behind them */
  decode(reader: BitReader, blocks: EndRun, row: number, column: number, wanted: number): number {
    const { run } = this.#kernels;
    this.#give(reader, blocks);
    const decode = this.#progressive ? run.decodeProgressive : run.decodeMcus;
    const done = decode(this.#record, row, column, wanted);
    if (done > 0) this.#take(reader, blocks);
    return done;
  }

  #give(reader: BitReader, { endRun }: EndRun): void {
    const words = this.#kernels.words(this.#record, this.#words);
    const { position, bits, count, padding } = reader.state;
    words[Record.position] = this.#kernels.file + position;
    words[Record.endRun] = endRun;
    words[Record.count] = count;
    words[Record.padding] = padding;
    words[Record.bitsLow] = Number(BigInt.asIntN(32, bits));
    words[Record.bitsHigh] = Number(BigInt.asIntN(32, bits >> 32n));
    for (const [i, { predicted }] of this.#scan.components.entries()) {
      words[predictedAt(i)] = predicted;
    }
  }

  #take(reader: BitReader, blocks: EndRun): void {
    const words = this.#kernels.words(this.#record, this.#words);
    const high = BigInt(words[Record.bitsHigh] >>> 0);
    reader.adopt({
      position: words[Record.position] - this.#kernels.file,
      bits: (high << 32n) | BigInt(words[Record.bitsLow] >>> 0),
      count: words[Record.count],
      padding: words[Record.padding],
    });
    blocks.endRun = words[Record.endRun];
    for (const [i, component] of this.#scan.components.entries()) {
      component.predicted = words[predictedAt(i)];
    }
  }

  get #words(): number {
    return Record.size + this.#scan.components.length * Component.size;
  }
}

const predictedAt = (component: number) =>
  Record.size + component * Component.size + Component.predicted;

function putTable(kernels: JpegKernels, table: HuffmanTable): number {
  const at = kernels.allocate(Huffman.size);
  kernels.put(at + Huffman.fast, table.fast);
  kernels.put(at + Huffman.endCode, table.endCode);
  kernels.put(at + Huffman.offset, table.offset);
  kernels.put(at + Huffman.symbols, table.symbols);
  return at;
}
