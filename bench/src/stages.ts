import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Device, KernelTiming } from "@retinaface-webgpu/tensor";
import { type RawImage, RetinaFace, resizeBilinear, toRawImage } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { root } from "./environment.js";
import { median } from "./statistics.js";

/** Milliseconds of one photograph's way through the detector, medians. */
export interface StageResult {
  readonly faces: number;
  /** The PNG file to RGBA pixels, on the CPU. */
  readonly decode: number;
  /** `detect()` of the decoded image, everything below included. */
  readonly detect: number;
  /** Pixels to the GPU, by itself and waited for. */
  readonly upload: number;
  /** Read-back of 64 KiB, by itself, with nothing else to wait for. */
  readonly readBack: number;
  /** The network by itself, submitted and waited for, in turn with `detect`. */
  readonly network: number;
  /** Share of `detect` that is not the network. */
  readonly outside: number;
  /** GPU time by timestamps of single dispatches; `undefined` without them. */
  readonly preprocess: number | undefined;
  readonly postprocess: number | undefined;
  /** Of one `detect()`. */
  readonly dispatches: number;
  readonly submits: number;
}

const SIDE = 640;
const READ_BACK_BYTES = 64 * 1024;
const PREPROCESS = /^image-/;
const POSTPROCESS = /^(candidate|greedy-nms)/;

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
    const times = { decode: [], detect: [], network: [], upload: [], readBack: [] } as Record<
      string,
      number[]
    >;
    const timings: KernelTiming[][] = [];
    for (let round = 0; round < rounds; round++) {
      times.decode.push(await timed(() => toRawImage(file)));
      times.detect.push(await timed(() => detector.detect(image)));
      times.network.push(await timed(network));
      times.upload.push(await timeUpload(device, image));
      times.readBack.push(await timeReadBack(device));
      timings.push(await device.profile(async () => void (await detector.detect(image))));
    }
    const detect = median(times.detect);
    return {
      faces,
      decode: median(times.decode),
      detect,
      upload: median(times.upload),
      readBack: median(times.readBack),
      network: median(times.network),
      outside: Math.max(0, 1 - median(times.network) / detect),
      ...gpuStages(timings),
      dispatches: after.dispatches - before.dispatches,
      submits: after.submits - before.submits,
    };
  } finally {
    detector.dispose();
  }
}

/** Sums the kernels before and after the network; medians over the rounds. */
export function gpuStages(
  rounds: readonly (readonly KernelTiming[])[],
): Pick<StageResult, "preprocess" | "postprocess"> {
  if (rounds.some((timings) => timings.length === 0)) {
    return { preprocess: undefined, postprocess: undefined };
  }
  const stage = (pattern: RegExp) =>
    median(
      rounds.map((timings) =>
        timings
          .filter(({ name }) => pattern.test(name))
          .reduce((sum, { milliseconds }) => sum + milliseconds, 0),
      ),
    );
  return { preprocess: stage(PREPROCESS), postprocess: stage(POSTPROCESS) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function timeUpload(device: Device, { data }: RawImage): Promise<number> {
  const buffer = device.allocate(data.byteLength, "upload");
  const milliseconds = await timed(async () => {
    device.write(buffer, data);
    await device.sync();
  });
  device.free(buffer);
  return milliseconds;
}

async function timeReadBack(device: Device): Promise<number> {
  const buffer = device.allocate(READ_BACK_BYTES, "read-back");
  await device.sync();
  const milliseconds = await timed(() => device.read(buffer.buffer, READ_BACK_BYTES));
  device.free(buffer);
  return milliseconds;
}
