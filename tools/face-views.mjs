#!/usr/bin/env node
// Makes views of faces of which there is one picture each: turned, scaled, moved and recoloured, a folder of NN.png for each. They
// show that enrolment, masks and thresholds work, and nothing of how well people are told apart, as every view is one photo.
// Usage: face-views.mjs CROPS OUT [--count 12] [--seed 1], where CROPS is a folder that crop --align filled
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { augmentFace } from "../packages/identify/dist/index.js";
import { encodePng } from "../packages/retinaface/dist/index.node.js";
import { loadImage, seededRandom } from "../packages/train/dist/index.js";

/** More than training does by default, and nothing that covers a part. */
const VIEW = { mirror: 0, turn: 12, zoom: 0.15, shift: 0.08, colours: 1, erase: 0, mask: 0 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "12" },
    seed: { type: "string", default: "1" },
  },
});
const [crops, out] = positionals;
if (!out || existsSync(out)) {
  process.stderr.write(
    out
      ? `${out} is there already: give another folder\n`
      : "usage: face-views.mjs CROPS OUT [--count 12] [--seed 1]\n",
  );
  process.exit(2);
}
for (const [n, name] of readdirSync(crops).sort().entries()) {
  const face = await loadImage(path.join(crops, name));
  const folder = path.join(out, path.parse(name).name);
  mkdirSync(folder, { recursive: true });
  for (let view = 0; view < Number(values.count); view++) {
    const image = augmentFace(face, VIEW, seededRandom(Number(values.seed), n, view));
    writeFileSync(path.join(folder, `${String(view).padStart(2, "0")}.png`), encodePng(image));
  }
}
