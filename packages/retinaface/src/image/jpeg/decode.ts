import { ImageError } from "../../errors.js";
import type { RawImage } from "../../types.js";
import type { DecodeOptions } from "../raw.js";
import { Warnings } from "../warnings.js";
import { type Frame, layFrame, type Plane } from "./frame.js";
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
import { inverseDct } from "./idct.js";
import { JpegPixels } from "./pixels.js";
import { decodeScan, type Scan } from "./scan.js";
import { initialTables, readHuffman, readQuantisation, type Tables } from "./tables.js";

/*
 * A decoder of baseline and progressive JPEG (ITU-T T.81) that agrees with libjpeg-turbo to the last
 * bit or nearly, in what it makes of odd files too, but refuses data that end early. It takes memory in
 * proportion to the pixels only: 4 bytes of RGBA for each, and for a progressive one 2 for each coefficient
 * (3 a pixel at 4:2:0, 6 at 4:4:4, 8 of CMYK). Baseline blocks become samples as they are read, and samples
 * pixels as soon as their neighbours are there; only a file with a scan for each component keeps them.
 */

/** More scans than encoders write; each costs a pass over the whole image. */
const MAX_SCANS = 100;

/**
 * Blocks that all scans of a progressive image visit at most. The usual ten scans of 160 megapixels
 * visit 19 million at 4:2:0 and 35 million at 4:4:4. A visit takes up to 0.3 µs beside what the file's
 * length bounds (a refining scan whose blocks have no data of their own), so that this is 12 s.
 */
const MAX_BLOCK_VISITS = 40_000_000;

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
  const decoder = new JpegDecoder(file, options);
  yield* decoder.readScans();
  return yield* decoder.finish();
}

class JpegDecoder {
  readonly #header: JpegHeader;
  /** With an end marker at the end, whatever the file has. */
  readonly #bytes: Uint8Array;
  readonly #warnings = new Warnings();
  readonly #tables: Tables;
  #frame!: Frame;
  #pixels!: JpegPixels;
  #at = 2;
  #scans = 0;
  #cut = false;

  constructor(
    private readonly file: Uint8Array,
    private readonly options: DecodeOptions,
  ) {
    this.#header = readJpegHeader(file, options);
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
      this.#frame = layFrame(this.#header, interleaved, options);
      if (this.#frame.progressive) checkScans(this.#bytes, this.#frame, this.#header);
      this.#pixels = new JpegPixels(this.#frame, this.#header);
    }
    const scan = readScan(contents, this.#frame, this.#header, this.#tables);
    const tolerance = { show: options.truncated === "show", warnings: this.#warnings };
    const work = decodeScan(this.#bytes, this.#at, this.#frame, scan, finishBlock, tolerance);
    const rowHeight = 8 * (scan.components.length === 1 ? 1 : this.#frame.maxV);
    for (let row = 0; ; row++) {
      const step = work.next();
      if (step.done) {
        this.#at = step.value.position;
        this.#cut = step.value.cut;
        return;
      }
      if (interleaved && !this.#frame.progressive) this.#pixels.convertUpTo(row * rowHeight);
      yield;
    }
  }

  /** What is left to do once all scans are read: coefficients to samples, samples to pixels. */
  *finish(): Generator<void, RawImage, undefined> {
    this.#checkEnd();
    const { planes, mcuRows, maxV, height } = this.#frame;
    for (const { factors, samples } of planes) if (factors === undefined) samples.fill(128);
    for (let row = 0; row < mcuRows; row++) {
      for (const plane of planes) finishRow(plane, row);
      this.#pixels.convertUpTo(row * 8 * maxV);
      yield;
    }
    this.#pixels.convertUpTo(height);
    return { ...this.#pixels.image, ...this.#warnings.property };
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

/** Coefficients of one block to samples. */
function finishBlock(plane: Plane, block: number, coefficients: Int16Array, from = 0): void {
  const stride = plane.blockStride * 8;
  const row = Math.floor(block / plane.blockStride);
  const at = (row % plane.heldRows) * 8 * stride + (block - row * plane.blockStride) * 8;
  const factors = plane.factors as Uint16Array;
  inverseDct(coefficients, from, factors, plane.samples, at, stride);
}

/** The blocks of a progressive image's MCU row. */
function finishRow(plane: Plane, mcuRow: number): void {
  const { coefficients, factors, blockStride, v } = plane;
  if (coefficients === undefined || factors === undefined) return;
  const first = mcuRow * v * blockStride;
  for (let block = first; block < first + v * blockStride; block++) {
    finishBlock(plane, block, coefficients, block * 64);
  }
}
