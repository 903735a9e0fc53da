import type { Random } from "@retinaface-webgpu/tensor";
import { LANDMARK_COORDINATES, MIRRORED_LANDMARKS } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import { chance, seededRandom } from "../random.js";
import { degrade } from "./degrade.js";
import { occludeFaces } from "./occlude.js";
import { type Photo, type PhotoFace, type PhotoSet, sideOf } from "./photo.js";
import { changeColours } from "./photometric.js";
import type { HeadFit } from "./turn/fit.js";
import type { Matte } from "./turn/matte.js";
import { drawTurn, portraitsOf, turnedPhoto } from "./turn/portrait.js";
import {
  type Canvas,
  drawPhoto,
  type Ellipse,
  newCanvas,
  type Placement,
  place,
  type Region,
  scalesOf,
} from "./view.js";

/** Which view to make. */
export interface ViewJob {
  readonly seed: number;
  readonly step: number;
  /** Of the view in its batch. */
  readonly index: number;
  /** Side in pixels. */
  readonly size: number;
  /** Probability that a photo larger than its place in the view is moved so that it fills it. */
  readonly cover: number;
  /** Smallest side of a face to aim at, in view pixels. Default 10. */
  readonly least?: number;
  /** Largest side of a face to aim at, as a share of its region. Default 0.75. */
  readonly most?: number;
  /** Share of such a face's half side that its centre keeps off the region's edges. Default 0. */
  readonly inside?: number;
  /** Probability of looking anywhere instead of at a face. Default 0.12. */
  readonly background?: number;
  /** Probability of a view without mosaic, pasted or turned heads, occluders and what cameras and files do. Default 0. */
  readonly plain?: number;
  /** How often views are made of a set, by its name, instead of the set's own share. */
  readonly shares?: Readonly<Record<string, number>>;
}

const LEAST_SIDE = 10;
const MOST_SIDE = 0.75;
const LARGEST_SCALE = 2.5;
const MOSAIC = 0.3;
const BACKGROUND = 0.12;
const TURNED = 0.3;
/** In radians: 30 degrees. */
const LARGEST_ANGLE = Math.PI / 6;
const STRETCHED = 0.3;
/** Narrowest and widest: a head turned aside is narrower, one bent is shorter. */
const STRETCHES = [0.85, 1.1] as const;
const BLURRED = 0.12;
const MOST_PASTED = 6;
/** A pasted head's half axes in distances between the eyes. */
const HEAD_RADII = [1.25, 1.75] as const;

function logUniform(random: Random, low: number, high: number): number {
  return low >= high ? high : Math.exp(random.uniform(Math.log(low), Math.log(high)));
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)];
}

/** Draws one of a photo's faces to look at; undefined where none may be looked at. */
function pickFace(random: Random, faces: readonly PhotoFace[]): PhotoFace | undefined {
  const weight = (face: PhotoFace) => (face.ignored ? 0 : (face.weight ?? 1));
  let left = random.uniform(
    0,
    faces.reduce((sum, face) => sum + weight(face), 0),
  );
  return faces.find((face) => {
    left -= weight(face);
    return left < 0;
  });
}

function pickSet<T extends PhotoSet>(random: Random, sets: readonly T[]): T {
  let left = random.uniform(
    0,
    sets.reduce((sum, { share }) => sum + share, 0),
  );
  for (const set of sets) {
    left -= set.share;
    if (left < 0) return set;
  }
  return sets[sets.length - 1];
}

/** A set and how the heads of its portraits may be turned. */
interface Prepared extends PhotoSet {
  readonly portraits: ReadonlyMap<Photo, HeadFit>;
  /** Whose heads are laid on other photos. */
  readonly heads: readonly Photo[];
}

function prepare(set: PhotoSet): Prepared {
  const portraits = portraitsOf(set);
  return { ...set, portraits, heads: set.turn ? [...portraits.keys()] : set.photos };
}

/** Makes views; each depends only on the seeds it is asked for with. */
export class Composer {
  readonly #sets: readonly Prepared[];

  constructor(sets: readonly PhotoSet[]) {
    this.#sets = sets.map(prepare);
  }

  /** A view with the labelled faces in it, as fractions of its side. */
  compose(job: ViewJob): Sample {
    const { seed, step, index, size, shares, plain = 0 } = job;
    const random = seededRandom(seed, step, index);
    const sets = this.#sets
      .filter(({ from }) => from <= step)
      .map((set) => ({ ...set, share: shares?.[set.name] ?? set.share }));
    const isPlain = plain > 0 && chance(random, plain);
    const fill = (region: Region) => fillRegion(view, region, { ...job, random, sets, isPlain });
    const view = new View(size);
    const half = size / 2;
    if (!isPlain && chance(random, MOSAIC)) {
      for (const [left, top] of [
        [0, 0],
        [half, 0],
        [0, half],
        [half, half],
      ]) {
        fill({ left, top, right: left + half, bottom: top + half });
      }
    } else fill({ left: 0, top: 0, right: size, bottom: size });
    if (!isPlain) occludeFaces(view.canvas, view.landmarks, random);
    changeColours(view.canvas, random);
    if (!isPlain) degrade(view.canvas, random);
    return view.sample(`${step}-${index}`);
  }
}

interface Draw extends ViewJob {
  readonly random: Random;
  readonly sets: readonly Prepared[];
  readonly isPlain: boolean;
}

function fillRegion(view: View, region: Region, draw: Draw): void {
  const { random, sets, cover, isPlain } = draw;
  const set = pickSet(random, sets);
  const paste = !isPlain && chance(random, set.paste);
  const drawn = pick(random, paste ? pickSet(random, sets).photos : set.photos);
  const blur = !isPlain && chance(random, BLURRED) ? 1 : 0;
  const turned = paste || isPlain ? undefined : turnHead(set, drawn, region, draw);
  const { photo, placement: aimed } = turned ?? {
    photo: drawn,
    placement: aim(drawn, region, draw),
  };
  const placement = cover > 0 && chance(random, cover) ? covering(photo, aimed, region) : aimed;
  view.draw(photo, placement, region, blur);
  if (set.complete && !paste) view.complete.push(region);
  if (paste) pasteHeads(view, set, region, draw);
}

/** Lays heads on what is there; they do not overlap each other. */
function pasteHeads(view: View, set: Prepared, region: Region, draw: Draw): void {
  const { random } = draw;
  const { heads } = set;
  if (heads.length === 0) return;
  const taken: { x: number; y: number; radius: number }[] = [];
  const count = 1 + random.integer(MOST_PASTED);
  for (let i = 0; i < count; i++) {
    const drawn = pick(random, heads);
    const turned = turnHead(set, drawn, region, draw, true);
    const photo = turned?.photo ?? drawn;
    const placement = turned?.placement ?? aimAt(drawn, drawn.faces[0], region, draw);
    const head = headOf(photo, placement);
    if (!head) continue;
    const [x, y] = head.centre;
    const radius = head.radii[1];
    if (taken.some((o) => Math.hypot(o.x - x, o.y - y) < (o.radius + radius) * 0.8)) continue;
    taken.push({ x, y, radius });
    view.paste(photo, placement, region, head);
  }
}

/** Now and then, a portrait with its head turned, and where it goes; it need not fill the region if it is `pasted`. */
function turnHead(
  { turn, portraits }: Prepared,
  photo: Photo,
  region: Region,
  draw: Draw,
  pasted = false,
): { readonly photo: Photo; readonly placement: Placement } | undefined {
  const { random } = draw;
  const fit = portraits.get(photo);
  if (!turn || !fit || !chance(random, turn.share)) return undefined;
  const scale = scaleFor(photo, photo.faces[0], region, draw, pasted);
  const turned = turnedPhoto(photo, fit, drawTurn(random, turn), scale);
  const left = scale * (photo.pyramid[0].width / turned.pyramid[0].width);
  return { photo: turned, placement: placeAt(turned.faces[0], left, region, draw) };
}

/** The placement moved so that the photo, if it is large enough, leaves no gap at the region's edges. */
function covering({ pyramid }: Photo, placement: Placement, region: Region): Placement {
  const { from, at, mirrored } = placement;
  const [scaleX, scaleY] = scalesOf(placement);
  const width = pyramid[0].width * scaleX;
  const height = pyramid[0].height * scaleY;
  const before = (mirrored ? pyramid[0].width - from[0] : from[0]) * scaleX;
  const move = (start: number, length: number, low: number, high: number) =>
    length < high - low ? 0 : Math.min(0, low - start) + Math.max(0, high - start - length);
  const dx = move(at[0] - before, width, region.left, region.right);
  const dy = move(at[1] - from[1] * scaleY, height, region.top, region.bottom);
  return { ...placement, at: [at[0] + dx, at[1] + dy] };
}

function aim(photo: Photo, region: Region, draw: Draw): Placement {
  const { random, background = BACKGROUND } = draw;
  const face = chance(random, background) ? undefined : pickFace(random, photo.faces);
  if (face) return aimAt(photo, face, region, draw);
  const { width, height } = photo.pyramid[0];
  const scale = logUniform(random, leastScale(photo, region), 1.5);
  const from = [random.uniform(0, width), random.uniform(0, height)] as const;
  return { ...turned(region, random), from, scale };
}

/** The scale at which the photo's long side just fills the region. */
function leastScale({ pyramid }: Photo, { left, right }: Region): number {
  return (right - left) / Math.max(pyramid[0].width, pyramid[0].height);
}

/** A placement that brings a face to a random size and place of the region. */
function aimAt(photo: Photo, face: PhotoFace, region: Region, draw: Draw): Placement {
  return placeAt(face, scaleFor(photo, face, region, draw), region, draw);
}

/** A scale at which a face has a random size, and the photo fills the region unless it is `pasted`. */
function scaleFor(
  photo: Photo,
  face: PhotoFace,
  region: Region,
  { random, least = LEAST_SIDE, most = MOST_SIDE }: Draw,
  pasted = false,
): number {
  const largest = most * (region.right - region.left);
  const wanted = logUniform(random, least, largest) / sideOf(face.box);
  return Math.min(LARGEST_SCALE, Math.max(pasted ? 0 : leastScale(photo, region), wanted));
}

/** A placement that brings a face to a random place of the region. */
function placeAt(face: PhotoFace, scale: number, region: Region, draw: Draw): Placement {
  const { random, inside = 0 } = draw;
  const [x1, y1, x2, y2] = face.box;
  const margin = (inside * sideOf(face.box) * scale) / 2;
  return { ...turned(region, random, margin), from: [(x1 + x2) / 2, (y1 + y2) / 2], scale };
}

/** How a photo lies at a random place of the region whose edges its middle keeps off by a margin. */
function turned({ left, top, right, bottom }: Region, random: Random, margin = 0) {
  const stretch = chance(random, STRETCHED) ? logUniform(random, ...STRETCHES) : 1;
  const within = (low: number, high: number, most: number) => {
    const inset = Math.min(most, (high - low) / 2);
    return random.uniform(low + inset, high - inset);
  };
  const at = [
    within(left, right, margin * stretch),
    within(top, bottom, margin / stretch),
  ] as const;
  const angle = chance(random, TURNED) ? random.uniform(-LARGEST_ANGLE, LARGEST_ANGLE) : 0;
  return { at, angle, mirrored: chance(random, 0.5), stretch };
}

/** What of a photo is its head, in the view. */
function headOf({ faces, matte }: Photo, placement: Placement): Ellipse | undefined {
  const { angle, stretch = 1 } = placement;
  if (matte) return matteEllipse(matte, placement);
  const { landmarks } = faces[0];
  if (!landmarks) return undefined;
  const point = (i: number) => place(placement, landmarks[i * 2], landmarks[i * 2 + 1]);
  const [a, b, c, d] = [point(0), point(1), point(3), point(4)];
  const eyes = Math.hypot(a[0] - b[0], a[1] - b[1]);
  const mean = (k: number) => (a[k] + b[k]) * 0.35 + (c[k] + d[k]) * 0.15;
  const radii = [eyes * HEAD_RADII[0], (eyes * HEAD_RADII[1]) / stretch ** 2] as const;
  return { centre: [mean(0), mean(1)], radii, angle };
}

/** An ellipse that holds a matte, its second half axis as long as the matte's larger side is. */
function matteEllipse({ left, top, cell, columns, rows }: Matte, placement: Placement): Ellipse {
  const [scaleX, scaleY] = scalesOf(placement);
  const [width, height] = [columns * cell * scaleX, rows * cell * scaleY];
  const centre = place(placement, left + (columns * cell) / 2, top + (rows * cell) / 2);
  const radii = [Math.hypot(width, height) / 2, Math.max(width, height) / 2] as const;
  return { centre, radii, angle: placement.angle };
}

/** A view being made. */
class View {
  readonly canvas: Canvas;
  /** In pixels, as everything that is kept here. */
  readonly landmarks: number[] = [];
  readonly complete: Region[] = [];
  readonly #boxes: number[] = [];
  readonly #ignored: number[] = [];

  constructor(size: number) {
    this.canvas = newCanvas(size);
  }

  draw(photo: Photo, placement: Placement, region: Region, blur: number): void {
    drawPhoto(this.canvas, photo.pyramid, placement, region, { blur });
    for (const face of photo.faces) if (face.labelled) this.#label(face, placement, region);
  }

  paste(photo: Photo, placement: Placement, region: Region, mask: Ellipse): void {
    drawPhoto(this.canvas, photo.pyramid, placement, region, { mask, matte: photo.matte });
    this.#label(photo.faces[0], placement, region);
  }

  sample(id: string): Sample {
    const { data, size } = this.canvas;
    const fraction = (value: number) => value / size;
    return {
      id,
      image: { data, width: size, height: size },
      boxes: Float32Array.from(this.#boxes, fraction),
      landmarks: Float32Array.from(this.landmarks, fraction),
      ignored: Uint8Array.from(this.#ignored),
      complete: Float32Array.from(
        this.complete.flatMap(({ left, top, right, bottom }) => [left, top, right, bottom]),
        fraction,
      ),
    };
  }

  #label({ box, landmarks, ignored }: PhotoFace, placement: Placement, region: Region): void {
    const [x, y] = place(placement, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    if (x < region.left || x >= region.right || y < region.top || y >= region.bottom) return;
    const [scaleX, scaleY] = scalesOf(placement);
    const w = ((box[2] - box[0]) / 2) * scaleX;
    const h = ((box[3] - box[1]) / 2) * scaleY;
    this.#boxes.push(x - w, y - h, x + w, y + h);
    this.#ignored.push(ignored ? 1 : 0);
    for (let i = 0; i < 5; i++) {
      const from = placement.mirrored ? MIRRORED_LANDMARKS[i] : i;
      const known = landmarks ?? NO_LANDMARKS;
      this.landmarks.push(...place(placement, known[from * 2], known[from * 2 + 1]));
    }
  }
}

const NO_LANDMARKS: readonly number[] = Array<number>(LANDMARK_COORDINATES).fill(Number.NaN);
