#!/usr/bin/env node
/**
 * `npm run bench:redaction`: how many faces another detector, YuNet, still finds in copies that `retinaface redact` wrote.
 * It fails above 3 %.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { overlap, type RawImage, toRawImage } from "retinaface-webgpu";
import { findPhotos } from "retinaface-webgpu/node";
import { describeMachine, root } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";
import { sharedFile } from "./contestants.js";
import { type OnnxModel, openOnnx } from "./ort.js";
import { detectYunet, YUNET_THRESHOLD } from "./yunet.js";

type Box = [number, number, number, number];

/** Faces that count have a shorter side of at least so many pixels. */
const LEAST_SIDE = 24;
/** Overlap (IoU) from which what is found in a copy is the face that was found in the photo. */
const SAME = 0.4;
const MOST = 0.03;
const THREADS = 2;

function read(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      photos: { type: "string", default: sharedFile("images") },
      style: { type: "string", default: "pixelate" },
      scale: { type: "string", default: "1600" },
      verbose: { type: "boolean", default: false },
    },
  });
  const scale = Number(values.scale);
  if (!(Number.isSafeInteger(scale) && scale > 0)) throw new Error(`--scale ${values.scale}`);
  return { ...values, scale };
}

/** Copies in another folder, by the command and its defaults, in the order of the photos. */
function redactAll(photos: readonly string[], style: string, out: string) {
  const main = path.join(root, "packages/retinaface/dist/cli/main.js");
  const args = [main, "redact", ...photos, "--out", out, "--style", style];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new UsageError(`retinaface redact ended with ${status}`);
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as { faces: unknown[] }).faces.length);
}

/** Faces of a picture from the score on that YuNet shows them, in its pixels. */
async function facesIn(model: OnnxModel, image: RawImage, scale: number): Promise<Box[]> {
  const found = await detectYunet(model, image, { maxSide: scale });
  return Array.from(found.scores).flatMap((score, i) =>
    score >= YUNET_THRESHOLD ? [[...found.boxes.subarray(i * 4, i * 4 + 4)] as Box] : [],
  );
}

const shorter = ([x1, y1, x2, y2]: Box) => Math.min(x2 - x1, y2 - y1);

async function main(): Promise<void> {
  let options: ReturnType<typeof read>;
  try {
    options = read(process.argv.slice(2));
  } catch (cause) {
    const usage = "usage: [--photos DIR] [--style pixelate|blur|fill] [--scale 1600] [--verbose]";
    throw new UsageError(`${(cause as Error).message}\n${usage}`, { cause });
  }
  const { photos: where, style, scale, verbose } = options;
  const photos = (await findPhotos([where])).map(({ file }) => file);
  const model = await openOnnx(sharedFile("weights/peers/yunet_n_dynamic.onnx"), THREADS);
  const out = await mkdtemp(path.join(tmpdir(), "redaction-"));
  try {
    const hidden = redactAll(photos, style, out);
    const copies = copiesOf(photos, out);
    let [before, still, anew] = [0, 0, 0];
    for (const [i, photo] of photos.entries()) {
      const first = (await facesIn(model, await toRawImage(photo), scale)).filter(
        (box) => shorter(box) >= LEAST_SIDE,
      );
      const second = await facesIn(model, await toRawImage(copies[i]), scale);
      const left = first.filter((box) => second.some((other) => overlap(box, other) >= SAME));
      before += first.length;
      still += left.length;
      anew += second.filter((box) => !first.some((other) => overlap(box, other) >= SAME)).length;
      if (verbose || left.length > 0) {
        const places = left.map((box) => `[${box.map((x) => x.toFixed(0)).join(", ")}]`);
        process.stderr.write(
          `${photo}: ${first.length} found, ${hidden[i]} hidden, found still ${places.join(" ") || 0}\n`,
        );
      }
    }
    const { cpu, cores, date } = describeMachine();
    const share = still / before;
    process.stdout.write(
      `${style}: of ${before} faces of ≥ ${LEAST_SIDE} px that YuNet-n finds in ${photos.length} photos (long side ≤ ${scale}), ` +
        `it finds ${still} in the copies: ${(100 * share).toFixed(2)} %; ${anew} elsewhere or smaller\n` +
        `${cpu}, ${cores} cores, ${date.slice(0, 10)}\n`,
    );
    if (share > MOST) process.exitCode = 1;
  } finally {
    await model.dispose();
    await rm(out, { recursive: true });
  }
}

/** The copies in the order of the photos: they bear the photos' names. */
function copiesOf(photos: readonly string[], out: string): string[] {
  const names = photos.map((photo) => path.join(out, path.basename(photo)));
  if (new Set(names).size < names.length) throw new UsageError("photos must have different names");
  return names;
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
