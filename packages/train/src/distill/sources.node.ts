import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Device } from "@retinaface-webgpu/tensor";
import { RetinaFace, RetinaFaceError, toRawImage } from "retinaface-webgpu";
import { WriteError, writeFileAtomic } from "retinaface-webgpu/node";
import { resample } from "../augment/resample.js";
import { loadDataset } from "../data/load.node.js";
import { readText } from "../data/read-text.node.js";
import { splitRecords } from "../data/split.js";
import { DataError } from "../errors.js";
import { detectorOn } from "../trainer/open-device.js";
import type { Photo, PhotoFace, PhotoSet } from "./photo.js";
import { buildPyramid, type RgbImage, toRgb } from "./pyramid.js";
import type { Recipe, SourceSpec } from "./recipe.js";
import { parseScored } from "./scored.js";

/** A photo on disk and what is labelled in it, in its own pixels. */
export interface SourceFile {
  /** Path below the data folder. */
  readonly id: string;
  readonly file: string;
  /** Absent where faces are to be found by the teacher. */
  readonly faces?: readonly PhotoFace[];
}

/** The photos of a source, those that train and those that no step sees. */
export interface SourceFiles {
  readonly spec: SourceSpec;
  readonly train: readonly SourceFile[];
  readonly held: readonly SourceFile[];
}

const IMAGE = /\.(jpe?g|png)$/i;
const MAX_SIDE = 2048;
/** Faces that the teacher finds in whole photos, to aim views at. */
const AIM = { visThreshold: 0.4, maxSide: 1600 };
/** Columns of a landmark table: the file, then left and right eye, left and right corner of the mouth. */
const POINTS = ["left_eye", "right_eye", "left_mouth", "right_mouth"] as const;

function photoFiles(folder: string): { id: string; file: string }[] {
  return readdirSync(folder)
    .filter((name) => IMAGE.test(name))
    .sort()
    .map((name) => ({ id: name, file: path.join(folder, name) }));
}

function vocFiles(folder: string): SourceFile[] {
  return loadDataset(`voc:${folder}`).records.map(({ id, image, boxes, ignored }) => {
    const faces = Array.from(ignored, (_, i): PhotoFace => {
      const [x1, y1, x2, y2] = boxes.subarray(i * 4, i * 4 + 4);
      return { box: [x1, y1, x2, y2], labelled: true };
    });
    return { id, file: image as string, faces };
  });
}

/** Narrowest mouth, in distances between the eyes. */
const LEAST_MOUTH = 0.25;

/** A face's box about its eyes and mouth, roughly where detectors put it. */
function boxAround(points: readonly (readonly [number, number])[]): PhotoFace["box"] {
  const x = points.reduce((sum, point) => sum + point[0], 0) / points.length;
  const y = points.reduce((sum, point) => sum + point[1], 0) / points.length;
  const eyes = Math.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]);
  return [x - eyes * 1.05, y - eyes * 1.45, x + eyes * 1.05, y + eyes * 1.25];
}

/**
 * Whether a face's corners of the mouth can be where a table puts them: some templates number their points
 * otherwise, and both come to lie on one side.
 */
function isPlausible({ landmarks }: PhotoFace): boolean {
  if (!landmarks) return true;
  const apart = (a: number, b: number) =>
    Math.hypot(landmarks[a * 2] - landmarks[b * 2], landmarks[a * 2 + 1] - landmarks[b * 2 + 1]);
  return apart(3, 4) > LEAST_MOUTH * apart(0, 1);
}

function landmarkFiles(table: string): SourceFile[] {
  const [head, ...rows] = readText(table)
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
  return rows.map((row) => {
    const number = (name: string) => Number(row[head.indexOf(name)]);
    const points = POINTS.map((name) => [number(`${name}_x`), number(`${name}_y`)] as const);
    if (points.flat().some((value) => !Number.isFinite(value))) {
      throw new DataError(
        `${table}: the row of ${row[0]} lacks a point: mend the row or take it out`,
      );
    }
    const nose = [Number.NaN, Number.NaN];
    const landmarks = [...points[0], ...points[1], ...nose, ...points[2], ...points[3]];
    const face = { box: boxAround(points), landmarks, labelled: true };
    return { id: row[0], file: path.join(path.dirname(table), "images", row[0]), faces: [face] };
  });
}

function scoredFiles(table: string): SourceFile[] {
  return parseScored(readText(table), table).map(({ image, faces }) => ({
    id: image,
    file: path.join(path.dirname(table), image),
    faces,
  }));
}

/** Which of a source's photos train: all but those whose names match, or a share by a shuffle of the names. */
function trainingIds(ids: readonly string[], holdOut: number | string, seed: number): Set<string> {
  if (typeof holdOut === "string") {
    const held = new RegExp(holdOut);
    return new Set(ids.filter((id) => !held.test(path.parse(id).name)));
  }
  const none = new Float32Array();
  const records = ids.map((id) => ({
    id,
    image: id,
    boxes: none,
    landmarks: none,
    labels: [],
    ignored: new Uint8Array(),
  }));
  return new Set(splitRecords(records, 1 - holdOut, seed).train.map(({ id }) => id));
}

function filesOf({ kind }: SourceSpec, target: string): SourceFile[] {
  if (!existsSync(target))
    throw new DataError(`There is no data at ${target}: check the recipe's paths and --data.`);
  if (kind === "voc") return vocFiles(target);
  if (kind === "scored") return scoredFiles(target);
  return kind === "landmarks" ? landmarkFiles(target) : photoFiles(target);
}

/**
 * Lists a recipe's photos, without those whose landmarks cannot be right; which are held out depends on their names and
 * the seed alone.
 */
export function listSources(recipe: Recipe, folder: string, out: string): SourceFiles[] {
  return recipe.sources.map((spec) => {
    const files = filesOf(
      spec,
      path.resolve(folder, spec.path.replace(/^\{out\}/, path.resolve(out))),
    );
    const ids = files.map(({ id }) => id);
    const kept = trainingIds(ids, spec.holdOut ?? recipe.holdOut, recipe.seed);
    const sound = files.filter(({ faces }) => faces?.every(isPlausible) ?? true);
    return {
      spec,
      train: sound.filter(({ id }) => kept.has(id)),
      held: sound.filter(({ id }) => !kept.has(id)),
    };
  });
}

interface Cached {
  readonly image: RgbImage;
  /** Scale of the cached picture to the file's. */
  readonly scale: number;
}

/** What is known of photos, on disk: their decoded pixels, so that a resumed run starts at once. */
export class PhotoCache {
  /** @throws RetinaFaceError `CACHE_UNWRITABLE` where there is no such folder and none can be made */
  constructor(readonly folder: string) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw unwritable(new WriteError(folder, cause));
    }
  }

  /** Keeps what was made for one of its paths. @throws RetinaFaceError `CACHE_UNWRITABLE` */
  async keep(at: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    try {
      await writeFileAtomic(at, bytes);
    } catch (error) {
      throw error instanceof WriteError ? unwritable(error) : error;
    }
  }

  /** Where something of a photo is kept; another place once the file has changed. */
  path(file: string, ending: string): string {
    const { size, mtimeMs } = statSync(file);
    const key = createHash("sha256").update(
      JSON.stringify([path.resolve(file), size, mtimeMs, ending]),
    );
    return path.join(this.folder, `${key.digest("hex").slice(0, 24)}.${ending}`);
  }

  async photo(file: string, maxSide: number): Promise<Cached> {
    const at = this.path(file, `${maxSide}.rgb`);
    if (existsSync(at)) {
      const bytes = await readFile(at);
      const [width, height, original] = new Uint32Array(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 12),
      );
      if (bytes.length === 12 + width * height * 3) {
        const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 12, width * height * 3);
        return { image: { data, width, height }, scale: width / original };
      }
    }
    const raw = await toRawImage(file);
    const scale = Math.min(1, maxSide / Math.max(raw.width, raw.height));
    const size = [raw.width, raw.height].map((side) => Math.max(2, Math.round(side * scale)));
    const image = toRgb(scale < 1 ? resample(raw, size[0], size[1], "area") : raw);
    const bytes = new Uint8Array(12 + image.data.length);
    bytes.set(new Uint8Array(Uint32Array.of(image.width, image.height, raw.width).buffer));
    bytes.set(image.data, 12);
    await this.keep(at, bytes);
    return { image, scale };
  }
}

/** A cache that holds everything is only read: one that takes nothing is told when something is missing. */
function unwritable(cause: WriteError): RetinaFaceError {
  return new RetinaFaceError(
    "CACHE_UNWRITABLE",
    `the cache is incomplete and takes nothing: ${cause.message}, by --cache FOLDER`,
    { cause },
  );
}

/** JSON that an earlier run kept in the cache; undefined where there is none or it is damaged, so that it is made again. */
export function keptJson(file: string): unknown {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readText(file));
  } catch {
    return undefined;
  }
}

/** Bytes that worker threads see without a copy. */
function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function toShared({ data, width, height }: RgbImage): RgbImage {
  const shared = sharedBytes(data.length);
  shared.set(data);
  return { data: shared, width, height };
}

/** Tells weights apart in the names of cached files. */
export function keyOfWeights(weights: Uint8Array): string {
  return createHash("sha256").update(weights).digest("hex").slice(0, 8);
}

/** Faces that a teacher finds in whole photos, kept on disk. */
class FaceFinder {
  #detector: Promise<RetinaFace> | undefined;
  readonly #key: string;

  constructor(
    readonly device: Device,
    readonly cache: PhotoCache,
    readonly weights: Uint8Array,
  ) {
    this.#key = keyOfWeights(weights);
  }

  async find(file: string): Promise<readonly PhotoFace[]> {
    const at = this.cache.path(file, `${this.#key}.faces.json`);
    const kept = keptJson(at);
    if (Array.isArray(kept)) return kept as PhotoFace[];
    const { device, weights } = this;
    this.#detector ??= RetinaFace.load({ ...detectorOn(device), weights, ...AIM });
    const found = await (await this.#detector).detect(file);
    const faces = found.map(({ box }): PhotoFace => ({ box, labelled: false }));
    await this.cache.keep(at, JSON.stringify(faces));
    return faces;
  }

  async dispose(): Promise<void> {
    (await this.#detector)?.dispose();
  }
}

function scaleFace(face: PhotoFace, scale: number): PhotoFace {
  const [x1, y1, x2, y2] = face.box.map((value) => value * scale);
  const points = face.landmarks?.map((value) => (value ?? Number.NaN) * scale);
  return { ...face, box: [x1, y1, x2, y2], ...(points ? { landmarks: points } : {}) };
}

/** Decodes the training photos of sources, once and for all in `cache`; their pixels are in shared memory. */
export async function loadPhotoSets(
  device: Device,
  sources: readonly SourceFiles[],
  teacher: Uint8Array,
  cache: string,
  onPhoto: (done: number, total: number) => void,
): Promise<PhotoSet[]> {
  const photos = new PhotoCache(cache);
  const finder = new FaceFinder(device, photos, teacher);
  const total = sources.reduce((sum, { train }) => sum + train.length, 0);
  let done = 0;
  const sets: PhotoSet[] = [];
  try {
    for (const { spec, train } of sources) {
      const loaded: Photo[] = [];
      for (const { id, file, faces } of train) {
        const { image, scale } = await photos.photo(file, spec.maxSide ?? MAX_SIDE);
        const known = faces ?? (await finder.find(file));
        const scaled = known.map((face) => scaleFace(face, scale));
        loaded.push({ id, pyramid: buildPyramid(toShared(image), sharedBytes), faces: scaled });
        onPhoto(++done, total);
      }
      const { name, share, paste = 0, from = 0, turn } = spec;
      const complete = spec.kind === "scored";
      sets.push({ name, photos: loaded, share, paste, from, complete, turn });
    }
  } finally {
    await finder.dispose();
  }
  return sets;
}
