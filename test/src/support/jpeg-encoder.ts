import { type HuffmanCode, TYPICAL } from "./typical-tables.js";

/*
 * A small JPEG encoder for tests (ITU-T T.81): baseline and progressive with spectral selection and
 * successive approximation, any sampling, one to four components, restart intervals. It favours
 * clearness over size: quantisation by 1 and fixed Huffman tables that hold every symbol.
 */

/** One component: its sampling factors and its samples at full image resolution. */
export interface JpegComponent {
  h?: number;
  v?: number;
  id?: number;
  /** Sample 0..255 at a pixel of the component's own grid. */
  sample: (x: number, y: number) => number;
}

export interface JpegOptions {
  width: number;
  height: number;
  components: JpegComponent[];
  progressive?: boolean;
  /** MCUs between restart markers. */
  restart?: number;
  /** Baseline: a scan for each component instead of one for all. */
  separateScans?: boolean;
  /** Transform code of an Adobe segment. */
  adobe?: number;
  /** A JFIF segment. */
  jfif?: boolean;
  /** Contents of APP1 segments. */
  app1?: Uint8Array | readonly Uint8Array[];
  /** No Huffman tables in the file: the typical ones with this number are used, as in motion JPEG. */
  typical?: 0 | 1;
}

const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
  13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52,
  45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/** Code lengths of the tables: 12 DC symbols of 4 bits; 128 AC symbols of 8 bits and 128 of 9. */
const DC_COUNTS = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const AC_COUNTS = [0, 0, 0, 0, 0, 0, 0, 128, 128, 0, 0, 0, 0, 0, 0, 0];
const OWN: { dc: HuffmanCode; ac: HuffmanCode } = {
  dc: (symbol) => [symbol, 4],
  ac: (symbol) => (symbol < 128 ? [symbol, 8] : [256 + symbol - 128, 9]),
};

interface Plane {
  h: number;
  v: number;
  id: number;
  /** Blocks of the component alone, and with those that fill up the last MCUs. */
  columns: number;
  rows: number;
  stride: number;
  /** 64 coefficients a block, in zigzag order. */
  blocks: Int16Array[];
}

interface Scan {
  planes: number[];
  start: number;
  end: number;
  high: number;
  low: number;
}

class Writer {
  readonly bytes: number[] = [];
  #bits = 0;
  #count = 0;

  put(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }

  segment(marker: number, contents: ArrayLike<number>): void {
    const length = contents.length + 2;
    this.put(0xff, marker, length >> 8, length & 255, ...Array.from(contents));
  }

  bit(value: number, count: number): void {
    for (let n = count - 1; n >= 0; n--) {
      this.#bits = (this.#bits << 1) | ((value >> n) & 1);
      if (++this.#count === 8) this.#byte();
    }
  }

  code([value, count]: readonly [number, number]): void {
    this.bit(value, count);
  }

  flush(): void {
    while (this.#count > 0) this.bit(1, 1);
  }

  #byte(): void {
    this.put(this.#bits);
    if (this.#bits === 0xff) this.put(0);
    this.#bits = 0;
    this.#count = 0;
  }
}

const bitLength = (value: number) => 32 - Math.clz32(Math.abs(value));
/** The bits of a signed value: its own, or one's complement when negative. */
const signedBits = (value: number, size: number) => (value < 0 ? value + 2 ** size - 1 : value);

function transform(samples: number[]): Int16Array {
  const block = new Int16Array(64);
  for (let v = 0; v < 8; v++) {
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          const wave =
            Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
          sum += (samples[y * 8 + x] - 128) * wave;
        }
      }
      const scale = (u === 0 ? Math.SQRT1_2 : 1) * (v === 0 ? Math.SQRT1_2 : 1);
      const value = Math.round((sum * scale) / 4);
      block[ZIGZAG.indexOf(v * 8 + u)] = Math.max(-1023, Math.min(1023, value));
    }
  }
  return block;
}

function makePlane(options: JpegOptions, index: number, maxH: number, maxV: number): Plane {
  const { h = 1, v = 1, id = index + 1, sample } = options.components[index];
  const width = Math.ceil((options.width * h) / maxH);
  const height = Math.ceil((options.height * v) / maxV);
  const stride = Math.ceil(options.width / (8 * maxH)) * h;
  const lines = Math.ceil(options.height / (8 * maxV)) * v;
  const blocks: Int16Array[] = [];
  for (let row = 0; row < lines; row++) {
    for (let column = 0; column < stride; column++) {
      const samples = Array.from({ length: 64 }, (_, n) =>
        sample(Math.min(column * 8 + (n & 7), width - 1), Math.min(row * 8 + (n >> 3), height - 1)),
      );
      blocks.push(transform(samples));
    }
  }
  return { h, v, id, columns: Math.ceil(width / 8), rows: Math.ceil(height / 8), stride, blocks };
}

/** The blocks of a scan, in groups that a restart may not divide. */
function* units(options: JpegOptions, planes: Plane[], scan: Scan): Generator<[number, number][]> {
  if (scan.planes.length === 1) {
    const index = scan.planes[0];
    const { columns, rows, stride } = planes[index];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) yield [[index, row * stride + column]];
    }
    return;
  }
  const maxH = Math.max(...planes.map((plane) => plane.h));
  const maxV = Math.max(...planes.map((plane) => plane.v));
  for (let row = 0; row < Math.ceil(options.height / (8 * maxV)); row++) {
    for (let column = 0; column < Math.ceil(options.width / (8 * maxH)); column++) {
      const unit: [number, number][] = [];
      for (const index of scan.planes) {
        const { h, v, stride } = planes[index];
        for (let y = 0; y < v; y++) {
          for (let x = 0; x < h; x++) unit.push([index, (row * v + y) * stride + column * h + x]);
        }
      }
      yield unit;
    }
  }
}

/** Entropy coding of one scan. */
class ScanCoder {
  #dc: number[];
  #endRun = 0;
  #runBits: number[] = [];

  constructor(
    private readonly writer: Writer,
    private readonly scan: Scan,
    private readonly progressive: boolean,
    planes: number,
    private readonly codes: typeof OWN,
  ) {
    this.#dc = new Array(planes).fill(0);
  }

  block(plane: number, block: Int16Array): void {
    const { start, high } = this.scan;
    if (!this.progressive) {
      this.#dcFirst(plane, block[0]);
      this.#sequentialAc(block);
    } else if (start === 0) {
      if (high === 0) this.#dcFirst(plane, block[0] >> this.scan.low);
      else this.writer.bit((block[0] >> this.scan.low) & 1, 1);
    } else if (high === 0) this.#acFirst(block);
    else this.#acRefine(block);
  }

  restart(): void {
    this.#emitEndRun();
    this.writer.flush();
    this.#dc.fill(0);
  }

  #dcFirst(plane: number, value: number): void {
    const difference = value - this.#dc[plane];
    this.#dc[plane] = value;
    const size = bitLength(difference);
    this.writer.code(this.codes.dc(size));
    this.writer.bit(signedBits(difference, size), size);
  }

  #sequentialAc(block: Int16Array): void {
    let run = 0;
    for (let k = 1; k < 64; k++) {
      if (block[k] === 0) run++;
      else run = this.#acValue(run, block[k]);
    }
    if (run > 0) this.writer.code(this.codes.ac(0));
  }

  #acValue(run: number, value: number): number {
    for (; run > 15; run -= 16) this.writer.code(this.codes.ac(0xf0));
    const size = bitLength(value);
    this.writer.code(this.codes.ac((run << 4) | size));
    this.writer.bit(signedBits(value, size), size);
    return 0;
  }

  #acFirst(block: Int16Array): void {
    let run = 0;
    for (let k = this.scan.start; k <= this.scan.end; k++) {
      const value = Math.trunc(block[k] / 2 ** this.scan.low);
      if (value === 0) run++;
      else {
        this.#emitEndRun();
        run = this.#acValue(run, value);
      }
    }
    if (run > 0) this.#endBlock([]);
  }

  #acRefine(block: Int16Array): void {
    const { start, end, low } = this.scan;
    const magnitude = (k: number) => Math.abs(block[k]) >> low;
    let last = 0;
    for (let k = start; k <= end; k++) if (magnitude(k) === 1) last = k;
    let run = 0;
    let corrections: number[] = [];
    const emitCorrections = () => {
      for (const bit of corrections) this.writer.bit(bit, 1);
      corrections = [];
    };
    for (let k = start; k <= end; k++) {
      const value = magnitude(k);
      if (value === 0) {
        run++;
        continue;
      }
      for (; run > 15 && k <= last; run -= 16) {
        this.#emitEndRun();
        this.writer.code(this.codes.ac(0xf0));
        emitCorrections();
      }
      if (value > 1) corrections.push(value & 1);
      else {
        this.#emitEndRun();
        this.writer.code(this.codes.ac((run << 4) | 1));
        this.writer.bit(block[k] < 0 ? 0 : 1, 1);
        emitCorrections();
        run = 0;
      }
    }
    if (run > 0 || corrections.length > 0) this.#endBlock(corrections);
  }

  #endBlock(corrections: number[]): void {
    this.#endRun++;
    this.#runBits.push(...corrections);
    if (this.#endRun === 0x7fff) this.#emitEndRun();
  }

  #emitEndRun(): void {
    if (this.#endRun === 0) return;
    const size = bitLength(this.#endRun) - 1;
    this.writer.code(this.codes.ac(size << 4));
    this.writer.bit(this.#endRun - 2 ** size, size);
    for (const bit of this.#runBits) this.writer.bit(bit, 1);
    this.#endRun = 0;
    this.#runBits = [];
  }
}

function scansOf({ components, progressive, separateScans }: JpegOptions): Scan[] {
  const all = components.map((_, n) => n);
  const whole = { start: 0, end: 63, high: 0, low: 0 };
  if (!progressive) {
    return separateScans
      ? all.map((n) => ({ planes: [n], ...whole }))
      : [{ planes: all, ...whole }];
  }
  const each = (start: number, end: number, high: number, low: number) =>
    all.map((n) => ({ planes: [n], start, end, high, low }));
  return [
    { planes: all, start: 0, end: 0, high: 0, low: 1 },
    ...each(1, 5, 0, 2),
    ...each(6, 63, 0, 2),
    ...each(1, 63, 2, 1),
    { planes: all, start: 0, end: 0, high: 1, low: 0 },
    ...each(1, 63, 1, 0),
  ];
}

function writeScan(writer: Writer, options: JpegOptions, planes: Plane[], scan: Scan): void {
  const { typical = 0 } = options;
  const selectors = scan.planes.flatMap((index) => [planes[index].id, typical * 17]);
  const { start, end, high, low } = scan;
  writer.segment(0xda, [scan.planes.length, ...selectors, start, end, (high << 4) | low]);
  const coder = new ScanCoder(
    writer,
    scan,
    options.progressive ?? false,
    planes.length,
    options.typical === undefined ? OWN : TYPICAL[options.typical],
  );
  let count = 0;
  for (const unit of units(options, planes, scan)) {
    if (options.restart && count > 0 && count % options.restart === 0) {
      coder.restart();
      writer.put(0xff, 0xd0 + ((count / options.restart - 1) & 7));
    }
    for (const [index, block] of unit) coder.block(index, planes[index].blocks[block]);
    count++;
  }
  coder.restart();
}

/** Encodes samples as a JPEG file. */
export function encodeJpeg(options: JpegOptions): Uint8Array {
  const { width, height, components, progressive, restart, adobe, jfif, app1 = [] } = options;
  const maxH = Math.max(...components.map(({ h = 1 }) => h));
  const maxV = Math.max(...components.map(({ v = 1 }) => v));
  const planes = components.map((_, n) => makePlane(options, n, maxH, maxV));
  const writer = new Writer();
  writer.put(0xff, 0xd8);
  if (jfif) writer.segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]);
  for (const contents of app1 instanceof Uint8Array ? [app1] : app1) writer.segment(0xe1, contents);
  if (adobe !== undefined) {
    writer.segment(0xee, [0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, adobe]);
  }
  writer.segment(0xdb, [0, ...new Array(64).fill(1)]);
  const frame = planes.flatMap(({ id, h, v }) => [id, (h << 4) | v, 0]);
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  writer.segment(progressive ? 0xc2 : 0xc0, [8, ...size, planes.length, ...frame]);
  if (options.typical === undefined) {
    writer.segment(0xc4, [0x00, ...DC_COUNTS, ...Array.from({ length: 12 }, (_, n) => n)]);
    writer.segment(0xc4, [0x10, ...AC_COUNTS, ...Array.from({ length: 256 }, (_, n) => n)]);
  }
  if (restart) writer.segment(0xdd, [restart >> 8, restart & 255]);
  for (const scan of scansOf(options)) writeScan(writer, options, planes, scan);
  writer.put(0xff, 0xd9);
  return Uint8Array.from(writer.bytes);
}
