#!/usr/bin/env node
/**
 * node tools/average-weights.mjs OUT FILE:SHARE FILE:SHARE ...: the mean of the weights of trainings that began with the same
 * ones, often better than each of them (model soups, Wortsman et al. 2022). Metadata and counters are the first file's.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readSafetensors, toFloat32, writeSafetensors } from "../packages/tensor/dist/index.js";
import { failAs } from "./lib/errors.mjs";
import { writeWhole } from "./lib/files.mjs";

const USAGE = "usage: node tools/average-weights.mjs OUT FILE:SHARE FILE:SHARE ...";

const fail = failAs("average-weights");

function parseFile(text) {
  const [, file, share] = text.match(/^(.*):([\d.]+)$/) ?? fail(`${text}: no share\n${USAGE}`);
  return { file, share: Number(share), ...readSafetensors(readFileSync(file)) };
}

const [out, ...texts] = parseArgs({ allowPositionals: true }).positionals;
if (texts.length < 2) fail(USAGE);
const files = texts.map(parseFile);
const sum = files.reduce((total, { share }) => total + share, 0);
if (Math.abs(sum - 1) > 1e-6) fail(`the shares sum up to ${sum}, not to 1`);
const [first, ...others] = files;
/** Weights; what remains are counters. */
const FLOATS = ["f32", "f16", "bf16", "f64"];
const isFloat = ({ dtype }) => FLOATS.includes(dtype);
const same = (a, b) => a && isFloat(a) === isFloat(b) && `${a.shape}` === `${b.shape}`;

function averageOf(name, { shape }) {
  const parts = files.map(({ share, tensors }) => ({ share, data: toFloat32(tensors.get(name)) }));
  const at = (i) => parts.reduce((total, { share, data }) => total + share * data[i], 0);
  return { dtype: "f32", shape, data: parts[0].data.map((_, i) => at(i)) };
}

const more = others.find(({ tensors }) => tensors.size !== first.tensors.size);
if (more) fail(`${more.file} has other tensors than ${first.file}, of another network`);
const mean = new Map();
for (const [name, tensor] of first.tensors) {
  const unlike = others.find(({ tensors }) => !same(tensors.get(name), tensor));
  if (unlike) fail(`${unlike.file}: ${name} is not as in ${first.file}, of another network`);
  mean.set(name, isFloat(tensor) ? averageOf(name, tensor) : tensor);
}
writeWhole(out, writeSafetensors(mean, first.metadata));
