import type { RawImage } from "../../types.js";
import { applyOrientation } from "../orient.js";
import type { ImageLimits } from "../raw.js";
import { type Frame, layFrame, type Plane } from "./frame.js";
import { corruptJpeg, jpegSegments, MARKER, readJpegHeader } from "./header.js";
import { type HuffmanTable, huffmanTable } from "./huffman.js";
import { inverseDct } from "./idct.js";
import { jpegPixels } from "./pixels.js";
import { decodeScan, type Scan, ZIGZAG } from "./scan.js";

/*
 * A decoder of baseline and progressive JPEG (ITU-T T.81) that agrees with libjpeg to the last bit
 * or nearly, takes memory in proportion to the pixels only, and refuses data that end early. Baseline
 * blocks become samples as they are read; progressive ones are kept as 16-bit coefficients.
 */

/** Tables as they stand where the walk over the segments has come to. */
interface Tables {
  quantisation: (Uint16Array | undefined)[];
  dc: (HuffmanTable | undefined)[];
  ac: (HuffmanTable | undefined)[];
  restart: number;
}

/**
 * Decodes a JPEG and turns it upright.
 *
 * @throws ImageError as {@link readJpegHeader}, and IMAGE_CORRUPT for damaged image data.
 */
export function decodeJpeg(bytes: Uint8Array, limits?: ImageLimits): RawImage {
  const header = readJpegHeader(bytes, limits);
  const frame = layFrame(header);
  const ids = header.components.map(({ id }) => id);
  const tables: Tables = { quantisation: [], dc: [], ac: [], restart: 0 };
  for (const { marker, contents, end } of jpegSegments(bytes)) {
    if (marker === MARKER.DQT) readQuantisation(contents, tables);
    else if (marker === MARKER.DHT) readHuffman(contents, tables);
    else if (marker === MARKER.DRI) tables.restart = (contents[0] << 8) | contents[1];
    else if (marker === MARKER.SOS) {
      const scan = readScan(contents, frame, ids, tables);
      decodeScan(bytes, end, frame, scan, finishBlock);
    }
  }
  for (const plane of frame.planes) finishPlane(plane);
  return applyOrientation(jpegPixels(frame, header), header.orientation);
}

function readQuantisation(contents: Uint8Array, tables: Tables): void {
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

function readHuffman(contents: Uint8Array, tables: Tables): void {
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

function readScan(contents: Uint8Array, frame: Frame, ids: number[], tables: Tables): Scan {
  const count = contents[0];
  if (count < 1 || count > frame.planes.length || contents.length !== 4 + 2 * count) {
    throw corruptJpeg("a scan header has a wrong length");
  }
  const components = Array.from({ length: count }, (_, n) => {
    const index = ids.indexOf(contents[1 + 2 * n]);
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
}

/** Coefficients of one block to samples. */
function finishBlock(plane: Plane, block: number, coefficients: Int16Array, from = 0): void {
  const stride = plane.blockStride * 8;
  const row = Math.floor(block / plane.blockStride);
  const at = row * 8 * stride + (block % plane.blockStride) * 8;
  const factors = plane.factors as Uint16Array;
  inverseDct(coefficients, from, factors, plane.samples, at, stride);
}

function finishPlane(plane: Plane): void {
  if (plane.factors === undefined) throw corruptJpeg("a component has no image data");
  const { coefficients } = plane;
  if (coefficients === undefined) return;
  const blocks = plane.blockStride * plane.blockRows;
  for (let block = 0; block < blocks; block++) {
    finishBlock(plane, block, coefficients, block * 64);
  }
  plane.coefficients = undefined;
}
