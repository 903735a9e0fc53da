#!/usr/bin/env node
// Makes pictures to learn the detection of animals' faces from where only cut out faces are at hand: faces with soft edges on
// photos that show no face, beside decoys, pieces of other photos cut out in the same way. Writes train.jsonl and val.jsonl, for
// `train --data`, and their pictures. Neither animals nor photos of val are in train. Photos whose names --leave-out matches are
// not taken: those that show animals, which the labels do not tell.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { encodePng } from "../packages/retinaface/dist/index.node.js";
import { loadImage, resample, seededRandom } from "../packages/train/dist/index.js";

const [WIDTH, HEIGHT] = [320, 240];
/** Sides of faces in pixels, and how many of them and of decoys a picture has at most. */
const SIDES = [24, 150];
const MOST = { faces: 4, decoys: 3 };
/** Every so many-th animal is kept for val. */
const KEPT = 5;

const USAGE =
  "usage: cattle-scenes.mjs --faces DIR --photos labels.jsonl --out DIR [--leave-out PATTERN] [--train 320] [--val 80] [--seed 1]";

const { values } = parseArgs({
  options: {
    faces: { type: "string" },
    photos: { type: "string" },
    out: { type: "string" },
    "leave-out": { type: "string", default: "$^" },
    train: { type: "string", default: "320" },
    val: { type: "string", default: "80" },
    seed: { type: "string", default: "1" },
  },
});
if (!values.faces || !values.photos || !values.out) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}
if (existsSync(values.out)) {
  process.stderr.write(`${values.out} is there already: give another folder\n`);
  process.exit(2);
}

const seed = Number(values.seed);
const oneOf = (random, list) => list[random.integer(list.length)];
const between = (random, [least, most]) =>
  Math.exp(random.uniform(Math.log(least), Math.log(most)));

/** Photos without a face, by whether they are kept for val: those with a 0 or 1 behind the hyphen. */
function photosOf(file) {
  const rows = readFileSync(file, "utf8").split("\n").filter(Boolean).map(JSON.parse);
  const leftOut = new RegExp(values["leave-out"]);
  const names = rows
    .filter(({ image, faces }) => faces.length === 0 && !leftOut.test(image))
    .map(({ image }) => image);
  const files = (wanted) =>
    names
      .filter((name) => /-[01]/.test(name) === wanted)
      .map((name) => path.join(path.dirname(file), name));
  return { train: files(false), val: files(true) };
}

function facesOf(folder) {
  const files = (wanted) =>
    readdirSync(folder)
      .sort()
      .filter((_, i) => (i % KEPT === 0) === wanted)
      .flatMap((animal) =>
        readdirSync(path.join(folder, animal)).map((name) => path.join(folder, animal, name)),
      );
  return { train: files(false), val: files(true) };
}

/** A part of a photo, as large as the picture. */
async function background(file, random) {
  const photo = await loadImage(file);
  const scale = Math.max(WIDTH / photo.width, HEIGHT / photo.height) * random.uniform(1, 1.5);
  const [width, height] = [photo.width, photo.height].map((n) => Math.ceil(n * scale));
  const large = resample(photo, width, height, "area");
  const left = random.integer(width - WIDTH + 1);
  const top = random.integer(height - HEIGHT + 1);
  return cut(large, left, top, WIDTH, HEIGHT);
}

function cut({ data, width: row }, left, top, width, height) {
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * row + left) * 4;
    out.set(data.subarray(from, from + width * 4), y * width * 4);
  }
  return { data: out, width, height };
}

/** How much of a cut out piece is seen at a place of it, from -1 to 1 either way: soft towards a rounded edge. */
function coverage(u, v) {
  const rim = (u ** 4 + v ** 4) ** 0.25;
  return Math.max(0, Math.min(1, (1 - rim) / 0.12));
}

/** Lays a piece on the picture, a little lighter or darker. */
function lay(scene, piece, [left, top], light) {
  const { data, width, height } = piece;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = coverage((2 * (x + 0.5)) / width - 1, (2 * (y + 0.5)) / height - 1);
      const to = ((top + y) * scene.width + left + x) * 4;
      const from = (y * width + x) * 4;
      for (let c = 0; c < 3; c++) {
        scene.data[to + c] += share * (data[from + c] * light - scene.data[to + c]);
      }
    }
  }
}

/** A free place for a piece; undefined where none was found. */
function placeFor(width, height, taken, random) {
  for (let tries = 0; tries < 20; tries++) {
    const x = random.integer(WIDTH - width + 1);
    const y = random.integer(HEIGHT - height + 1);
    const isFree = taken.every(
      ([x1, y1, x2, y2]) => x >= x2 || y >= y2 || x + width <= x1 || y + height <= y1,
    );
    if (isFree) return [x, y];
  }
  return undefined;
}

/** @returns the picture and the boxes of its faces */
async function makeScene(faces, photos, random) {
  const scene = await background(oneOf(random, photos), random);
  const taken = [];
  const boxes = [];
  const add = async (isFace) => {
    const source = isFace
      ? await loadImage(oneOf(random, faces))
      : await background(oneOf(random, photos), random);
    const side = between(random, SIDES);
    const aspect = isFace ? source.width / source.height : between(random, [0.5, 1.2]);
    const width = Math.min(WIDTH - 2, Math.round(side * Math.sqrt(aspect)));
    const height = Math.min(HEIGHT - 2, Math.round(side / Math.sqrt(aspect)));
    const place = placeFor(width, height, taken, random);
    if (!place) return;
    const box = [...place, place[0] + width, place[1] + height];
    taken.push(box);
    if (isFace) boxes.push(box);
    lay(scene, resample(source, width, height, "area"), place, random.uniform(0.75, 1.25));
  };
  for (let n = random.integer(MOST.faces + 1); n > 0; n--) await add(true);
  for (let n = random.integer(MOST.decoys + 1); n > 0; n--) await add(false);
  return { scene, boxes };
}

const photos = photosOf(values.photos);
const animals = facesOf(values.faces);
for (const [part, count] of [
  ["train", Number(values.train)],
  ["val", Number(values.val)],
]) {
  mkdirSync(path.join(values.out, part), { recursive: true });
  const lines = [];
  for (let n = 0; n < count; n++) {
    const random = seededRandom(seed, part === "val" ? 1 : 0, n);
    const { scene, boxes } = await makeScene(animals[part], photos[part], random);
    const image = `${part}/${String(n).padStart(4, "0")}.png`;
    writeFileSync(path.join(values.out, image), encodePng(scene));
    const faces = boxes.map((box) => ({ box }));
    lines.push(JSON.stringify({ image, width: WIDTH, height: HEIGHT, faces }));
  }
  writeFileSync(path.join(values.out, `${part}.jsonl`), `${lines.join("\n")}\n`);
}
