import {
  acquireJpegKernels,
  Component,
  type JpegKernels,
  releaseJpegKernels,
} from "@retinaface-webgpu/kernels-wasm/jpeg";
import { ImageError } from "../../errors.js";
import type { RawImage } from "../../types.js";
import { type Size, smallerSize } from "../fit.js";
import { uprightLayout } from "../orient.js";
import type { DecodeOptions } from "../raw.js";
import { type RowSink, ScaledRows, UprightImage } from "../rows.js";
import { Warnings } from "../warnings.js";
import { type BlockSize, blockSizeFor, type Frame, layFrame, type Plane } from "./frame.js";
import {
  corruptJpeg,
  cutOff,
  endOf,
  type JpegHeader,
  MARKER,
  nextSegment,
  readJpegHeader,
  withEndMarker,
} from "./header.js";
import { JpegPixels } from "./pixels.js";
import { decodeScan } from "./scan.js";
import type { Scan } from "./scan-header.js";
import { initialTables, readHuffman, readQuantisation, type Tables } from "./tables.js";

/*
 * A decoder of baseline and progressive JPEG (ITU-T T.81) that agrees with libjpeg-turbo to the last
 * bit or nearly, in what it makes of odd files too, but refuses data that end early. It takes memory in
 * proportion to the file and the pixels of its result only: 4 bytes of RGBA for each, and for a progressive
 * one 2 for each coefficient (3 a pixel at 4:2:0, 6 at 4:4:4, 8 of CMYK). Baseline blocks become samples as
 * they are read, and samples pixels as soon as their neighbours are there; only a file with a scan for each
 * component keeps them. Where a smaller image is wanted, blocks become 4×4, 2×2 or 1×1 samples, as far as
 * the image stays half as large again, and rows of pixels are resized as they come.
 *
 * What is done for each block and pixel is WebAssembly (`assembly/jpeg` of kernels-wasm); whatever is out of
 * order in a file is dealt with here.
 */

/** More scans than encoders write; each costs a pass over the whole image. */
const MAX_SCANS = 100;

/**
 * Blocks that all scans of a progressive image visit at most. The usual ten scans of 160 megapixels
 * visit 19 million at 4:2:0 and 35 million at 4:4:4. A visit takes up to 0.3 µs beside what the file's
 * length bounds (a refining scan whose blocks have no data of their own), so that this is 12 s.
 */
const MAX_BLOCK_VISITS = 40_000_000;

/** The last coefficient in zigzag order that blocks of so many samples a side are made of. */
const LAST_SEEN: Readonly<Record<BlockSize, number>> = { 1: 0, 2: 4, 4: 24, 8: 63 };

/**
 * Decodes a JPEG and turns it upright, yielding now and then.
 *
 * @throws ImageError as {@link readJpegHeader}, IMAGE_CORRUPT for damaged image data, and IMAGE_TOO_LARGE
 * for too many scans of too many pixels.
 */
export function* decodeJpeg(
  file: Uint8Array,
  options: DecodeOptions = {},
): Generator<void, RawImage, undefined> {
  const kernels = acquireJpegKernels();
  try {
    const decoder = new JpegDecoder(file, options, kernels);
    yield* decoder.readScans();
    return yield* decoder.finish();
  } finally {
    releaseJpegKernels(kernels);
  }
}

class JpegDecoder {
  readonly #header: JpegHeader;
  /** With an end marker at the end, whatever the file has. */
  readonly #bytes: Uint8Array;
  readonly #warnings = new Warnings();
  readonly #tables: Tables;
  /** Sides of the image that is made, as it is stored. */
  readonly #size: Size;
  readonly #blockSize: BlockSize;
  /** Where a block's coefficients are put on their way to the kernels. */
  #block = 0;
  /** Components whose high frequencies need not be read; none in a file without an end marker, which may be cut off. */
  #skippable: readonly Plane[] | undefined;
  #frame!: Frame;
  #pixels!: JpegPixels;
  #image!: UprightImage;
  #at = 2;
  #scans = 0;
  #cut = false;

  constructor(
    private readonly file: Uint8Array,
    private readonly options: DecodeOptions,
    private readonly kernels: JpegKernels,
  ) {
    this.#header = readJpegHeader(file, options);
    const smaller = smallerSize(uprightSize(this.#header), options);
    this.#size = smaller ? storedSize(smaller, this.#header) : this.#header;
    this.#blockSize = smaller ? blockSizeFor(this.#header, this.#size) : 8;
    this.#tables = initialTables(this.#header.progressive);
    this.#bytes = withEndMarker(file);
  }

  /** Goes over the segments until the image is whole or the file ends. */
  *readScans(): Generator<void, void, undefined> {
    while (!this.#cut && !this.#isWhole()) {
      const segment = nextSegment(this.#bytes, this.#at);
      if (segment === undefined || segment.marker === MARKER.EOI) break;
      const { marker, contents, end } = segment;
      this.#at = end;
      if (marker === MARKER.DQT) readQuantisation(contents, this.#tables);
      else if (marker === MARKER.DHT) readHuffman(contents, this.#tables);
      else if (marker === MARKER.DRI) this.#tables.restart = (contents[0] << 8) | contents[1];
      else if (marker === MARKER.SOS) yield* this.#readScan(contents);
    }
  }

  /** A sequential image is whole when each component had its scan, a progressive one at the end marker. */
  #isWhole(): boolean {
    if (this.#scans === 0 || this.#header.progressive) return false;
    return this.#frame.planes.every(({ factors }) => factors !== undefined);
  }

  *#readScan(contents: Uint8Array): Generator<void, void, undefined> {
    const { options } = this;
    const interleaved = contents[0] === this.#header.components.length;
    if (this.#scans++ === 0) {
      this.#layOut(interleaved);
    }
    const { kernels } = this;
    const frame = this.#frame;
    const scan = readScan(contents, frame, this.#header, this.#tables);
    for (const { plane } of scan.components) putRecord(kernels, plane);
    if (this.#isNotSeen(scan)) return;
    const tolerance = { show: options.truncated === "show", warnings: this.#warnings };
    const sink = (plane: Plane, block: number, coefficients: Int16Array) => {
      const row = Math.floor(block / plane.blockStride);
      kernels.put(this.#block, coefficients);
      kernels.run.finishBlocks(plane.record, this.#block, row, block % plane.blockStride, 1);
    };
    const work = decodeScan(this.#bytes, this.#at, frame, scan, sink, tolerance, kernels);
    const rowHeight = frame.blockSize * (scan.components.length === 1 ? 1 : frame.maxV);
    for (let row = 0; ; row++) {
      const step = work.next();
      if (step.done) {
        this.#at = step.value.position;
        this.#cut = step.value.cut;
        return;
      }
      if (interleaved && !frame.progressive) this.#pixels.convertUpTo(row * rowHeight);
      yield;
    }
  }

  /** Whether a progressive scan has only frequencies that blocks of fewer samples do without, now and later. */
  #isNotSeen({ components, start }: Scan): boolean {
    if (!this.#frame.progressive || components.some(({ plane }) => start <= lastSeen(plane))) {
      return false;
    }
    this.#skippable ??= endOf(this.file)
      ? skippablePlanes(this.#bytes, this.#frame, this.#header)
      : [];
    return components.every(({ plane }) => this.#skippable?.includes(plane));
  }

  #layOut(interleaved: boolean): void {
    const { kernels, options } = this;
    const header = this.#header;
    const size = this.#size;
    const others = 4 * size.width * size.height;
    const frame = layFrame(header, interleaved, this.#blockSize, others, options, kernels);
    if (frame.progressive) checkScans(this.#bytes, frame, header);
    this.#block = kernels.allocate(128);
    kernels.load(this.#bytes);
    this.#image = new UprightImage(kernels, size, header.orientation);
    let sink: RowSink = this.#image;
    if (size.width !== header.width || size.height !== header.height) {
      const part = this.#blockSize / 8;
      const seen = { width: header.width * part, height: header.height * part };
      sink = new ScaledRows(kernels, seen, frame, size, sink);
    }
    this.#frame = frame;
    this.#pixels = new JpegPixels(frame, header, kernels, sink);
  }

  /** What is left to do once all scans are read: coefficients to samples, samples to pixels. */
  *finish(): Generator<void, RawImage, undefined> {
    this.#checkEnd();
    const { planes, mcuRows, maxV, height, blockSize } = this.#frame;
    for (const { factors, samples, stride, heldRows, blockSize: side } of planes) {
      if (factors) continue;
      this.kernels.view(samples, stride * heldRows * side).fill(128);
    }
    for (let row = 0; row < mcuRows; row++) {
      for (const plane of planes) this.#finishRow(plane, row);
      this.#pixels.convertUpTo(row * blockSize * maxV);
      yield;
    }
    this.#pixels.convertUpTo(height);
    const { image } = this.#image;
    const whole = uprightSize(this.#header);
    const original =
      image.width === whole.width && image.height === whole.height ? {} : { original: whole };
    return { ...image, ...original, ...this.#warnings.property };
  }

  /** The blocks of a progressive image's MCU row. */
  #finishRow({ coefficients, factors, blockStride, v, record }: Plane, mcuRow: number): void {
    if (coefficients === undefined || factors === undefined) return;
    const { kernels } = this;
    for (let y = 0; y < v; y++) {
      const row = mcuRow * v + y;
      kernels.run.finishBlocks(record, coefficients + row * blockStride * 128, row, 0, blockStride);
    }
  }

  /** Says what follows the image data instead of an end marker alone, and whether the image is there. */
  #checkEnd(): void {
    if (this.#cut) return;
    const end = endOf(this.#bytes, this.#at)?.end ?? Number.POSITIVE_INFINITY;
    const closed = end <= this.file.length;
    if (this.#scans === 0 || !this.#hasAll(closed)) {
      if (this.options.truncated !== "show" || this.#scans === 0) {
        throw closed ? corruptJpeg("a component has no image data") : cutOff();
      }
      this.#warnings.add("its image data end early: details of it are missing");
    } else if (!closed) this.#warnings.add("it has no end marker");
    else if (end < this.file.length) {
      this.#warnings.add(`${this.file.length - end} bytes behind its end marker are no part of it`);
    }
  }

  /** Whether each component has data, and where no end marker says so, all of them. */
  #hasAll(closed: boolean): boolean {
    return this.#frame.planes.every(
      ({ factors, bitsToCome }) =>
        factors !== undefined &&
        (closed || !this.#frame.progressive || bitsToCome.every((bits) => bits === 0)),
    );
  }
}

/**
 * Counts a progressive image's scans and the blocks that they visit.
 *
 * @throws ImageError IMAGE_CORRUPT and IMAGE_TOO_LARGE above the limits.
 */
function checkScans(bytes: Uint8Array, { planes }: Frame, { components }: JpegHeader): void {
  let scans = 0;
  let visits = 0;
  for (let at = 2; ; ) {
    const segment = nextSegment(bytes, at);
    if (segment === undefined || segment.marker === MARKER.EOI) break;
    at = segment.end;
    if (segment.marker !== MARKER.SOS) continue;
    scans++;
    for (let n = 0; n < Math.min(segment.contents[0], planes.length); n++) {
      const index = components.findIndex(({ id }) => id === segment.contents[1 + 2 * n]);
      if (index >= 0) visits += planes[index].blockStride * planes[index].blockRows;
    }
  }
  if (scans > MAX_SCANS) throw corruptJpeg(`it has more than ${MAX_SCANS} scans`);
  if (visits > MAX_BLOCK_VISITS) {
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `the image's ${scans} scans visit ${(visits / 1e6).toFixed()} million blocks, more than ` +
        `${MAX_BLOCK_VISITS / 1e6}: save it as a baseline JPEG or scale it down first`,
    );
  }
}

const lastSeen = ({ blockSize }: Plane) => LAST_SEEN[blockSize as BlockSize];

/** Components of which no scan refines frequencies that are seen and others at once: it could not be read without these. */
function skippablePlanes(
  bytes: Uint8Array,
  { planes }: Frame,
  { components }: JpegHeader,
): Plane[] {
  const mixed = new Set<Plane>();
  for (let segment = nextSegment(bytes, 2); segment; segment = nextSegment(bytes, segment.end)) {
    const { marker, contents } = segment;
    if (marker === MARKER.EOI) break;
    if (marker !== MARKER.SOS || contents[0] !== 1) continue;
    const plane = planes[components.findIndex(({ id }) => id === contents[1])];
    const [start, end, approximation] = contents.subarray(3);
    const refines = approximation >> 4 !== 0;
    if (plane && refines && start <= lastSeen(plane) && end > lastSeen(plane)) mixed.add(plane);
  }
  return planes.filter((plane) => !mixed.has(plane));
}

function readScan(contents: Uint8Array, frame: Frame, header: JpegHeader, tables: Tables): Scan {
  const count = contents[0];
  if (count < 1 || count > frame.planes.length || contents.length !== 4 + 2 * count) {
    throw corruptJpeg("a scan header has a wrong length");
  }
  const components = Array.from({ length: count }, (_, n) => {
    const index = header.components.findIndex(({ id }) => id === contents[1 + 2 * n]);
    if (index < 0) throw corruptJpeg("a scan has a component that the frame has not");
    const plane = frame.planes[index];
    plane.factors ??= tables.quantisation[plane.quantisation];
    if (plane.factors === undefined) throw corruptJpeg("a quantisation table is missing");
    const selectors = contents[2 + 2 * n];
    return { plane, dc: tables.dc[selectors >> 4], ac: tables.ac[selectors & 15], predicted: 0 };
  });
  const [start, end, approximation] = contents.subarray(1 + 2 * count);
  const scan = { components, start, end, high: approximation >> 4, low: approximation & 15 };
  if (frame.progressive) checkBand(scan);
  return { ...scan, restart: tables.restart };
}

function checkBand({ components, start, end, low }: Omit<Scan, "restart">): void {
  const band = start === 0 ? end === 0 : end >= start && end < 64 && components.length === 1;
  if (!band || low > 13) throw corruptJpeg("a scan header has values that no scan has");
  for (const { plane } of components) plane.bitsToCome.fill(low, start, end + 1);
}

function uprightSize({ width, height, orientation }: JpegHeader): Size {
  const upright = uprightLayout(width, height, orientation);
  return { width: upright.width, height: upright.height };
}

/** How an upright size is stored. */
function storedSize({ width, height }: Size, { orientation }: JpegHeader): Size {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Writes down how the kernels find a plane, whose factors are known by now. */
function putRecord(kernels: JpegKernels, plane: Plane): void {
  const words = kernels.words(plane.record, Component.size);
  if (words[Component.factors] !== 0) return;
  const factors = kernels.allocate(128);
  kernels.put(factors, plane.factors as Uint16Array);
  const record = kernels.words(plane.record, Component.size);
  record[Component.samples] = plane.samples;
  record[Component.stride] = plane.stride;
  record[Component.blockSize] = plane.blockSize;
  record[Component.heldRows] = plane.heldRows;
  record[Component.h] = plane.h;
  record[Component.v] = plane.v;
  record[Component.factors] = factors;
  record[Component.coefficients] = plane.coefficients ?? 0;
  record[Component.blockStride] = plane.blockStride;
}
