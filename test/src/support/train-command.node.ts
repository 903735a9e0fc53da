/** The train package's program, and drawn photos to train on. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { encodePng } from "retinaface-webgpu/node";
import { buildProgram, USAGE_CODES } from "../../../packages/train/dist/cli/program.js";
import { type CommandEnd, runInProcess } from "./in-process.node.js";
import { Random } from "./random.js";
import { makeSample } from "./train-samples.js";

export const trainProgram = fileURLToPath(
  new URL("./program/main.js", import.meta.resolve("@retinaface-webgpu/train")),
);

/** Runs a command of the program to its end, in this process. */
export function runTrain(...args: string[]): Promise<CommandEnd> {
  return runInProcess(buildProgram(), USAGE_CODES, args);
}

const SIDE = 72;

/**
 * Draws photos of two faces each into `images` of a folder, with `labels.jsonl` beside it.
 *
 * @returns what `--data` takes
 */
export function drawDataset(folder: string, seed: number, count: number): string {
  const random = new Random(seed);
  mkdirSync(path.join(folder, "images"));
  const lines = Array.from({ length: count }, (_, i) => {
    const { image, boxes } = makeSample(random, SIDE, 2);
    writeFileSync(path.join(folder, "images", `${i}.png`), encodePng(image));
    const faces = [0, 1].map((f) => ({
      box: [...boxes.subarray(f * 4, f * 4 + 4)].map((v) => Math.round(v * SIDE)),
    }));
    return JSON.stringify({ image: `images/${i}.png`, faces });
  });
  const labels = path.join(folder, "labels.jsonl");
  writeFileSync(labels, `${lines.join("\n")}\n`);
  return `jsonl:${labels}`;
}
