/** What a batch says of meshes: which faces the branch looks at, and what is known of each. */
import {
  CORNERS,
  faceTemplate,
  HINT_LENGTH,
  hintOf,
  type MapPlace,
  PATCH_POINTS,
  type Square,
  samplesOf,
  squareAround,
} from "@retinaface-webgpu/mesh";
import { Random } from "@retinaface-webgpu/tensor";
import {
  BOX_NUMBERS,
  LANDMARK_COORDINATES,
  LEAST_MESH_SIDE,
  type RawImage,
} from "retinaface-webgpu";
import type { KnownMesh, Sample } from "../augment/sample.js";
import { isSound } from "./overlaps.js";

/** A face that trains the branch. */
interface MeshFace {
  /** Its image in the batch. */
  readonly image: number;
  readonly sample: Sample;
  /** In pixels. */
  readonly box: Float32Array;
  /** In fractions of the image's side. */
  readonly landmarks: Float32Array;
  readonly known: KnownMesh | undefined;
}

/** How many faces of a batch train, and the side of the pictures that are drawn of them, in pixels. */
export interface MeshTargetSize {
  readonly faces: number;
  readonly pixels: number;
  /**
   * How far squares are beside those of the labels, as a part of their side, and landmarks an eighth of it: those that a
   * detector finds are no more exact. Default 0.
   */
  readonly jitter?: number;
}

/** A row a face; those that no face has count nothing. F faces, S pixels, V vertices. */
export interface MeshTargets {
  /** `[F, 64, 4]`, see `patchesOf`. */
  readonly cells: Int32Array;
  /** `[F, 64, 4]`. */
  readonly shares: Float32Array;
  /** `[F, 10]`: see `hintOf`. */
  readonly hints: Float32Array;
  /** `[F, S, S, 3]`, 0 to 1. */
  readonly photo: Float32Array;
  /** `[F, S, S, 1]`: 1 where there is a face's photograph. */
  readonly seen: Float32Array;
  /** `[F, 5, 2]`, as parts of the square. */
  readonly landmarks: Float32Array;
  /** `[F, 1, 1]`: F over the number of faces that have this label, 0 for the others. */
  readonly landmarkWeights: Float32Array;
  /** `[F, V, 3]`; the template's where they are not known. */
  readonly vertices: Float32Array;
  /** `[F, V, 2]`, as parts of the square. */
  readonly places: Float32Array;
  /** `[F, 1, 1]`. */
  readonly knownWeights: Float32Array;
}

/** Faces of an image that are large enough and of which the mesh or the landmarks are known. */
function facesOf(sample: Sample, image: number): MeshFace[] {
  const { boxes, landmarks, ignored, meshes = [], image: picture } = sample;
  const known = new Map(meshes.map((mesh) => [mesh.face, mesh]));
  const found: MeshFace[] = [];
  for (let f = 0; f < boxes.length / BOX_NUMBERS; f++) {
    const box = boxes
      .slice(f * BOX_NUMBERS, (f + 1) * BOX_NUMBERS)
      .map((value, i) => value * (i % 2 === 0 ? picture.width : picture.height));
    if (!isSound(box) || Math.min(box[2] - box[0], box[3] - box[1]) < LEAST_MESH_SIDE) continue;
    const own = landmarks.slice(f * LANDMARK_COORDINATES, (f + 1) * LANDMARK_COORDINATES);
    const mesh = known.get(f);
    if (mesh || (!ignored[f] && own.every(Number.isFinite))) {
      found.push({ image, sample, box, landmarks: own, known: mesh });
    }
  }
  return found;
}

/** Faces in turn of those whose mesh is known and those of photographs, the largest first. */
function chooseFaces(samples: readonly Sample[], count: number): MeshFace[] {
  const all = samples.flatMap(facesOf);
  const side = ({ box }: MeshFace) => Math.max(box[2] - box[0], box[3] - box[1]);
  const known = all.filter((face) => face.known);
  const real = all.filter((face) => !face.known).sort((a, b) => side(b) - side(a));
  const chosen: MeshFace[] = [];
  for (let i = 0; i < Math.max(known.length, real.length); i++) {
    chosen.push(...known.slice(i, i + 1), ...real.slice(i, i + 1));
  }
  return chosen.slice(0, count);
}

/** Writes a square of a photograph, scaled to `side` pixels; each is the mean of as many points as it needs. */
function cutOut(
  { data, width, height }: RawImage,
  square: Square,
  side: number,
  photo: Float32Array,
  seen: Float32Array,
): void {
  const step = square.side / side;
  const points = Math.max(1, Math.ceil(step));
  const share = 1 / (255 * points * points);
  for (let pixel = 0; pixel < side * side; pixel++) {
    const left = square.x + (pixel % side) * step;
    const top = square.y + Math.floor(pixel / side) * step;
    const [across, down] = [left + step / 2, top + step / 2];
    if (across < 0 || down < 0 || across >= width || down >= height) continue;
    seen[pixel] = 1;
    for (let p = 0; p < points * points; p++) {
      const x = left + (((p % points) + 0.5) * step) / points - 0.5;
      const y = top + ((Math.floor(p / points) + 0.5) * step) / points - 0.5;
      // Nothing is allocated for a point: they are many.
      const [i, j] = [Math.floor(x), Math.floor(y)];
      for (let corner = 0; corner < 4; corner++) {
        const column = i + (corner & 1);
        const row = j + (corner >> 1);
        const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row)) * share;
        const inside = Math.min(width - 1, Math.max(0, column));
        const at = (Math.min(height - 1, Math.max(0, row)) * width + inside) * 4;
        for (let c = 0; c < 3; c++) photo[pixel * 3 + c] += weight * data[at + c];
      }
    }
  }
}

/** x and y in fractions of an image as parts of a square in its pixels. */
function inSquare(points: Float32Array, { width, height }: RawImage, square: Square): Float32Array {
  const { x, y, side } = square;
  return points.map((value, i) => (i % 2 === 0 ? value * width - x : value * height - y) / side);
}

/** Random numbers of a face, always the same. */
function randomOf({ box, landmarks }: MeshFace): Random {
  let seed = 0;
  for (const word of new Uint32Array(Float32Array.of(...box, ...landmarks).buffer)) {
    seed = (Math.imul(seed, 0x01000193) ^ word) >>> 0;
  }
  return new Random(seed);
}

function moved({ x, y, side }: Square, jitter: number, random: Random): Square {
  const [right, down, wider] = [0, 1, 2].map(() => jitter * random.uniform(-1, 1) * side);
  return { x: x + right - wider / 2, y: y + down - wider / 2, side: side + wider };
}

/** @param map of the finest heads, for images of the batch's size */
export function meshTargets(
  samples: readonly Sample[],
  map: MapPlace,
  { faces: room, pixels, jitter = 0 }: MeshTargetSize,
): MeshTargets {
  const [{ positions, vertices: count }] = faceTemplate().levels;
  const chosen = chooseFaces(samples, room);
  const numbers = (width: number) => new Float32Array(room * width);
  const targets: MeshTargets = {
    cells: new Int32Array(room * PATCH_POINTS * CORNERS),
    shares: numbers(PATCH_POINTS * CORNERS),
    hints: numbers(HINT_LENGTH),
    photo: numbers(pixels * pixels * 3),
    seen: numbers(pixels * pixels),
    landmarks: numbers(LANDMARK_COORDINATES),
    landmarkWeights: numbers(1),
    vertices: numbers(count * 3),
    places: numbers(count * 2),
    knownWeights: numbers(1),
  };
  const labelled = chosen.filter(({ landmarks }) => landmarks.every(Number.isFinite)).length;
  const known = chosen.filter((face) => face.known).length;
  for (let f = 0; f < room; f++) targets.vertices.set(positions, f * count * 3);
  for (const [f, face] of chosen.entries()) {
    const random = randomOf(face);
    const square = moved(squareAround(face.box), jitter, random);
    const { cells, weights } = samplesOf(square, map);
    const first = face.image * map.rows * map.columns;
    targets.cells.set(
      cells.map((cell) => cell + first),
      f * cells.length,
    );
    targets.shares.set(weights, f * weights.length);
    const { image } = face.sample;
    const part = (values: Float32Array, width: number) =>
      values.subarray(f * width, (f + 1) * width);
    const area = pixels * pixels;
    cutOut(image, square, pixels, part(targets.photo, area * 3), part(targets.seen, area));
    if (face.landmarks.every(Number.isFinite)) {
      const places = inSquare(face.landmarks, image, square);
      targets.landmarks.set(places, f * LANDMARK_COORDINATES);
      const found = places.map((value) => value + (jitter / 8) * random.normal());
      targets.hints.set(hintOf(found), f * HINT_LENGTH);
      targets.landmarkWeights[f] = room / labelled;
    }
    if (!face.known) continue;
    targets.vertices.set(face.known.vertices, f * count * 3);
    targets.places.set(inSquare(face.known.places, image, square), f * count * 2);
    targets.knownWeights[f] = room / known;
  }
  return targets;
}
