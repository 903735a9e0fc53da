import type { Random } from "@retinaface-webgpu/tensor";
import { chance } from "@retinaface-webgpu/train";
import type { RawImage } from "retinaface-webgpu";
import { drawnMask, wearMask } from "./masks.js";

/** What training does to aligned faces; shares are probabilities. */
export interface FaceAugmentOptions {
  /** Of being mirrored: 0 where left and right tell identities apart, as with markings of animals. */
  readonly mirror: number;
  /** Most degrees that a face is turned, either way. */
  readonly turn: number;
  /** Most that its size changes: 0.1 is 0.9 to 1.1 times. */
  readonly zoom: number;
  /** Most that it moves, as a share of its side. */
  readonly shift: number;
  /** Of having its brightness, contrast, colours and sharpness changed. */
  readonly colours: number;
  /** Of having a rectangle of one colour before it (Zhong et al., "Random Erasing", 2020). */
  readonly erase: number;
  /** Of wearing a synthetic mask: for pictures that are aligned faces only. */
  readonly mask: number;
}

/** Of the command `train`. */
export const FACE_AUGMENT: FaceAugmentOptions = {
  mirror: 0.5,
  turn: 8,
  zoom: 0.1,
  shift: 0.06,
  colours: 0.8,
  erase: 0.25,
  mask: 0,
};

/** A view of a face, as training sees it. @param image square @returns of the same size */
export function augmentFace(
  image: RawImage,
  options: FaceAugmentOptions,
  random: Random,
): RawImage {
  const masked = chance(random, options.mask) ? wearMask(image, drawnMask(random)) : image;
  const view = moved(masked, options, random);
  if (chance(random, options.colours)) recolour(view, random);
  if (chance(random, options.erase)) eraseRectangle(view, random);
  return view;
}

/** Turned, scaled, moved, perhaps mirrored; what lies outside repeats the edge. */
function moved(
  { data, width: size }: RawImage,
  { mirror, turn, zoom, shift }: FaceAugmentOptions,
  random: Random,
): RawImage {
  const angle = (random.uniform(-turn, turn) * Math.PI) / 180;
  const scale = 1 / (1 + random.uniform(-zoom, zoom));
  const stretch = 1 + random.uniform(-zoom, zoom) / 2;
  const flip = chance(random, mirror) ? -1 : 1;
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const [ax, ay] = [stretch * cos * flip, sin * flip];
  const [bx, by] = [-stretch * sin, cos];
  const middle = (size - 1) / 2;
  const cx = middle + random.uniform(-shift, shift) * size;
  const cy = middle + random.uniform(-shift, shift) * size;
  const out = new Uint8ClampedArray(size * size * 4);
  const last = size - 1;
  for (let v = 0, at = 0; v < size; v++) {
    for (let u = 0; u < size; u++, at += 4) {
      const x = Math.max(0, Math.min(last, cx + ax * (u - middle) + bx * (v - middle)));
      const y = Math.max(0, Math.min(last, cy + ay * (u - middle) + by * (v - middle)));
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - left, y - top];
      const row = (top * size + left) * 4;
      const right = left < last ? 4 : 0;
      const below = top < last ? size * 4 : 0;
      for (let c = 0; c < 3; c++) {
        const from = row + c;
        const above = data[from] + fx * (data[from + right] - data[from]);
        const under = data[from + below] + fx * (data[from + below + right] - data[from + below]);
        out[at + c] = above + fy * (under - above);
      }
      out[at + 3] = 255;
    }
  }
  return { data: out, width: size, height: size };
}

/** Changes contrast, brightness, gamma, tint and saturation, in place; sometimes all grey. */
function recolour({ data }: RawImage, random: Random): void {
  const gamma = Math.exp(random.uniform(-0.3, 0.3));
  const contrast = random.uniform(0.7, 1.3);
  const brightness = random.uniform(-25, 25);
  const saturation = chance(random, 0.1) ? 0 : random.uniform(0.6, 1.4);
  const tables = [0, 1, 2].map(() => {
    const gain = random.uniform(0.93, 1.07);
    return Uint8ClampedArray.from({ length: 256 }, (_, value) => {
      const bent = 255 * (value / 255) ** gamma;
      return ((bent - 128) * contrast + 128 + brightness) * gain;
    });
  });
  for (let i = 0; i < data.length; i += 4) {
    const grey = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    for (let c = 0; c < 3; c++) {
      const value = Math.round(grey + (data[i + c] - grey) * saturation);
      data[i + c] = tables[c][Math.max(0, Math.min(255, value))];
    }
  }
}

/** Puts a rectangle of 2 to 20 % of the area before the face, in place. */
function eraseRectangle({ data, width: size }: RawImage, random: Random): void {
  const area = random.uniform(0.02, 0.2) * size * size;
  const aspect = Math.exp(random.uniform(-1, 1));
  const sideOf = (length: number) => Math.max(1, Math.min(size, Math.round(length)));
  const [width, height] = [sideOf(Math.sqrt(area * aspect)), sideOf(Math.sqrt(area / aspect))];
  const [left, top] = [random.integer(size - width + 1), random.integer(size - height + 1)];
  const colour = [random.integer(256), random.integer(256), random.integer(256)];
  for (let y = top; y < top + height; y++) {
    for (let at = (y * size + left) * 4, end = at + width * 4; at < end; at += 4) {
      for (let c = 0; c < 3; c++) data[at + c] = colour[c];
    }
  }
}
