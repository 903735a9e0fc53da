import { faceLike } from "../decode/face.js";
import { networkSize, type Size, type WantedSides } from "../image/fit.js";
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
    return faceLike(face, { ...face, box: [left, top, right, bottom] });
  });
}

/** A size scaled down to lie within another. */
function fitted(size: Size, within: Size | undefined): Size {
  if (!within || (size.width <= within.width && size.height <= within.height)) return size;
  const scale = Math.min(within.width / size.width, within.height / size.height);
  const side = (from: number, most: number) =>
    Math.max(1, Math.min(most, Math.round(from * scale)));
  return { width: side(size.width, within.width), height: side(size.height, within.height) };
}

/**
 * Images by the size at which the network sees them.
 * @param sides with the largest size, where the network takes no more
 */
export function groupBySize(
  images: readonly PixelSource[],
  sides: WantedSides & { readonly within?: Size | undefined },
): SizeGroup[] {
  const groups = new Map<string, SizeGroup>();
  for (const [i, image] of images.entries()) {
    const shown = shownSize(image);
    const { width, height } = fitted(networkSize(shown.width, shown.height, sides), sides.within);
    const key = `${width}x${height}`;
    const group = groups.get(key) ?? { width, height, images: [], indices: [] };
    group.images.push(image);
    group.indices.push(i);
    groups.set(key, group);
  }
  return [...groups.values()];
}
