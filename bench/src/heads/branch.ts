#!/usr/bin/env node
/**
 * `npm run bench:branch -- --weights FILE`: what a detector's branch for meshes says of made-up heads that it has not seen,
 * pasted into validation photos, by how far they are turned, where the detector finds them; with `--portraits` where its five
 * landmarks are on portraits whose landmarks are known; with `--picture` a picture of the faces of photos, what was found and
 * what it looks like. By WebAssembly.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  drawOnHost,
  faceTemplate,
  landmarksOf,
  poseOfCamera,
  projectOnHost,
  type Square,
} from "@retinaface-webgpu/mesh";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { createSampler, type KnownMesh, plainAugment, type Sample } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { type Face, overlap, type RawImage, RetinaFace, toRawImage } from "retinaface-webgpu";
import { describeMachine } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";
import { PIXELS, SIZE } from "./data.js";
import { BranchLook, type SaidMesh } from "./look.js";
import { pictureOf, type Shown } from "./picture.js";

const SIDE = 256;
const SEED = 987;
const BANDS = [0, 15, 45, 75];
const [{ positions: TEMPLATE, triangles: TRIANGLES }] = faceTemplate().levels;
/** Made-up heads look little like faces: the detector gives them low scores. */
const LEAST_SCORE = 0.05;
/** Of the pictures: this many faces, of at least so many pixels and of this score. */
const PICTURED = { faces: 10, pixels: 48, score: 0.8 };

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Distance of the eyes, of rows of `width` numbers. */
function eyesOf(vertices: ArrayLike<number>, width: number): number {
  const [left, right] = landmarksOf(vertices, width);
  return Math.hypot(...left.map((v, k) => v - right[k]));
}

/** Mean distance of rows of `width` numbers. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, width: number): number {
  const count = a.length / width;
  return mean(
    Array.from({ length: count }, (_, v) => {
      const off = Array.from({ length: width }, (_, k) => a[v * width + k] - b[v * width + k]);
      return Math.hypot(...off);
    }),
  );
}

/** Errors of one head, in percent of the eyes' distance. */
interface Errors {
  readonly yaw: number;
  readonly shape: number;
  readonly template: number;
  readonly seen: number;
  readonly turned: number;
}

/** The samples of photos, with made-up heads or without. */
async function* samplesOf(data: string, heads: number): AsyncGenerator<Sample> {
  const { records } = loadDataset(data);
  const sampler = createSampler({ records, seed: SEED, augment: { ...plainAugment(SIDE), heads } });
  for (let index = 0; index < records.length; index++) {
    const loaded = await sampler.load({ epoch: 0, index });
    if ("sample" in loaded) yield loaded.sample;
  }
}

function errorsOf(said: SaidMesh, known: KnownMesh): Errors {
  const { x, y, side } = said.square;
  const places = known.places.map((v, i) => (v * SIDE - (i % 2 === 0 ? x : y)) / side);
  const seen = said.positions.filter((_, i) => i % 3 !== 2);
  const eyes = eyesOf(known.vertices, 3);
  return {
    yaw: Math.abs(known.pose.yaw),
    shape: (100 * distance(said.vertices, known.vertices, 3)) / eyes,
    template: (100 * distance(TEMPLATE, known.vertices, 3)) / eyes,
    seen: 100 * distance(seen, places, 2),
    turned: Math.abs(poseOfCamera(said.camera).yaw - known.pose.yaw),
  };
}

/** Made-up heads on photos: errors of those that are found, undefined for others. */
async function* lookAtHeads(look: BranchLook, data: string) {
  for await (const sample of samplesOf(data, 2)) {
    const found = await look.look(sample.image, LEAST_SCORE);
    for (const known of sample.meshes ?? []) {
      const own = sample.boxes.subarray(known.face * 4, known.face * 4 + 4);
      const [x1, y1, x2, y2] = own.map((v) => v * SIDE);
      const box: Face["box"] = [x1, y1, x2, y2];
      const near = found.filter(({ face }) => overlap(face.box, box) >= 0.5);
      const best = near.sort((a, b) => overlap(b.face.box, box) - overlap(a.face.box, box)).at(0);
      yield { yaw: Math.abs(known.pose.yaw), errors: best && errorsOf(best, known) };
    }
  }
}

async function tellOfHeads(look: BranchLook, data: string): Promise<void> {
  const all: { yaw: number; errors: Errors | undefined }[] = [];
  for await (const one of lookAtHeads(look, data)) all.push(one);
  for (const [k, low] of BANDS.slice(0, -1).entries()) {
    const band = all.filter(({ yaw }) => yaw >= low && yaw < BANDS[k + 1]);
    const own = band.flatMap(({ errors }) => errors ?? []);
    const of = (name: keyof Errors) => mean(own.map((one) => one[name])).toFixed(1);
    console.log(
      `yaw ${low} to ${BANDS[k + 1]} (${own.length} of ${band.length} heads found): vertices off by ${of("shape")} % of the ` +
        `eyes' distance (the template ${of("template")} %), in the image by ${of("seen")} % of the square, yaw by ` +
        `${of("turned")} degrees`,
    );
  }
}

/** A square of an image in the picture's pixels, each the mean of four points. */
function cutOut({ data, width, height }: RawImage, { x, y, side }: Square): Float32Array {
  const photo = new Float32Array(PIXELS * 3);
  const [rows, columns] = SIZE;
  const inside = (v: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(v)));
  for (let i = 0; i < PIXELS * 4; i++) {
    const pixel = i >> 2;
    const across = ((pixel % columns) + 0.25 + 0.5 * (i & 1)) / columns;
    const down = (Math.floor(pixel / columns) + 0.25 + 0.5 * ((i >> 1) & 1)) / rows;
    const at = inside(y + down * side, height) * width + inside(x + across * side, width);
    for (let c = 0; c < 3; c++) photo[pixel * 3 + c] += data[at * 4 + c] / (4 * 255);
  }
  return photo;
}

/** The largest face of each of the first photos that have one large and sure enough. */
async function picture(look: BranchLook, data: string): Promise<Uint8Array> {
  const shown: Shown[] = [];
  for await (const { image } of samplesOf(data, 0)) {
    const faces = (await look.look(image, PICTURED.score))
      .filter(({ face: { box } }) => box[2] - box[0] >= PICTURED.pixels)
      .sort((a, b) => b.square.side - a.square.side);
    if (faces.length === 0) continue;
    const [{ square, vertices, colours, camera, light }] = faces;
    const drawn = drawOnHost({ vertices, colours, camera, light }, TRIANGLES, SIZE);
    const positions = Float32Array.from(projectOnHost(vertices, camera, SIZE));
    const mask = Float32Array.from(drawn.mask);
    shown.push({ photo: cutOut(image, square), positions, image: drawn.image, mask });
    if (shown.length === PICTURED.faces) break;
  }
  return pictureOf(shown);
}

/** Landmarks read off the mesh of portraits, and those of the landmark head, in percent of the eyes' distance. */
async function lookAtPortraits(bytes: Uint8Array, folder: string): Promise<void> {
  const detector = await RetinaFace.load({ weights: bytes, backend: "wasm" });
  const [, ...rows] = readFileSync(path.join(folder, "landmarks.tsv"), "utf8").trim().split("\n");
  const errors = { mesh: [] as number[], head: [] as number[] };
  let missed = 0;
  for (const row of rows) {
    const [file, , , ...numbers] = row.split("\t");
    const known = numbers.slice(0, 8).map(Number);
    if (numbers[0] === "") continue;
    const image = await toRawImage(path.join(folder, "images", file));
    const [face] = await detector.detect(image, { mesh: true, maxSide: 320 });
    if (!face?.mesh) {
      missed++;
      continue;
    }
    const { leftEye, rightEye, leftMouth, rightMouth } = face.landmarks;
    const off = (points: readonly (readonly number[])[]) => {
      const eyes = Math.hypot(known[2] - known[0], known[3] - known[1]);
      return (
        mean(points.map(([x, y], i) => Math.hypot(x - known[2 * i], y - known[2 * i + 1]))) / eyes
      );
    };
    const [left, right, , ...mouth] = landmarksOf(face.mesh.vertices);
    errors.mesh.push(100 * off([left, right, ...mouth]));
    errors.head.push(100 * off([leftEye, rightEye, leftMouth, rightMouth]));
  }
  detector.dispose();
  const shown = Object.entries(errors).map(([name, own]) => `${name} ${mean(own).toFixed(1)} %`);
  console.log(`portraits: ${errors.mesh.length}, ${missed} without a mesh; ${shown.join(", ")}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      weights: { type: "string" },
      data: { type: "string" },
      portraits: { type: "string" },
      picture: { type: "string" },
    },
  });
  const { weights, data, portraits, picture: file } = values;
  if (!weights || !data) {
    throw new UsageError(
      "usage: --weights FILE --data SPEC [--portraits FOLDER] [--picture FILE.png]",
    );
  }
  const bytes = new Uint8Array(readFileSync(weights));
  const { cpu, cores, loadAverage, date } = describeMachine();
  console.log(`${date}, ${cpu}, ${cores} cores, load ${loadAverage}`);
  const engine = await WasmEngine.create({ threads: 1 });
  const host = await createHostDevice(engine);
  try {
    const look = await BranchLook.create(host, engine, bytes, SIDE);
    if (file) writeFileSync(file, await picture(look, data));
    if (portraits) await lookAtPortraits(bytes, portraits);
    await tellOfHeads(look, data);
    look.dispose();
  } finally {
    host.destroy();
    engine.dispose();
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
