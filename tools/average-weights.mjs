#!/usr/bin/env node
/**
 * node tools/average-weights.mjs OUT FILE:SHARE FILE:SHARE ...: the mean of the weights of trainings that began with the same
 * ones, often better than each of them (model soups, Wortsman et al. 2022). Metadata and counters are the first file's.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readSafetensors, writeSafetensors } from "../packages/tensor/dist/index.js";

const USAGE = "usage: node tools/average-weights.mjs OUT FILE:SHARE FILE:SHARE ...";

function fail(message) {
  console.error(`average-weights: ${message}`);
  process.exit(2);
}

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
const same = (a, b) => a?.data.constructor === b.data.constructor && `${a.shape}` === `${b.shape}`;

function averageOf(name, tensor) {
  const parts = files.map(({ share, tensors }) => ({ share, data: tensors.get(name).data }));
  const at = (i) => parts.reduce((total, { share, data }) => total + share * data[i], 0);
  return { ...tensor, data: Float32Array.from(tensor.data, (_, i) => at(i)) };
}

const mean = new Map();
for (const [name, tensor] of first.tensors) {
  const unlike = others.find(({ tensors }) => !same(tensors.get(name), tensor));
  if (unlike) fail(`${unlike.file}: ${name} is not as in ${first.file}, of another network`);
  mean.set(name, tensor.data instanceof Float32Array ? averageOf(name, tensor) : tensor);
}
writeFileSync(`${out}.tmp`, writeSafetensors(mean, first.metadata));
renameSync(`${out}.tmp`, out);
