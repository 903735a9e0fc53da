import { networkSize, type WantedSides } from "../image/fit.js";
import { type PixelSource, shownSize } from "../image/source.js";
import type { Face } from "../types.js";

/** Images that go through the network together. */
export interface SizeGroup {
  readonly width: number;
  readonly height: number;
  readonly images: PixelSource[];
  readonly indices: number[];
}

/** Boxes cut to the image. */
export function clipBoxes(faces: readonly Face[], source: PixelSource): Face[] {
  const { width, height } = shownSize(source);
  const inside = (value: number, side: number) => Math.max(0, Math.min(value, side));
  return faces.map((face) => {
    const [x1, y1, x2, y2] = face.box;
    const [left, right] = [inside(x1, width), inside(x2, width)];
    const [top, bottom] = [inside(y1, height), inside(y2, height)];
    // Not `{ ...face }`: a face without landmarks inherits the error that says so.
    const clipped: Face = Object.create(Object.getPrototypeOf(face));
    return Object.assign(clipped, face, { box: [left, top, right, bottom] });
  });
}

/** Images by the size at which the network sees them. */
export function groupBySize(images: readonly PixelSource[], sides: WantedSides): SizeGroup[] {
  const groups = new Map<string, SizeGroup>();
  for (const [i, image] of images.entries()) {
    const shown = shownSize(image);
    const { width, height } = networkSize(shown.width, shown.height, sides);
    const key = `${width}x${height}`;
    const group = groups.get(key) ?? { width, height, images: [], indices: [] };
    group.images.push(image);
    group.indices.push(i);
    groups.set(key, group);
  }
  return [...groups.values()];
}
