import { Random } from "@retinaface-webgpu/tensor";
import type { RawImage } from "retinaface-webgpu";

/** The classes of the set. */
export const SHAPES = ["circle", "square", "triangle", "cross"] as const;

/** A shape where it was drawn, x1, y1, x2, y2 in pixels. */
export interface DrawnShape {
  readonly name: (typeof SHAPES)[number];
  readonly box: readonly [number, number, number, number];
}

/** Whether a shape covers a point, from −1 to 1 over its box. */
const COVERS: Readonly<Record<DrawnShape["name"], (x: number, y: number) => boolean>> = {
  circle: (x, y) => x * x + y * y <= 1,
  square: () => true,
  triangle: (x, y) => Math.abs(x) <= (y + 1) / 2,
  cross: (x, y) => Math.abs(x) <= 0.3 || Math.abs(y) <= 0.3,
};

/** Sides of shapes as shares of the picture's. */
const [LEAST, MOST] = [0.14, 0.7];
const MOST_SHAPES = 3;
/** Shapes may overlap by this share of the smaller one. */
const OVERLAP = 0.15;
const NOISE = 40;
/** Least difference of a shape's colour from the ground's, summed over the channels. */
const CONTRAST = 180;

type Colour = readonly [number, number, number];

function colour(random: Random): Colour {
  return [random.integer(256), random.integer(256), random.integer(256)];
}

/** A colour that stands out from another. */
function colourAgainst(random: Random, ground: Colour): Colour {
  const other = colour(random);
  const difference = other.reduce((sum, value, c) => sum + Math.abs(value - ground[c]), 0);
  return difference >= CONTRAST ? other : colourAgainst(random, ground);
}

const areaOf = ([x1, y1, x2, y2]: DrawnShape["box"]) => (x2 - x1) * (y2 - y1);

function shares(a: DrawnShape["box"], b: DrawnShape["box"]): number {
  const w = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const h = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  return (w * h) / Math.min(areaOf(a), areaOf(b));
}

/** Draws one to three shapes of any size, place and colour on noisy ground; equal seeds draw equal pictures. */
export function drawShapes(
  side: number,
  seed: number,
): { readonly image: RawImage; readonly shapes: readonly DrawnShape[] } {
  const random = new Random(seed);
  const ground = colour(random);
  const data = new Uint8Array(side * side * 4).fill(255);
  const put = (pixel: number, of: Colour) => {
    const noise = (random.uniform(-1, 1) * NOISE) / 2;
    for (let c = 0; c < 3; c++) data[pixel * 4 + c] = Math.min(255, Math.max(0, of[c] + noise));
  };
  for (let pixel = 0; pixel < side * side; pixel++) put(pixel, ground);
  const shapes: DrawnShape[] = [];
  const wanted = 1 + random.integer(MOST_SHAPES);
  for (let tries = 0; shapes.length < wanted && tries < 20; tries++) {
    const size = Math.round(side * LEAST * (MOST / LEAST) ** random.uniform(0, 1));
    const [x, y] = [random.integer(side - size), random.integer(side - size)];
    const box = [x, y, x + size, y + size] as const;
    if (shapes.some((other) => shares(other.box, box) > OVERLAP)) continue;
    const name = SHAPES[random.integer(SHAPES.length)];
    const fill = colourAgainst(random, ground);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const at = (v: number) => (2 * (v + 0.5)) / size - 1;
        if (COVERS[name](at(column), at(row))) put((y + row) * side + x + column, fill);
      }
    }
    shapes.push({ name, box });
  }
  return { image: { data, width: side, height: side }, shapes };
}
