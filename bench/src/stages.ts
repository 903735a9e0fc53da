import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Device } from "@retinaface-webgpu/tensor";
import {
  type DetectCallOptions,
  type ImageInput,
  type RawImage,
  RetinaFace,
  resizeBilinear,
  type Timings,
  toRawImage,
} from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { root } from "./environment.js";
import { median } from "./statistics.js";

/** Milliseconds of one photograph's way through the detector, medians. */
export interface StageResult {
  readonly faces: number;
  /** `detect()` of the decoded image, not profiled. */
  readonly detect: number;
  /** The network by itself, submitted and waited for, in turn with `detect`. */
  readonly networkAlone: number;
  /** Share of `detect` that is not the network by itself. */
  readonly outside: number;
  /** `detect()` of the PNG file, profiled: its own account of where the time went. */
  readonly parts: Omit<Timings, "stages">;
  /** The part of `parts.gpu` by the GPU's clock; absent without timestamps. */
  readonly stages: Timings["stages"];
  /** Of one `detect()`. */
  readonly dispatches: number;
  readonly submits: number;
}

const SIDE = 640;

/** The repository's sample picture, scaled to 640×640, as a file and as pixels. */
export async function samplePhoto(): Promise<{ file: Uint8Array; image: RawImage }> {
  const sample = path.join(root, "packages/retinaface/assets/sample.png");
  const image = resizeBilinear(await toRawImage(await readFile(sample)), SIDE, SIDE);
  return { file: encodePng(image), image };
}

/**
 * Follows a photograph of 640×640 from file to faces.
 *
 * @param network runs the network alone at that size and waits for it
 */
export async function benchStages(
  device: Device,
  weights: Uint8Array,
  network: () => Promise<void>,
  rounds: number,
): Promise<StageResult> {
  const { file, image } = await samplePhoto();
  const detector = await RetinaFace.load({ device, weights });
  try {
    const faces = (await detector.detect(image)).length;
    const before = device.memory();
    await detector.detect(image);
    const after = device.memory();
    await network();
    const plain: number[] = [];
    const alone: number[] = [];
    const profiled: Timings[] = [];
    for (let round = 0; round < rounds; round++) {
      plain.push((await timingsOf(detector, image)).total);
      alone.push(await timed(network));
      profiled.push(await timingsOf(detector, file, { profile: true }));
    }
    const stages = profiled.map((one) => one.stages).filter((one) => one !== undefined);
    return {
      faces,
      detect: median(plain),
      networkAlone: median(alone),
      outside: Math.max(0, 1 - median(alone) / median(plain)),
      parts: medians(profiled.map(({ stages: _, ...parts }) => parts)),
      stages: stages.length > 0 ? medians(stages) : undefined,
      dispatches: after.dispatches - before.dispatches,
      submits: after.submits - before.submits,
    };
  } finally {
    detector.dispose();
  }
}

async function timingsOf(
  detector: RetinaFace,
  image: ImageInput,
  options: DetectCallOptions = {},
): Promise<Timings> {
  let timings: Timings | undefined;
  await detector.detect(image, {
    ...options,
    onTimings: (told) => {
      timings = told;
    },
  });
  if (!timings) throw new Error("detect() did not tell its timings");
  return timings;
}

/** The median of every field. */
export function medians<T extends object>(rows: readonly T[]): T {
  const keys = Object.keys(rows[0]) as (keyof T)[];
  const middle = keys.map((key) => [key, median(rows.map((row) => row[key] as number))]);
  return Object.fromEntries(middle) as T;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
