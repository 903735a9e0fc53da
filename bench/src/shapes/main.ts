#!/usr/bin/env node
/**
 * `npm run bench:shapes`: draws a set of shapes of four classes as COCO labels, trains a small RetinaNet on it by the command
 * `train`, measures it on pictures that it has not seen by `evaluate`, and prints what came out as JSON.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { RETINANET_CONFIG } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { runTrainCommand } from "../train-command.js";
import { drawShapes, SHAPES } from "./picture.js";

/** Seeds of validation pictures begin here: none trains. */
const UNSEEN = 1_000_000;

/** RetinaNet's anchors at half their size: the pictures are small, and so are some shapes. */
const ANCHORS = {
  ...RETINANET_CONFIG.anchors,
  minSizes: RETINANET_CONFIG.anchors.minSizes.map((sizes) => sizes.map((size) => size / 2)),
};

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "1600" },
    unseen: { type: "string", default: "100" },
    side: { type: "string", default: "96" },
    epochs: { type: "string", default: "8" },
    model: { type: "string", default: "retinanet-v2" },
    backend: { type: "string", default: "auto" },
    seed: { type: "string", default: "1" },
    keep: { type: "string" },
  },
});

/** Draws pictures and their labels into a folder; gives the SPEC that names them. */
function drawSet(folder: string, count: number, first: number): string {
  const side = Number(values.side);
  mkdirSync(path.join(folder, "images"), { recursive: true });
  const coco = {
    images: [] as object[],
    annotations: [] as object[],
    categories: SHAPES.map((name, i) => ({ id: i + 1, name })),
  };
  for (let id = 0; id < count; id++) {
    const { image, shapes } = drawShapes(side, first + id);
    const name = `${first + id}.png`;
    writeFileSync(path.join(folder, "images", name), encodePng(image));
    coco.images.push({ id, file_name: name, width: side, height: side });
    for (const { name: shape, box } of shapes) {
      const [x1, y1, x2, y2] = box;
      const bbox = [x1, y1, x2 - x1, y2 - y1];
      const category_id = SHAPES.indexOf(shape) + 1;
      coco.annotations.push({ id: coco.annotations.length, image_id: id, category_id, bbox });
    }
  }
  const file = path.join(folder, "labels.json");
  writeFileSync(file, JSON.stringify(coco));
  return `coco:${file}`;
}

async function main(folder: string): Promise<void> {
  const { epochs, model, backend, seed, side } = values;
  const data = drawSet(path.join(folder, "train"), Number(values.images), 1000 * Number(seed));
  const val = drawSet(path.join(folder, "unseen"), Number(values.unseen), UNSEEN);
  const out = path.join(folder, "run");
  const anchors = path.join(folder, "anchors.json");
  writeFileSync(anchors, JSON.stringify({ anchors: ANCHORS }));
  const shape = ["--model", model, "--backbone", "mobilenet0.25", "--channels", "32"];
  const started = performance.now();
  const trained = await runTrainCommand(
    ...["train", "--data", data, "--val", val, "--val-every", "10", "--out", out, ...shape],
    ...[
      "--anchors",
      anchors,
      "--classes",
      SHAPES.join(),
      "--image-size",
      side,
      "--batch-size",
      "16",
    ],
    ...["--epochs", epochs, "--optimizer", "adamw", "--lr", "0.003", "--schedule", "cosine"],
    ...["--crop", "none", "--no-distort", "--clip", "10", "--seed", seed, "--backend", backend],
  );
  const seconds = Math.round((performance.now() - started) / 1000);
  const weights = path.join(out, "final.safetensors");
  const measured = await runTrainCommand(
    "evaluate",
    "--data",
    val,
    "--weights",
    weights,
    "--backend",
    backend,
  );
  const { classAp50, byClass } = measured as {
    classAp50: number;
    byClass: readonly { label: string; faces: number; ap50: number }[];
  };
  const classes = byClass.map(({ label, faces, ap50 }) => ({ label, objects: faces, ap50 }));
  const { steps, backend: ranOn } = trained;
  console.log(
    JSON.stringify({
      model,
      backend: ranOn,
      steps,
      seconds,
      classAp50,
      classes,
      node: process.version,
    }),
  );
}

const folder = values.keep ?? mkdtempSync(path.join(os.tmpdir(), "shapes-"));
try {
  await main(folder);
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
