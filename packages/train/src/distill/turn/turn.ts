import { LANDMARK_NAMES } from "retinaface-webgpu";
import { buildPyramid, type Pyramid, type RgbImage } from "../pyramid.js";
import { type HeadFit, pixelOf, planeOf } from "./fit.js";
import { HEAD_CENTRE, headMesh, outlineRadius } from "./head.js";
import { type Matte, matteOf } from "./matte.js";
import { isSeen, type Projected, rasteriseTexture, type Seen, sampleInto } from "./raster.js";

/** How a head is turned, in radians: how far it looks to the right of the picture, and down. */
export interface Turn {
  readonly yaw: number;
  readonly pitch: number;
}

/** A portrait whose head was turned, in pixels of its first level. */
export interface TurnedPortrait {
  readonly pyramid: Pyramid;
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  /** Ten numbers. Those that the head itself hides are where they would be seen through it. */
  readonly landmarks: readonly number[];
  /** What of the picture is the head. */
  readonly matte: Matte;
}

/** About what a head turns, in the template's space: the top of the neck. */
const PIVOT = [0, -6, -9] as const;
/** How far the portrait reaches into the place that the head left, mirrored at its outline, as a share of its depth. */
const MIRRORED = 0.5;
/** How far beside the outline the head is taken away, for its ears, once it is turned by so many radians. */
const TAKEN = 0.2;
const TAKEN_AT = 0.35;
/**
 * What detectors' boxes have above and below the template, as shares of its height: medians of 372 portraits of
 * `data/photos` against the boxes of its ensemble. At the sides they end with the (narrowed) cheeks.
 */
const ABOVE = 0.111;
const BELOW = 0.036;

/** The coarsest level of a pyramid that need not be enlarged to be drawn at a scale. */
function levelFor(pyramid: Pyramid, scale: number): number {
  return Math.min(pyramid.length - 1, Math.floor(Math.log2(Math.max(1, 1 / scale))));
}

function atLevel(fit: HeadFit, level: number): HeadFit {
  const [x, y] = fit.origin;
  const shrink = 2 ** -level;
  return { ...fit, scale: fit.scale * shrink, origin: [x * shrink, y * shrink] };
}

/** Takes points of the frontal head, in centimetres, to where a turned one has them: x, y and how near. */
function turner({ length, warp }: HeadFit, { yaw, pitch }: Turn) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const pivot = [PIVOT[0], PIVOT[1] * length, PIVOT[2]] as const;
  return (x0: number, y0: number, z0: number): [number, number, number] => {
    const [x1, y1] = warp(x0, y0 * length);
    const [x, y, z] = [x1 - pivot[0], y1 - pivot[1], z0 - pivot[2]];
    const down = y * cp - z * sp;
    const forward = y * sp + z * cp;
    return [x * cy + forward * sy + pivot[0], down + pivot[1], forward * cy - x * sy + pivot[2]];
  };
}

function projectHead(fit: HeadFit, turn: Turn): Projected {
  const { positions, textures, triangles } = headMesh();
  const turned = turner(fit, turn);
  const corners = new Float32Array(positions.length);
  const places = new Float32Array(textures.length);
  for (let v = 0; v < places.length / 2; v++) {
    const [x, y, z] = turned(positions[v * 3], positions[v * 3 + 1], positions[v * 3 + 2]);
    corners.set([...pixelOf(fit, x, y), z], v * 3);
    const [u, w] = fit.warp(textures[v * 2], textures[v * 2 + 1] * fit.length);
    places.set(pixelOf(fit, u, w), v * 2);
  }
  return { corners, textures: places, triangles };
}

/** The box of a turned face about the template's vertices, as detectors put it. */
function boxOf({ corners }: Projected): TurnedPortrait["box"] {
  const [low, high] = [
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [0, 0],
  ];
  for (let v = 0; v < headMesh().face; v++) {
    for (const k of [0, 1]) {
      low[k] = Math.min(low[k], corners[v * 3 + k]);
      high[k] = Math.max(high[k], corners[v * 3 + k]);
    }
  }
  const height = high[1] - low[1];
  return [low[0], low[1] - ABOVE * height, high[0], high[1] + BELOW * height];
}

/** Where the picture takes its colour from once the head is gone: mirrored at the head's outline. */
function behindHead(
  fit: HeadFit,
  taken: number,
  x: number,
  y: number,
): readonly [number, number] | undefined {
  const [px, py] = planeOf(fit, x, y);
  const [dx, dy] = [px - HEAD_CENTRE[0], py / fit.length - HEAD_CENTRE[1]];
  const reach = Math.hypot(dx, dy);
  const beside = Math.abs(dx) / Math.max(reach, 1e-3);
  const radius = outlineRadius(Math.atan2(dx, dy)) * (1 + (taken - 1) * beside);
  if (reach >= radius) return undefined;
  const factor = (radius + (radius - reach) * MIRRORED) / Math.max(reach, 1e-3);
  return pixelOf(fit, HEAD_CENTRE[0] + dx * factor, (HEAD_CENTRE[1] + dy * factor) * fit.length);
}

/** The part of a picture that the frontal head's outline lies in. */
function outlineBounds(fit: HeadFit, taken: number, { width, height }: RgbImage) {
  const { outline } = headMesh();
  const around = Array.from({ length: outline.length / 2 }, (_, i) =>
    pixelOf(fit, outline[i * 2] * taken, outline[i * 2 + 1] * taken * fit.length),
  );
  const [xs, ys] = [around.map(([x]) => x), around.map(([, y]) => y)];
  return {
    left: Math.max(0, Math.floor(Math.min(...xs))),
    top: Math.max(0, Math.floor(Math.min(...ys))),
    right: Math.min(width, Math.ceil(Math.max(...xs))),
    bottom: Math.min(height, Math.ceil(Math.max(...ys))),
  };
}

/** Paints what is seen of the turned head, and the surroundings where the frontal one was. */
function paint(
  picture: RgbImage,
  source: RgbImage,
  fit: HeadFit,
  { yaw, pitch }: Turn,
  seen: Seen,
): void {
  const { data, width } = picture;
  const taken = 1 + TAKEN * Math.min(1, Math.hypot(yaw, pitch) / TAKEN_AT);
  const { left, top, right, bottom } = outlineBounds(fit, taken, picture);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (isSeen(seen, x, y)) continue;
      const from = behindHead(fit, taken, x + 0.5, y + 0.5);
      if (from) sampleInto(source, from[0], from[1], data, (y * width + x) * 3);
    }
  }
  for (let y = 0, at = 0; y < seen.height; y++) {
    for (let x = 0; x < seen.width; x++, at++) {
      if (seen.depths[at] === Number.NEGATIVE_INFINITY) continue;
      const to = ((seen.top + y) * width + seen.left + x) * 3;
      sampleInto(source, seen.places[at * 2], seen.places[at * 2 + 1], data, to);
    }
  }
}

/**
 * Turns the head of a frontal portrait, as 300W-LP was made (Zhu et al., "Face Alignment Across Large Poses: A 3D Solution",
 * 2016): a head fitted to the landmarks wears the portrait and is turned about its neck; where it was, the surroundings
 * are mirrored at its outline. Seen by weak perspective, without new light.
 *
 * @param scale at which it will be drawn: the coarsest level of the pyramid that suffices is turned
 */
export function turnPortrait(
  pyramid: Pyramid,
  fit: HeadFit,
  turn: Turn,
  scale: number,
): TurnedPortrait {
  const level = levelFor(pyramid, scale);
  const source = pyramid[level];
  const own = atLevel(fit, level);
  const head = projectHead(own, turn);
  const seen = rasteriseTexture(head, source.width, source.height);
  const picture: RgbImage = { ...source, data: Uint8Array.from(source.data) };
  paint(picture, source, own, turn, seen);
  const turned = turner(own, turn);
  const { landmarks } = headMesh();
  const points = [...LANDMARK_NAMES.keys()].flatMap((i) => {
    const [x, y] = turned(landmarks[i * 3], landmarks[i * 3 + 1], landmarks[i * 3 + 2]);
    return pixelOf(own, x, y);
  });
  return {
    pyramid: buildPyramid(picture),
    box: boxOf(head),
    landmarks: points,
    matte: matteOf(seen),
  };
}
