#!/usr/bin/env node
/**
 * `npm run bench:mesh`: milliseconds a face for decoding codes and drawing meshes at 64×64, and for a training step of both,
 * on WebGPU and by WebAssembly with two threads, in turn. Both must draw the same picture first. Then what `detect()` takes
 * of the sample picture's faces without meshes and with them.
 */
import path from "node:path";
import { cameraFor, MeshDecoder, MeshRenderer, pixelLoss } from "@retinaface-webgpu/mesh";
import {
  compile,
  compileStep,
  Device,
  nn,
  optim,
  Random,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
} from "@retinaface-webgpu/tensor/wasm";
import { RetinaFace, toRawImage } from "retinaface-webgpu";
import { describeEnvironment, root } from "./environment.js";
import { reportFailure } from "./options.js";
import { interleave, summarize } from "./statistics.js";

const SIZE = [64, 64] as const;
const CODE = 128;
const ROUNDS = 15;
const BATCHES = [1, 8];

/** Uniform from 0 to 1. */
function numbers(seed: number, length: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.uniform());
}

/** Decoder and renderer on a device, and what they make of codes. */
function pipeline(device: Device, batch: number) {
  const decoder = new MeshDecoder(nn.Init.seeded(device, 1));
  const [{ vertices, triangles }] = decoder.template.levels;
  const renderer = new MeshRenderer(device, triangles, { vertices, size: SIZE });
  const repeated = (row: readonly number[]) =>
    tensor(device, Array.from({ length: batch }, () => row).flat(), [batch, row.length]);
  const camera = repeated(cameraFor({ pose: { yaw: 20 }, distance: 60, focal: 5 }));
  const light = repeated([0, 20, 60, 0.6, 0.6, 0.6, 0.4, 0.4, 0.4]);
  const photo = tensor(device, numbers(4, batch * SIZE[0] * SIZE[1] * 3), [batch, ...SIZE, 3]);
  const draw = (code: Tensor) => renderer.render({ ...decoder.forward(code), camera, light });
  return { decoder, renderer, draw, photo };
}

/** What is timed, by name. */
type Runs = Record<string, () => Promise<unknown>>;

async function runsOf(
  device: Device,
  host: Device,
  engine: WasmEngine,
  batch: number,
): Promise<Runs> {
  const codes = numbers(2, batch * CODE);
  const input = { shape: [batch, CODE], dtype: "f32" } as const;
  const [gpu, cpu] = [pipeline(device, batch), pipeline(host, batch)];
  const plan = await compile(device, (code) => [gpu.draw(code).image], [input]);
  const wasmPlan = await compileWasm(host, engine, (code) => [cpu.draw(code).image], [input]);
  const stepOf = (on: typeof gpu, own: Device) =>
    compileStep(own, {
      inputs: { code: input },
      losses: ({ code }) => ({ total: pixelLoss(on.draw(code), on.photo) }),
      optimizer: new optim.SGD([...on.decoder.parameters()], { lr: 1e-3 }),
    });
  const steps = [await stepOf(gpu, device), await stepOf(cpu, host)];
  const drawn = async () => {
    plan.inputs[0].write(codes);
    plan.run();
    return plan.outputs[0].tensor.data();
  };
  const drawnByWasm = async () => {
    const results = await wasmPlan.run([codes]);
    return outputValues(wasmPlan.outputs[0], results);
  };
  const trained = async (step: (typeof steps)[number]) => {
    step.inputs.code.write(codes);
    step.run();
    return step.read();
  };
  requireAlike(await drawn(), await drawnByWasm());
  return {
    "draw, WebGPU": drawn,
    "draw, WebAssembly": drawnByWasm,
    "step, WebGPU": () => trained(steps[0]),
    "step, WebAssembly": () => trained(steps[1]),
  };
}

/** @throws Error unless nearly all numbers agree: at edges pixels may show another triangle. */
function requireAlike(a: ArrayLike<number>, b: ArrayLike<number>): void {
  const differ = Array.from(a).filter((v, i) => !(Math.abs(v - b[i]) <= 1e-4)).length;
  if (differ > a.length / 100) throw new Error(`${differ} of ${a.length} numbers differ`);
}

/** Calls each in turn, and gives its milliseconds without the first two rounds. */
async function timeInTurn(runs: Runs) {
  const times = await interleave(Object.entries(runs), ROUNDS, async ([, run]) => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  });
  return [...times].map(([[name], own]) => ({ name, ...summarize(own.slice(2)) }));
}

/** `detect()` by weights that have the branch, with meshes asked for and not. */
async function timeDetection(): Promise<void> {
  const weights = path.join(root, "packages/retinaface/weights/mesh.safetensors");
  const image = await toRawImage(path.join(root, "packages/retinaface/assets/sample.png"));
  const detectors = {
    WebGPU: await RetinaFace.load({ weights, backend: "webgpu" }),
    WebAssembly: await RetinaFace.load({ weights, backend: "wasm", threads: 2 }),
  };
  const runs = Object.entries(detectors).flatMap(([name, detector]) => [
    [`${name}, no meshes`, () => detector.detect(image)] as const,
    [`${name}, meshes`, () => detector.detect(image, { mesh: true })] as const,
  ]);
  const faces = await detectors.WebGPU.detect(image, { mesh: true });
  const meshes = faces.filter(({ mesh }) => mesh).length;
  for (const { name, median, min } of await timeInTurn(Object.fromEntries(runs))) {
    const [middle, least] = [median, min].map((ms) => ms.toFixed(1));
    console.log(`detect, ${name}: ${middle} ms (least ${least}), ${meshes} meshes`);
  }
  for (const detector of Object.values(detectors)) detector.dispose();
}

async function main(): Promise<void> {
  const device = await Device.create();
  const engine = await WasmEngine.create({ threads: 2 });
  const host = await createHostDevice(engine);
  const { adapter, cpu, cores, loadAverage, date } = describeEnvironment(device.adapter);
  console.log(`${date}, ${adapter.name}, ${cpu}, ${cores} cores, load ${loadAverage}`);
  for (const batch of BATCHES) {
    const runs = await runsOf(device, host, engine, batch);
    for (const { name, median, min } of await timeInTurn(runs)) {
      const each = [median, min].map((ms) => (ms / batch).toFixed(1));
      console.log(`${batch} face(s), ${name}: ${each[0]} ms a face (least ${each[1]})`);
    }
  }
  host.destroy();
  engine.dispose();
  device.destroy();
  await timeDetection();
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
