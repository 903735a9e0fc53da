/**
 * Masks drawn on faces by their five landmarks, to train for covered faces and to test on them. A mask is described in the
 * face's own frame: the middle between the eyes is (0, 0), the middle of the mouth (0, 1), x points to the picture's right
 * along the face. Nothing of a real mask is pasted: shape, colour, texture, shade and ear loops are drawn.
 */
import type { Random } from "@retinaface-webgpu/tensor";
import { chance } from "@retinaface-webgpu/train";
import { AlignError, ARCFACE_TEMPLATE, type Point, type RawImage } from "retinaface-webgpu";

/** Kinds of masks. */
export const MASK_SHAPES = ["surgical", "cup", "cloth", "bandana"] as const;

export type MaskShape = (typeof MASK_SHAPES)[number];

const TEXTURES = ["plain", "pleats", "stripes", "dots", "checks", "weave"] as const;

type Texture = (typeof TEXTURES)[number];

type Rgb = readonly [red: number, green: number, blue: number];

/** A mask before it lies on a face. */
export interface Mask {
  readonly shape: MaskShape;
  readonly texture: Texture;
  readonly colour: Rgb;
  /** Of the texture. */
  readonly second: Rgb;
  /** Where its upper edge crosses the nose: 0.5 is about its tip. */
  readonly top: number;
  /** How much higher (below 0) or lower that edge is at the cheeks. */
  readonly sides: number;
  /** Half its width. */
  readonly halfWidth: number;
  readonly bottom: number;
  readonly loops: boolean;
  /** Darkening towards the edges, 0 to 1. */
  readonly shade: number;
}

/** Colours of masks on sale; a third is drawn from all colours. */
const COLOURS: readonly Rgb[] = [
  [150, 195, 220],
  [235, 238, 240],
  [40, 42, 48],
  [120, 190, 170],
  [215, 150, 170],
  [90, 110, 150],
];

/** What each shape is drawn from: [least, most]. */
const FORMS: Readonly<
  Record<
    MaskShape,
    Readonly<Record<"top" | "sides" | "halfWidth" | "bottom", readonly [number, number]>>
  >
> = {
  surgical: { top: [0.3, 0.5], sides: [0.05, 0.2], halfWidth: [0.72, 0.88], bottom: [1.4, 1.65] },
  cup: { top: [0.25, 0.45], sides: [0.25, 0.45], halfWidth: [0.65, 0.8], bottom: [1.45, 1.7] },
  cloth: { top: [0.25, 0.5], sides: [-0.1, 0.15], halfWidth: [0.8, 0.98], bottom: [1.45, 1.75] },
  bandana: { top: [0.2, 0.5], sides: [-0.15, 0.05], halfWidth: [0.9, 1.1], bottom: [1.7, 2.1] },
};

/** Draws a mask's kind, colours and sizes. */
export function drawnMask(random: Random): Mask {
  const shape = MASK_SHAPES[random.integer(MASK_SHAPES.length)];
  const form = FORMS[shape];
  const within = ([least, most]: readonly [number, number]) => random.uniform(least, most);
  const any = (): Rgb => [random.integer(256), random.integer(256), random.integer(256)];
  const colour = chance(random, 1 / 3) ? any() : COLOURS[random.integer(COLOURS.length)];
  return {
    shape,
    texture: TEXTURES[random.integer(TEXTURES.length)],
    colour,
    second: any(),
    top: within(form.top),
    sides: within(form.sides),
    halfWidth: within(form.halfWidth),
    bottom: within(form.bottom),
    loops: shape !== "bandana" && chance(random, 0.8),
    shade: random.uniform(0.1, 0.45),
  };
}

/** From pixels to the face's frame: x = a · (px − x0) + b · (py − y0), y = −b · (px − x0) + a · (py − y0). */
interface Frame {
  readonly x0: number;
  readonly y0: number;
  readonly a: number;
  readonly b: number;
  /** Of a pixel in the frame. */
  readonly pixel: number;
}

const middle = ([ax, ay]: Readonly<Point>, [bx, by]: Readonly<Point>): Point => [
  (ax + bx) / 2,
  (ay + by) / 2,
];

/** @throws AlignError where the landmarks do not place a face */
function frameOf(landmarks: readonly Readonly<Point>[]): Frame {
  const [leftEye, rightEye, , leftMouth, rightMouth] = landmarks;
  const [x0, y0] = middle(leftEye, rightEye);
  const [mx, my] = middle(leftMouth, rightMouth);
  const [dx, dy] = [mx - x0, my - y0];
  const squared = dx * dx + dy * dy;
  if (!(squared > 1e-6 && Number.isFinite(squared))) {
    throw new AlignError("the landmarks coincide or are not finite: no mask can be placed on them");
  }
  return { x0, y0, a: dy / squared, b: -dx / squared, pixel: 1 / Math.sqrt(squared) };
}

/** How far inside the mask a point of the frame is: negative outside. */
function depthAt({ shape, top, sides, halfWidth, bottom }: Mask, x: number, y: number): number {
  const u = Math.min(1.2, Math.abs(x) / halfWidth);
  const upper = top + sides * u * u;
  const drop = shape === "bandana" ? u : shape === "cup" ? u ** 1.5 : u ** 4;
  const height = bottom - top;
  const lower = bottom - (shape === "surgical" || shape === "cloth" ? 0.45 : 0.75) * height * drop;
  return Math.min(y - upper, lower - y, halfWidth - Math.abs(x));
}

/** Share of the second colour at a point. */
function textureAt(texture: Texture, x: number, y: number): number {
  const wave = (v: number) => 0.5 + 0.5 * Math.sin(v);
  switch (texture) {
    case "plain":
      return 0;
    case "pleats":
      return 0.35 * wave(y * 24) ** 4;
    case "stripes":
      return Math.sin(x * 18) > 0.3 ? 0.7 : 0;
    case "dots":
      return wave(x * 22) * wave(y * 22) > 0.55 ? 0.8 : 0;
    case "checks":
      return (Math.sin(x * 16) > 0 ? 0.35 : 0) + (Math.sin(y * 16) > 0 ? 0.35 : 0);
    case "weave":
      return 0.25 * wave(x * 70) * wave(y * 70);
  }
}

/** Distance of a point of the frame to the ear loop on its side. */
function loopDistance({ halfWidth, top, sides, bottom }: Mask, x: number, y: number): number {
  const side = Math.abs(x);
  const ends = [top + sides + 0.05, top + 0.5 * (bottom - top)];
  const ear = [1.25, 0.25];
  return Math.min(
    ...ends.map((end) =>
      segmentDistance([side, y], [halfWidth * 0.97, end], ear as [number, number]),
    ),
  );
}

function segmentDistance([px, py]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy);
  const near = Math.max(0, Math.min(1, t));
  return Math.hypot(px - ax - near * dx, py - ay - near * dy);
}

/** Half the thickness of an ear loop. */
const LOOP = 0.018;

/** Landmarks of a face that `alignFace` cut out with this side. */
export function alignedLandmarks(size: number): Point[] {
  return ARCFACE_TEMPLATE.map(([x, y]): Point => [(x * size) / 112, (y * size) / 112]);
}

/**
 * A copy of a picture with a mask on a face.
 *
 * @param landmarks left eye, right eye, nose, left and right corner of the mouth, in pixels; by default those of an aligned
 * face
 * @throws AlignError where they do not place a face
 */
export function wearMask(
  image: RawImage,
  mask: Mask,
  landmarks: readonly Readonly<Point>[] = alignedLandmarks(image.width),
): RawImage {
  const { width, height } = image;
  const data = new Uint8ClampedArray(image.data);
  const { x0, y0, a, b, pixel } = frameOf(landmarks);
  const coverage = (depth: number) => Math.max(0, Math.min(1, depth / pixel + 0.5));
  for (let v = 0, at = 0; v < height; v++) {
    for (let u = 0; u < width; u++, at += 4) {
      const x = a * (u - x0) + b * (v - y0);
      const y = -b * (u - x0) + a * (v - y0);
      const depth = depthAt(mask, x, y);
      const share = coverage(depth);
      if (share > 0) paint(data, at, share, mask, x, y, depth);
      else if (mask.loops) {
        const line = coverage(LOOP - loopDistance(mask, x, y));
        if (line > 0) blend(data, at, mask.colour, line, 0.9);
      }
    }
  }
  return { data, width, height };
}

function paint(
  data: Uint8ClampedArray,
  at: number,
  share: number,
  mask: Mask,
  x: number,
  y: number,
  depth: number,
): void {
  const mix = Math.min(1, textureAt(mask.texture, x, y));
  const { colour, second, shade } = mask;
  const mixed = colour.map((value, c) => value + mix * (second[c] - value)) as unknown as Rgb;
  const rim = 1 - Math.min(1, depth / 0.35);
  const round = Math.abs(x) / mask.halfWidth;
  blend(data, at, mixed, share, 1 - shade * Math.max(rim, round * round));
}

function blend(
  data: Uint8ClampedArray,
  at: number,
  colour: Rgb,
  share: number,
  light: number,
): void {
  for (let c = 0; c < 3; c++) data[at + c] += share * (colour[c] * light - data[at + c]);
}
