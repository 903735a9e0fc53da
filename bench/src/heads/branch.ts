#!/usr/bin/env node
/**
 * `npm run bench:branch -- --weights FILE`: what a detector's branch for meshes says of made-up heads that it has not seen,
 * pasted into validation photos, by how far they are turned; and, with `--portraits`, where its five landmarks are on
 * portraits whose landmarks are known. By WebAssembly.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  faceTemplate,
  landmarksOf,
  type MeshBranch,
  PATCH_POINTS,
  patchOnHost,
  poseOfCamera,
  project,
  samplesOf,
  squareAround,
} from "@retinaface-webgpu/mesh";
import type { Device, Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
} from "@retinaface-webgpu/tensor/wasm";
import { createSampler, initialiseNetwork, type Sample } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { MESH_MAP, RetinaFace, readWeights, toRawImage } from "retinaface-webgpu";
import { describeMachine } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";

const SIDE = 256;
const SEED = 987;
const BANDS = [0, 15, 45, 75];
const MEAN_BGR = [104, 117, 123];
const TEMPLATE = faceTemplate().levels[0].positions;

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Distance of the eyes, of rows of `width` numbers. */
function eyesOf(vertices: ArrayLike<number>, width: number): number {
  const [left, right] = landmarksOf(vertices, width);
  return Math.hypot(...left.map((v, k) => v - right[k]));
}

/** Mean distance of rows of `width` numbers. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, width: number): number {
  const count = a.length / width;
  return mean(
    Array.from({ length: count }, (_, v) => {
      const off = Array.from({ length: width }, (_, k) => a[v * width + k] - b[v * width + k]);
      return Math.hypot(...off);
    }),
  );
}

/** Errors of one head, in percent of the eyes' distance. */
interface Errors {
  readonly yaw: number;
  readonly shape: number;
  readonly template: number;
  readonly seen: number;
  readonly turned: number;
}

/** What the branch says of made-up heads on photos. */
async function* lookAtHeads(host: Device, engine: WasmEngine, bytes: Uint8Array, data: string) {
  const pretrained = readWeights(bytes);
  const network = initialiseNetwork(host, { config: pretrained.config, pretrained, seed: 1 });
  network.eval();
  const { mesh } = network;
  if (!mesh) throw new UsageError("the weights have no branch for meshes: train them with --mesh");
  const [{ stride, channels }] = network.levels;
  const image = { shape: [1, SIDE, SIDE, 3], dtype: "f32" } as const;
  const forward = (x: Tensor) => [network.headsAndMap(x)[MESH_MAP][0]];
  const features = await compileWasm(host, engine, forward, [image]);
  const branch = await branchPlan(host, engine, mesh, channels);
  const { records } = loadDataset(data);
  const augment = { size: SIDE, crop: null, mirror: 0, distort: false, heads: 2 };
  const sampler = createSampler({
    ...{ records, seed: SEED },
    augment: { ...augment, resample: ["linear"] },
  });
  for (let index = 0; index < records.length; index++) {
    const loaded = await sampler.load({ epoch: 0, index });
    if (!("sample" in loaded)) continue;
    const { sample } = loaded;
    const results = await features.run([inputOf(sample)]);
    const values = outputValues(features.outputs[0], results);
    const place = { rows: Math.ceil(SIDE / stride), columns: Math.ceil(SIDE / stride), stride };
    for (const known of sample.meshes ?? []) {
      const box = [...sample.boxes.subarray(known.face * 4, known.face * 4 + 4)];
      const square = squareAround(box.map((v) => v * SIDE));
      const map = { values, offset: 0, stride: channels, channels, first: 0 };
      const said = await branch(patchOnHost(map, samplesOf(square, place)));
      const places = known.places.map(
        (v, i) => (v * SIDE - (i % 2 === 0 ? square.x : square.y)) / square.side,
      );
      const seen = said.positions.filter((_, i) => i % 3 !== 2);
      const errors: Errors = {
        yaw: Math.abs(known.pose.yaw),
        shape: (100 * distance(said.vertices, known.vertices, 3)) / eyesOf(known.vertices, 3),
        template: (100 * distance(TEMPLATE, known.vertices, 3)) / eyesOf(known.vertices, 3),
        seen: 100 * distance(seen, places, 2),
        turned: Math.abs(poseOfCamera(said.camera).yaw - known.pose.yaw),
      };
      yield errors;
    }
  }
  features.dispose();
  network.dispose();
}

async function branchPlan(host: Device, engine: WasmEngine, mesh: MeshBranch, channels: number) {
  const forward = (patches: Tensor) => {
    const { vertices, camera } = mesh.forward(patches);
    return [vertices, project(vertices, camera, [1, 1]), camera];
  };
  const input = { shape: [1, PATCH_POINTS, channels], dtype: "f32" } as const;
  const plan = await compileWasm(host, engine, forward, [input]);
  return async (patch: Float32Array) => {
    const results = await plan.run([patch]);
    const [vertices, positions, camera] = plan.outputs.map((o) => outputValues(o, results));
    return { vertices, positions, camera };
  };
}

function inputOf({ image }: Sample): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    return image.data[pixel * 4 + 2 - channel] - MEAN_BGR[channel];
  });
}

/** Landmarks read off the mesh of portraits, and those of the landmark head, in percent of the eyes' distance. */
async function lookAtPortraits(bytes: Uint8Array, folder: string): Promise<void> {
  const detector = await RetinaFace.load({ weights: bytes, backend: "wasm" });
  const [, ...rows] = readFileSync(path.join(folder, "landmarks.tsv"), "utf8").trim().split("\n");
  const errors = { mesh: [] as number[], head: [] as number[] };
  let missed = 0;
  for (const row of rows) {
    const [file, , , ...numbers] = row.split("\t");
    const known = numbers.slice(0, 8).map(Number);
    const image = await toRawImage(path.join(folder, "images", file));
    const [face] = await detector.detect(image, { mesh: true, maxSide: 320 });
    if (!face?.mesh) {
      missed++;
      continue;
    }
    const { leftEye, rightEye, leftMouth, rightMouth } = face.landmarks;
    const off = (points: readonly (readonly number[])[]) => {
      const eyes = Math.hypot(known[2] - known[0], known[3] - known[1]);
      return (
        mean(points.map(([x, y], i) => Math.hypot(x - known[2 * i], y - known[2 * i + 1]))) / eyes
      );
    };
    const [left, right, , ...mouth] = landmarksOf(face.mesh.vertices);
    errors.mesh.push(100 * off([left, right, ...mouth]));
    errors.head.push(100 * off([leftEye, rightEye, leftMouth, rightMouth]));
  }
  detector.dispose();
  const shown = Object.entries(errors).map(([name, own]) => `${name} ${mean(own).toFixed(1)} %`);
  console.log(`portraits: ${errors.mesh.length}, ${missed} without a mesh; ${shown.join(", ")}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      weights: { type: "string" },
      data: { type: "string" },
      portraits: { type: "string" },
    },
  });
  const { weights, data, portraits } = values;
  if (!weights || !data) {
    throw new UsageError("usage: --weights FILE --data SPEC [--portraits FOLDER]");
  }
  const bytes = new Uint8Array(readFileSync(weights));
  const { cpu, cores, loadAverage, date } = describeMachine();
  console.log(`${date}, ${cpu}, ${cores} cores, load ${loadAverage}`);
  const engine = await WasmEngine.create({ threads: 2 });
  const host = await createHostDevice(engine);
  try {
    const all: Errors[] = [];
    for await (const one of lookAtHeads(host, engine, bytes, data)) all.push(one);
    for (const [k, low] of BANDS.slice(0, -1).entries()) {
      const own = all.filter(({ yaw }) => yaw >= low && yaw < BANDS[k + 1]);
      const of = (name: keyof Errors) => mean(own.map((one) => one[name])).toFixed(1);
      console.log(
        `yaw ${low} to ${BANDS[k + 1]} (${own.length} heads): vertices off by ${of("shape")} % of the eyes' distance ` +
          `(the template ${of("template")} %), in the image by ${of("seen")} % of the square, yaw by ${of("turned")} degrees`,
      );
    }
  } finally {
    host.destroy();
    engine.dispose();
  }
  if (portraits) await lookAtPortraits(bytes, portraits);
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
