#!/usr/bin/env node
/**
 * node tools/widen-network.mjs IN OUT [--seed N]: weights of a RetinaFace network with twice the channels in pyramid, context
 * and heads that computes the same (Net2WiderNet, Chen et al. 2016), to train on from. Every channel comes twice; what reads
 * the pair shares its weight w between both as w / 2 + n and w / 2 - n. The noise n, up to half the tensor's root mean square,
 * lets the two learn different things. Metadata and counters are IN's.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readSafetensors, toFloat32, writeSafetensors } from "../packages/tensor/dist/index.js";
import { seededRandom } from "../packages/train/dist/index.js";
import { failAs } from "./lib/errors.mjs";
import { writeWhole } from "./lib/files.mjs";

const USAGE = "usage: node tools/widen-network.mjs IN OUT [--seed N]";

const fail = failAs("widen-network");

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string", default: "1" } },
});
if (positionals.length !== 2 || !/^\d+$/.test(values.seed)) fail(USAGE);
const [source, out] = positionals;
const random = seededRandom(Number(values.seed));

/** Each row along the first axis twice, one after the other. */
function twiceOut({ shape, data }) {
  const row = data.length / shape[0];
  const wide = new Float32Array(2 * data.length);
  for (let i = 0; i < 2 * shape[0]; i++) {
    wide.set(data.subarray((i >> 1) * row, ((i >> 1) + 1) * row), i * row);
  }
  return { dtype: "f32", shape: [2 * shape[0], ...shape.slice(1)], data: wide };
}

/** Inputs twice, along the second axis; the sum over a pair is the weight there was. */
function twiceIn({ shape, data }) {
  const [outputs, inputs, ...kernel] = shape;
  const taps = data.length / (outputs * inputs);
  const noise = Math.sqrt(data.reduce((sum, w) => sum + w * w, 0) / data.length) / 2;
  const wide = new Float32Array(2 * data.length);
  data.forEach((w, i) => {
    const n = noise * (2 * random.uniform() - 1);
    const at = 2 * (i - (i % taps)) + (i % taps);
    wide[at] = w / 2 + n;
    wide[at + taps] = w / 2 - n;
  });
  return { dtype: "f32", shape: [outputs, 2 * inputs, ...kernel], data: wide };
}

const NECK = /^(fpn\.(output|merge)\d|ssh\d)\./;
/** What reads the last maps: heads, and the first layer of a branch for meshes. */
const HEAD = /^(Class|Bbox|Landmark)Head\.|^MeshHead\.conv\./;
const FROM_BACKBONE = /^fpn\.output/;
const PYRAMID = "fpn.output1.0.weight";
/** Pyramid and context modules of more channels have ReLU instead of leaky ReLU. */
const MOST_LEAKY = 64;

function widened(name, tensor) {
  const floats = { dtype: "f32", shape: tensor.shape, data: toFloat32(tensor) };
  const [, inputs, ...kernel] = tensor.shape;
  const isDense = kernel.length === 2 && inputs > 1;
  if (HEAD.test(name)) return isDense ? twiceIn(floats) : floats;
  if (!NECK.test(name)) return floats;
  return twiceOut(isDense && !FROM_BACKBONE.test(name) ? twiceIn(floats) : floats);
}

const { tensors, metadata } = readSafetensors(readFileSync(source));
const channels = tensors.get(PYRAMID)?.shape[0];
if (channels === undefined) {
  fail(`${source} has no pyramid: give RetinaFace's weights, not a backbone's`);
}
if (channels <= MOST_LEAKY && 2 * channels > MOST_LEAKY) {
  fail(
    `${source} has ${channels} channels: ${2 * channels} would compute something else, by ReLU instead of leaky ReLU`,
  );
}
const wide = new Map();
for (const [name, tensor] of tensors) {
  wide.set(name, name.endsWith("num_batches_tracked") ? tensor : widened(name, tensor));
}
writeWhole(out, writeSafetensors(wide, metadata));
