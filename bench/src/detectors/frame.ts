import { type RawImage, resizeBilinear, scaleFactor, type WantedSides } from "retinaface-webgpu";

/** A picture as a network takes it: scaled, at the top left of a frame, as planes B, G, R. */
export interface FramedPicture {
  readonly planes: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Pixels of the frame for each pixel of the picture. */
  readonly scaleX: number;
  readonly scaleY: number;
}

export interface FrameOptions {
  /** At which size it is looked at; default its own. */
  readonly sides?: WantedSides | undefined;
  /** The frame's own size, into which the picture is scaled down. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  /** The frame's sides are multiples of this. */
  readonly multiple?: number;
  /** Subtracted from B, G, R; around the picture there is 0. */
  readonly mean: readonly [number, number, number];
}

/** Scales a picture and lays it into a network's frame. */
export function framePicture(image: RawImage, options: FrameOptions): FramedPicture {
  const { sides = {}, size, multiple = 1, mean } = options;
  const { width, height } = image;
  const fit = size ? Math.min(size.width / width, size.height / height) : Number.POSITIVE_INFINITY;
  const scale = Math.min(fit, scaleFactor(width, height, sides));
  const scaled = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const [w, h] = scaled;
  const shown = w === width && h === height ? image : resizeBilinear(image, w, h);
  const [outer, lower] = size
    ? [size.width, size.height]
    : scaled.map((side) => Math.ceil(side / multiple) * multiple);
  const planes = new Float32Array(3 * outer * lower);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const from = (y * w + x) * 4;
      const to = y * outer + x;
      for (let c = 0; c < 3; c++) {
        planes[c * outer * lower + to] = shown.data[from + 2 - c] - mean[c];
      }
    }
  }
  return { planes, width: outer, height: lower, scaleX: w / width, scaleY: h / height };
}
