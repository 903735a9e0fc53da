#!/usr/bin/env node
/**
 * `npm run bench:embed`: milliseconds from an aligned face's pixels to its vector, by the embedding networks with random
 * weights, on WebAssembly with one and two threads and on WebGPU, in turn. All must give the same vectors first.
 */
import { parseArgs } from "node:util";
import {
  ARCHITECTURES,
  buildNetwork,
  Embedder,
  type EmbedderConfig,
  embedderConfig,
  similarity,
  writeEmbedder,
} from "@retinaface-webgpu/identify";
import { nn, Random } from "@retinaface-webgpu/tensor";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import type { RawImage } from "retinaface-webgpu";
import { describeMachine } from "./environment.js";
import { reportFailure, UsageError } from "./options.js";
import { interleave, quantile, timeOf } from "./statistics.js";

/** The engines, as options of `Embedder.load`. */
const ENGINES = {
  "wasm, 1 thread": { backend: "wasm", threads: 1 },
  "wasm, 2 threads": { backend: "wasm", threads: 2 },
  webgpu: { backend: "webgpu" },
} as const;

/** How far the cosine of two engines' vectors may be from 1. */
const TOLERANCE = 1e-4;

async function randomWeights(config: EmbedderConfig): Promise<Uint8Array> {
  const host = await createHostDevice();
  const network = buildNetwork(nn.Init.seeded(host, 1), config);
  const bytes = writeEmbedder({ config, state: await network.stateDict() });
  host.destroy();
  return bytes;
}

function randomFace(side: number): RawImage {
  const random = new Random(side);
  const data = Uint8ClampedArray.from({ length: side * side * 4 }, () => random.integer(256));
  return { data, width: side, height: side };
}

async function measure(config: EmbedderConfig, rounds: number): Promise<void> {
  const weights = await randomWeights(config);
  const face = randomFace(config.size);
  const embedders: Embedder[] = [];
  const vectors: Float32Array[] = [];
  for (const engine of Object.values(ENGINES)) {
    const embedder = await Embedder.load(weights, engine);
    embedders.push(embedder);
    vectors.push(await embedder.embed([face]));
  }
  for (const vector of vectors.slice(1)) {
    const alike = similarity(vector, vectors[0]);
    if (!(alike > 1 - TOLERANCE)) throw new Error(`the engines differ: ${alike}`);
  }
  const taken = await interleave(embedders, rounds, (embedder) =>
    timeOf(() => embedder.embed([face])),
  );
  for (const embedder of embedders) embedder.dispose();
  const at = (times: readonly number[], share: number) => quantile(times, share).toFixed(1);
  const told = Object.keys(ENGINES).map((name, i) => {
    const own = taken.get(embedders[i])!;
    const [clock, processor] = [own.map((each) => each.clock), own.map((each) => each.processor)];
    return `${name} ${at(clock, 0.5)} ms, least ${at(clock, 0)} (${at(processor, 0.5)} of processors)`;
  });
  const { architecture, size, dimension } = config;
  say(`${architecture}, ${size}×${size} to ${dimension}: ${told.join("; ")}`);
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      networks: { type: "string", default: "mobilefacenet,resnet18,resnet50" },
      rounds: { type: "string", default: "15" },
    },
  });
  const names = values.networks.split(",");
  const rounds = Number(values.rounds);
  const known = ARCHITECTURES.filter((name) => names.includes(name));
  if (known.length !== names.length || !(Number.isSafeInteger(rounds) && rounds >= 1)) {
    throw new UsageError(`usage: [--networks ${ARCHITECTURES.join(",")}] [--rounds 15]`);
  }
  const { cpu, cores, loadAverage, date } = describeMachine();
  say(`${cpu}, ${cores} cores, load ${loadAverage}, ${date.slice(0, 10)}`);
  for (const architecture of known) await measure(embedderConfig({ architecture }), rounds);
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
