import type { JpegComponent, JpegHeader } from "./header.js";

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
  /** Number of its quantisation table. */
  quantisation: number;
  /** Its quantisation factors in natural order, as they stood before its first scan. */
  factors?: Uint16Array;
  /** Samples, `blockStride * 8` a row. */
  samples: Uint8ClampedArray;
  /** Progressive only: 64 coefficients a block, in natural order. */
  coefficients?: Int16Array;
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

export function layFrame(header: JpegHeader): Frame {
  const { width, height, components, progressive } = header;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  const mcuColumns = Math.ceil(width / (8 * maxH));
  const mcuRows = Math.ceil(height / (8 * maxV));
  const layPlane = ({ h, v, quantisation }: JpegComponent): Plane => {
    const planeWidth = Math.ceil((width * h) / maxH);
    const planeHeight = Math.ceil((height * v) / maxV);
    const blockStride = mcuColumns * h;
    const blockRows = mcuRows * v;
    const size = blockStride * blockRows * 64;
    return {
      h,
      v,
      width: planeWidth,
      height: planeHeight,
      columns: Math.ceil(planeWidth / 8),
      rows: Math.ceil(planeHeight / 8),
      blockStride,
      blockRows,
      quantisation,
      samples: new Uint8ClampedArray(size),
      coefficients: progressive ? new Int16Array(size) : undefined,
    };
  };
  return {
    width,
    height,
    maxH,
    maxV,
    mcuColumns,
    mcuRows,
    progressive,
    planes: components.map(layPlane),
  };
}
