import { checkHeldBytes, type ImageLimits } from "../raw.js";
import type { JpegComponent, JpegHeader } from "./header.js";

/** MCU rows of samples that are held: one to convert, and its neighbours for interpolation. */
const RING = 3;

/** A component's share of the frame: how many blocks, and what is decoded of it. */
export interface Plane {
  h: number;
  v: number;
  /** Size in samples. */
  width: number;
  height: number;
  /** Blocks that a scan of this component alone has. */
  columns: number;
  rows: number;
  /** Blocks with those that fill up the last MCUs. */
  blockStride: number;
  blockRows: number;
  /** Rows of blocks whose samples are held; a row further down takes the place of an earlier one. */
  heldRows: number;
  /** Number of its quantisation table. */
  quantisation: number;
  /** Its quantisation factors in natural order, as they stood before its first scan. */
  factors?: Uint16Array;
  /** Samples, `blockStride * 8` a row. */
  samples: Uint8ClampedArray;
  /** Progressive only: 64 coefficients a block, in natural order. */
  coefficients?: Int16Array;
  /** Progressive only: for each coefficient in zigzag order, how many low bits are to come; -1: all. */
  bitsToCome: Int8Array;
}

/** The frame laid out in blocks. */
export interface Frame {
  width: number;
  height: number;
  maxH: number;
  maxV: number;
  mcuColumns: number;
  mcuRows: number;
  progressive: boolean;
  planes: Plane[];
}

/**
 * @param interleaved whether the first scan has all components, so that samples of a few rows at a
 * time are enough.
 * @throws ImageError IMAGE_TOO_LARGE where it takes more memory than the limit.
 */
export function layFrame(header: JpegHeader, interleaved: boolean, limits: ImageLimits): Frame {
  const { width, height, components, progressive } = header;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  const mcuColumns = Math.ceil(width / (8 * maxH));
  const mcuRows = Math.ceil(height / (8 * maxV));
  const held = progressive || interleaved ? Math.min(RING, mcuRows) : mcuRows;
  const samples = components.reduce((sum, { h, v }) => sum + mcuColumns * h * v * 64, 0);
  const bytes = samples * (held + (progressive ? 2 * mcuRows : 0));
  checkHeldBytes(4 * width * height + bytes, limits);
  const layPlane = ({ h, v, quantisation }: JpegComponent): Plane => {
    const planeWidth = Math.ceil((width * h) / maxH);
    const planeHeight = Math.ceil((height * v) / maxV);
    const blockStride = mcuColumns * h;
    const blockRows = mcuRows * v;
    return {
      h,
      v,
      width: planeWidth,
      height: planeHeight,
      columns: Math.ceil(planeWidth / 8),
      rows: Math.ceil(planeHeight / 8),
      blockStride,
      blockRows,
      heldRows: held * v,
      quantisation,
      samples: new Uint8ClampedArray(blockStride * held * v * 64),
      coefficients: progressive ? new Int16Array(blockStride * blockRows * 64) : undefined,
      bitsToCome: new Int8Array(64).fill(-1),
    };
  };
  const planes = components.map(layPlane);
  return { width, height, maxH, maxV, mcuColumns, mcuRows, progressive, planes };
}
