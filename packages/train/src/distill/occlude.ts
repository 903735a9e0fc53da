import type { Random } from "@retinaface-webgpu/tensor";
import { LANDMARK_COORDINATES } from "retinaface-webgpu";
import { chance } from "../random.js";
import type { Canvas } from "./view.js";

/**
 * Things drawn before faces: what photos of conferences lack. Each is placed by the face's five landmarks
 * in the view, so that it turns and scales with the face; the face stays a face.
 */

/** Share of large enough faces that get something before them. */
const OCCLUDED = 0.2;
/** Smallest distance of the eyes at which something is drawn, in view pixels. */
const LEAST_EYES = 6;

type Point = readonly [x: number, y: number];
type Rgb = readonly [r: number, g: number, b: number];

/** A face's own axes: along the eyes and down, both one eye distance long, from between the eyes. */
interface Frame {
  readonly origin: Point;
  readonly along: Point;
  readonly down: Point;
}

/** Draws something before some of the faces, by their landmarks `[n, 10]` in view pixels. */
export function occludeFaces(canvas: Canvas, landmarks: readonly number[], random: Random): void {
  for (let f = 0; f < landmarks.length; f += LANDMARK_COORDINATES) {
    if (!chance(random, OCCLUDED)) continue;
    const frame = frameOf(landmarks.slice(f, f + LANDMARK_COORDINATES));
    if (frame) OCCLUDERS[random.integer(OCCLUDERS.length)](canvas, frame, random);
  }
}

function frameOf(points: readonly number[]): Frame | undefined {
  const [ax, ay, bx, by] = points;
  const mouth = [(points[6] + points[8]) / 2, (points[7] + points[9]) / 2];
  const origin: Point = [(ax + bx) / 2, (ay + by) / 2];
  const along: Point = [bx - ax, by - ay];
  const down: Point = [mouth[0] - origin[0], mouth[1] - origin[1]];
  const known = [...along, ...down].every(Number.isFinite);
  if (!known || Math.hypot(...along) < LEAST_EYES) return undefined;
  const scale = Math.hypot(...along) / Math.max(Math.hypot(...down), 1);
  return { origin, along, down: [down[0] * scale, down[1] * scale] };
}

const OCCLUDERS: readonly ((canvas: Canvas, frame: Frame, random: Random) => void)[] = [
  drawMask,
  drawGlasses,
  drawCap,
  drawHand,
  drawPlacard,
  drawPatch,
];

function anyColour(random: Random): Rgb {
  return [random.integer(256), random.integer(256), random.integer(256)];
}

function skin(random: Random): Rgb {
  const light = random.uniform(0.25, 1);
  return [
    235 * light,
    (190 + random.uniform(-15, 15)) * light,
    (160 + random.uniform(-25, 15)) * light,
  ];
}

/** Fills what `inside` says, in a face's own coordinates, with a colour that shades off downwards. */
function fillShape(
  canvas: Canvas,
  { origin, along, down }: Frame,
  colour: Rgb,
  reach: number,
  inside: (u: number, v: number) => boolean,
): void {
  const { data, size } = canvas;
  const det = along[0] * down[1] - along[1] * down[0];
  if (Math.abs(det) < 1) return;
  const radius = reach * Math.max(Math.hypot(...along), Math.hypot(...down));
  const clip = (value: number) => Math.max(0, Math.min(size, Math.round(value)));
  for (let y = clip(origin[1] - radius); y < clip(origin[1] + radius); y++) {
    for (let x = clip(origin[0] - radius); x < clip(origin[0] + radius); x++) {
      const [dx, dy] = [x + 0.5 - origin[0], y + 0.5 - origin[1]];
      const u = (dx * down[1] - dy * down[0]) / det;
      const v = (along[0] * dy - along[1] * dx) / det;
      if (!inside(u, v)) continue;
      const gain = 1 - 0.12 * v + 0.06 * Math.sin(u * 9 + v * 4);
      const at = (y * size + x) * 4;
      for (const [c, value] of colour.entries()) data[at + c] = value * gain;
    }
  }
}

const ellipse = (u: number, v: number, cu: number, cv: number, ru: number, rv: number) =>
  ((u - cu) / ru) ** 2 + ((v - cv) / rv) ** 2 < 1;

function drawMask(canvas: Canvas, frame: Frame, random: Random): void {
  const colour = chance(random, 0.6) ? ([205, 220, 235] as const) : anyColour(random);
  const top = random.uniform(0.3, 0.55);
  fillShape(canvas, frame, colour, 2, (u, v) => v > top && ellipse(u, v, 0, 0.75, 0.95, 1));
}

function drawGlasses(canvas: Canvas, frame: Frame, random: Random): void {
  const colour = chance(random, 0.7) ? ([20, 20, 24] as const) : anyColour(random);
  const height = random.uniform(0.22, 0.36);
  fillShape(
    canvas,
    frame,
    colour,
    1.3,
    (u, v) =>
      ellipse(Math.abs(u), v, 0.5, 0.05, 0.4, height) || (Math.abs(v) < 0.04 && Math.abs(u) < 1),
  );
}

/** A cap, a hood's edge or hair down to the brows. */
function drawCap(canvas: Canvas, frame: Frame, random: Random): void {
  const brim = random.uniform(-0.55, -0.15);
  const tilt = random.uniform(-0.25, 0.25);
  fillShape(
    canvas,
    frame,
    anyColour(random),
    2.4,
    (u, v) => v < brim + tilt * u && ellipse(u, v, 0, -0.4, 1.25, 1.4),
  );
}

/** A fist and fingers before mouth, cheek or eye. */
function drawHand(canvas: Canvas, frame: Frame, random: Random): void {
  const [cu, cv] = [random.uniform(-0.8, 0.8), random.uniform(0.2, 1.4)];
  const lean = random.uniform(-0.4, 0.4);
  const fingers = 4;
  fillShape(canvas, frame, skin(random), 3, (u, v) => {
    if (ellipse(u, v, cu, cv + 0.5, 0.55, 0.5)) return true;
    const slot = Math.floor(((u - cu - lean * (v - cv)) / 0.9 + 0.5) * fingers);
    const gap = ((u - cu - lean * (v - cv)) / 0.9 + 0.5) * fingers - slot;
    return slot >= 0 && slot < fingers && gap > 0.12 && v > cv - 0.4 && v < cv + 0.4;
  });
}

/** A microphone's, cup's or paper's straight edge over a part of the face. */
function drawPlacard(canvas: Canvas, frame: Frame, random: Random): void {
  const [cu, cv] = [random.uniform(-0.7, 0.7), random.uniform(0.7, 1.5)];
  const [ru, rv] = [random.uniform(0.2, 1.1), random.uniform(0.3, 0.9)];
  fillShape(
    canvas,
    frame,
    anyColour(random),
    3,
    (u, v) => Math.abs(u - cu) < ru && Math.abs(v - cv) < rv,
  );
}

/** A piece of the view itself over a part of the face. */
function drawPatch(canvas: Canvas, frame: Frame, random: Random): void {
  const { data, size } = canvas;
  const [left, top] = [random.integer(size), random.integer(size)];
  const source = data.slice();
  const [cu, cv] = [random.uniform(-0.8, 0.8), random.uniform(-0.4, 1.2)];
  const radius = random.uniform(0.3, 0.6);
  const unit = Math.hypot(...frame.along);
  const [x0, y0] = [0, 1].map((k) => frame.origin[k] + frame.along[k] * cu + frame.down[k] * cv);
  const reach = radius * unit;
  for (let y = Math.max(0, Math.floor(y0 - reach)); y < Math.min(size, y0 + reach); y++) {
    for (let x = Math.max(0, Math.floor(x0 - reach)); x < Math.min(size, x0 + reach); x++) {
      if (Math.hypot(x - x0, y - y0) > reach) continue;
      const from = (((top + y) % size) * size + ((left + x) % size)) * 4;
      data.set(source.subarray(from, from + 3), (y * size + x) * 4);
    }
  }
}
