/** Made-up heads pasted into training images: the only faces whose meshes are known. */
import {
  drawOnHost,
  faceTemplate,
  type GeneratedHead,
  HeadGenerator,
  type HostScene,
  landmarksOf,
} from "@retinaface-webgpu/mesh";
import type { Random } from "@retinaface-webgpu/tensor";
import { BOX_NUMBERS, LEAST_MESH_SIDE } from "retinaface-webgpu";
import type { KnownMesh, Sample } from "./sample.js";

/** Sides of the pasted picture: from that of the smallest face with a mesh, which fills at least 0.6 of it. */
const LEAST_SIDE = LEAST_MESH_SIDE / 0.6;
/** To this share of the image. */
const MOST_SHARE = 0.75;
/** Tries to find a place where no face is. */
const TRIES = 10;
/** Drawn so many times as large, and averaged: edges like those of photographs. */
const FINER = 2;

let generator: HeadGenerator | undefined;

/** A picture in the image, in pixels. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** A place whose picture overlaps no box; undefined where none was found. */
function placeFor(size: number, boxes: readonly number[][], random: Random): Place | undefined {
  const most = MOST_SHARE * size;
  if (most < LEAST_SIDE) return undefined;
  for (let k = 0; k < TRIES; k++) {
    const side = Math.round(LEAST_SIDE * (most / LEAST_SIDE) ** random.uniform());
    const [x, y] = [0, 1].map(() => Math.floor(random.uniform(0, size - side + 1)));
    const isFree = boxes.every(
      ([x1, y1, x2, y2]) => x2 <= x || x1 >= x + side || y2 <= y || y1 >= y + side,
    );
    if (isFree) return { x, y, side };
  }
  return undefined;
}

/** Draws a head into an image. @returns where its vertices are, in pixels: `[v, 3]`, x, y and depth */
function draw({ image }: Sample, scene: HostScene, { x, y, side }: Place): Float64Array {
  const [{ triangles }] = faceTemplate().levels;
  const wide = side * FINER;
  const drawn = drawOnHost(scene, triangles, [wide, wide]);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const sums = [0, 0, 0];
      let covered = 0;
      for (let k = 0; k < FINER * FINER; k++) {
        const pixel = (row * FINER + Math.floor(k / FINER)) * wide + column * FINER + (k % FINER);
        if (drawn.mask[pixel] === 0) continue;
        covered++;
        for (let c = 0; c < 3; c++) sums[c] += Math.min(1, drawn.image[pixel * 3 + c]);
      }
      if (covered === 0) continue;
      const share = covered / (FINER * FINER);
      const at = ((y + row) * image.width + x + column) * 4;
      for (let c = 0; c < 3; c++) {
        image.data[at + c] = Math.round(
          (255 * sums[c]) / (FINER * FINER) + (1 - share) * image.data[at + c],
        );
      }
    }
  }
  return drawn.positions.map((value, i) => (i % 3 === 2 ? value : value / FINER + [x, y][i % 3]));
}

/** What is known of a head whose vertices are at `positions`, as fractions of the image's side. */
function labelsOf(positions: Float64Array, size: number, face: number, head: GeneratedHead) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const places = new Float32Array((positions.length / 3) * 2);
  for (let v = 0; v < positions.length / 3; v++) {
    const [x, y] = [positions[3 * v] / size, positions[3 * v + 1] / size];
    places.set([x, y], 2 * v);
    box.splice(
      0,
      4,
      Math.min(box[0], x),
      Math.min(box[1], y),
      Math.max(box[2], x),
      Math.max(box[3], y),
    );
  }
  const landmarks = landmarksOf(places, 2).flat();
  const mesh: KnownMesh = { face, places, vertices: head.vertices, pose: head.pose };
  return { box, landmarks, mesh };
}

/**
 * Pastes up to `count` heads where no face is. They are ignored by what finds faces, since they look like no photograph: they
 * train neither as face nor as background, and their meshes are known.
 *
 * @param sample whose image is drawn into
 */
export function pasteHeads(sample: Sample, count: number, random: Random): Sample {
  generator ??= new HeadGenerator();
  const size = sample.image.width;
  const boxes = Array.from({ length: sample.boxes.length / BOX_NUMBERS }, (_, f) =>
    Array.from(sample.boxes.subarray(f * BOX_NUMBERS, (f + 1) * BOX_NUMBERS), (v) => v * size),
  );
  const before = boxes.length;
  const added: ReturnType<typeof labelsOf>[] = [];
  for (let k = 0; k < count; k++) {
    const place = placeFor(size, boxes, random);
    const scene = generator.head(random.uint32());
    if (!place) continue;
    const positions = draw(sample, scene, place);
    boxes.push([place.x, place.y, place.x + place.side, place.y + place.side]);
    added.push(labelsOf(positions, size, before + added.length, scene));
  }
  if (added.length === 0) return sample;
  const { labels, classes } = sample;
  return {
    ...sample,
    boxes: Float32Array.of(...sample.boxes, ...added.flatMap(({ box }) => box)),
    landmarks: Float32Array.of(...sample.landmarks, ...added.flatMap((one) => one.landmarks)),
    ignored: Uint8Array.of(...sample.ignored, ...added.map(() => 1)),
    ...(labels && { labels: [...labels, ...added.map(() => MADE_UP)] }),
    ...(classes && { classes: Uint8Array.of(...classes, ...added.map(() => 1)) }),
    meshes: added.map(({ mesh }) => mesh),
  };
}

/** What pasted heads are called among a sample's labels. */
const MADE_UP = "made-up head";
