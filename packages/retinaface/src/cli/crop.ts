import path from "node:path";
import { type AlignTemplate, alignFace } from "../align.js";
import { cropFace } from "../crop/crop.js";
import { facePose, type Pose } from "../crop/pose.js";
import { sharpness } from "../crop/sharpness.js";
import { hasLandmarks } from "../decode/face.js";
import { detectFitting, type PixelDetector, scaledNote } from "../detect/fitting.js";
import { faceLine } from "../detect/line.js";
import type { DetectCallOptions } from "../detect/options.js";
import { untilAborted } from "../detect/until-aborted.js";
import { encodePng } from "../draw/png.node.js";
import { AlignError } from "../errors.js";
import type { Face, RawImage } from "../types.js";
import { eachPhoto } from "./each-photo.js";
import type { Streams } from "./lines.js";
import { makeFolder, Outputs } from "./outputs.js";
import { OutputNames, type Photo } from "./photos.js";

/** What a face must be like to be cut out. */
export interface CropFilter {
  /** Least shorter side of its box in pixels. */
  readonly minSize?: number | undefined;
  /** Least sharpness, see `sharpness`. */
  readonly minSharpness?: number | undefined;
  /** How far it may be turned to the side, up or down; degrees. */
  readonly maxAngle?: number | undefined;
  /** The best face of each photo only: the largest after the others' filters. */
  readonly best?: boolean | undefined;
}

export interface CropJob {
  readonly photos: readonly Photo[];
  readonly out: string;
  readonly overwrite?: boolean | undefined;
  readonly inputs?: readonly (string | undefined)[];
  /** Turned upright by the landmarks, as recognition networks take faces. */
  readonly align?: boolean | undefined;
  /** Where the landmarks come to lie; default ArcFace's. */
  readonly template?: AlignTemplate | undefined;
  readonly size?: number | undefined;
  readonly margin?: number | undefined;
  readonly filter: CropFilter;
  readonly call: Pick<DetectCallOptions, "maxSide" | "truncated">;
  readonly load: () => Promise<CropDetector>;
  readonly streams: Streams;
  readonly signal?: AbortSignal | undefined;
}

export interface CropDetector extends PixelDetector {
  dispose(): void;
}

/** A face that is cut out, with what it was judged by. */
interface Cut {
  readonly face: Face;
  readonly crop: RawImage;
  readonly pose: Pose | undefined;
  readonly sharpness: number;
}

/** A photo's faces that pass. */
interface PhotoCuts {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly cuts: readonly Cut[];
  /** For standard error. */
  readonly note?: string | undefined;
}

/** Side at which sharpness is measured. */
const JUDGED_SIDE = 112;
/** Of less than a pixel there is nothing to be seen. */
const LEAST_SIDE = 1;

/**
 * Cuts faces out of photos, each into a PNG `photo-face1.png` of its own, best score first, and prints a JSON line for each
 * photo with the files, poses and sharpness. A photo that fails has its own error line.
 *
 * @returns how many photos failed. @throws as `detectPhotos`
 */
export async function cropPhotos(job: CropJob): Promise<number> {
  const { photos, out, overwrite, inputs = [], streams, signal } = job;
  await makeFolder(out);
  const read = [...photos.map(({ file }) => file), ...inputs];
  const outputs = new Outputs({ overwrite, inputs: read });
  if (!overwrite) await checkFirst(photos, out);
  const writer = new CropWriter(new OutputNames(out, photos), outputs);
  return eachPhoto<CropDetector, PhotoCuts>({
    photos,
    load: job.load,
    look: async ({ file }, turn, { decoders, loading }) => {
      const { image } = await decoders.decode(file, { signal, truncated: job.call.truncated });
      const detector = await untilAborted(loading, signal);
      await turn.here;
      const { maxSide } = job.call;
      const fitting = detectFitting(detector, image, { ...job.call, signal }, turn.done);
      const { faces, side } = await untilAborted(fitting, signal);
      const { cuts, unplaced } = chosen(image, faces, job);
      const notes = [scaledNote(file, image, side, maxSide), unplacedNote(file, unplaced)];
      const note = notes.filter((text) => text !== undefined).join("; ") || undefined;
      const { width, height } = image;
      return { file, width, height, cuts, note };
    },
    noteOf: ({ note }) => note,
    lineOf: (photo) => writer.write(photo),
    streams,
    signal,
  });
}

const cropName = (file: string, n: number) => `${path.parse(file).name}-face${n + 1}.png`;

/** Whether crops of these photos are there already, of which the first tells, before any work. */
async function checkFirst(photos: readonly Photo[], out: string): Promise<void> {
  const names = new Set(photos.map(({ file }) => path.join(out, cropName(file, 0))));
  await new Outputs().check(...names);
}

function unplacedNote(file: string, count: number): string | undefined {
  return count > 0 ? `${file}: ${count} left out, whose landmarks coincide` : undefined;
}

/** The faces that pass, cut out, and how many could not be. */
function chosen(image: RawImage, faces: readonly Face[], job: CropJob) {
  const cuts: Cut[] = [];
  let unplaced = 0;
  for (const face of faces) {
    try {
      const cut = cutOf(image, face, job);
      if (cut) cuts.push(cut);
    } catch (error) {
      if (!(error instanceof AlignError)) throw error;
      unplaced++;
    }
  }
  if (!job.filter.best || cuts.length === 0) return { cuts, unplaced };
  const area = ({ face: { box } }: Cut) => (box[2] - box[0]) * (box[3] - box[1]);
  return { cuts: [cuts.reduce((best, cut) => (area(cut) > area(best) ? cut : best))], unplaced };
}

/**
 * A face cut out; undefined where it does not pass.
 *
 * @throws AlignError for landmarks that place no face, where they are needed; RetinaFaceError `NO_LANDMARKS`
 */
function cutOf(image: RawImage, face: Face, job: CropJob): Cut | undefined {
  const { align, size, margin, template } = job;
  const { minSize = 0, minSharpness = 0, maxAngle } = job.filter;
  const [x1, y1, x2, y2] = face.box;
  if (Math.min(x2 - x1, y2 - y1) < Math.max(minSize, LEAST_SIDE)) return undefined;
  const pose = poseOf(face, maxAngle !== undefined);
  if (maxAngle !== undefined && pose) {
    if (Math.max(Math.abs(pose.yaw), Math.abs(pose.pitch)) > maxAngle) return undefined;
  }
  const sharp = sharpness(cropFace(image, face, { margin: 0, size: JUDGED_SIDE }));
  if (sharp < minSharpness) return undefined;
  const crop = align
    ? alignFace(image, face, size, template)
    : cropFace(image, face, { size, margin });
  return { face, crop, pose, sharpness: sharp };
}

/** @param needed whether a face without one is an error */
function poseOf(face: Face, needed: boolean): Pose | undefined {
  if (!needed && !hasLandmarks(face)) return undefined;
  try {
    return facePose(face.landmarks);
  } catch (error) {
    if (needed || !(error instanceof AlignError)) throw error;
    return undefined;
  }
}

/** Names crops, writes them, and says of them what there is to say. */
class CropWriter {
  readonly #names: OutputNames;
  readonly #outputs: Outputs;

  constructor(names: OutputNames, outputs: Outputs) {
    this.#names = names;
    this.#outputs = outputs;
  }

  async write({ file, width, height, cuts }: PhotoCuts) {
    const faces = [];
    for (const [n, { face, crop, pose, sharpness: sharp }] of cuts.entries()) {
      const target = this.#names.next(cropName(file, n));
      await this.#outputs.check(target);
      await this.#outputs.write(target, encodePng(crop));
      const angles = pose && Object.entries(pose).map(([key, value]) => [key, round(value, 1)]);
      const judged = {
        sharpness: round(sharp, 4),
        ...(angles && { pose: Object.fromEntries(angles) }),
      };
      faces.push({ ...faceLine(face), ...judged, crop: target });
    }
    return { file, width, height, faces };
  }
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));
