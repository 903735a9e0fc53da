#!/usr/bin/env node
/**
 * `npm run bench:heads`: what the mesh decoder and the renderer learn of made-up heads, on processors. A small network from
 * pictures of 64×64 to code, camera and light is trained with and without L_pixel; heads that it has not seen tell the rest.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { faceTemplate, landmarksOf, poseOfCamera } from "@retinaface-webgpu/mesh";
import { compileStep, type Device, nn, optim, Random } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
} from "@retinaface-webgpu/tensor/wasm";
import { describeMachine } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";
import { drawHeads, type Example, PIXELS, rows, SIZE, VERTICES } from "./data.js";
import { HeadNetwork } from "./network.js";
import { pictureOf } from "./picture.js";

const BATCH = 16;
const TRAINING = 1024;
const HELD_OUT = 192;
/** Seeds from here on are not learnt from. */
const FIRST_HELD_OUT = 1_000_000;
const BANDS = [0, 15, 45, 75];
/** Of the template: what errors are relative to. */
const EYES = (() => {
  const [left, right] = landmarksOf(faceTemplate().levels[0].positions);
  return right[0] - left[0];
})();

/** What the network says of a head. */
interface Answer {
  readonly vertices: Float32Array;
  readonly positions: Float32Array;
  readonly camera: Float32Array;
  readonly image: Float32Array;
  readonly mask: Float32Array;
}

async function train(host: Device, examples: readonly Example[], steps: number, pixels: boolean) {
  const network = new HeadNetwork(nn.Init.seeded(host, 1));
  const optimizer = new optim.AdamW([...network.parameters()], { lr: 2e-3 });
  const info = (...shape: number[]) => ({ shape: [BATCH, ...shape], dtype: "f32" }) as const;
  const step = await compileStep(host, {
    inputs: { photo: info(...SIZE, 3), known: info(VERTICES, 3), positions: info(VERTICES, 3) },
    losses: ({ photo, known, positions }) => network.losses(photo, known, positions, pixels),
    optimizer,
    clip: 5,
  });
  const random = new Random(7);
  const schedule = optim.cosineLR(steps, 0.02);
  for (let k = 0; k < steps; k++) {
    const own = Array.from({ length: BATCH }, () => examples[random.integer(examples.length)]);
    step.inputs.photo.write(rows(own.map(({ photo }) => photo)));
    step.inputs.known.write(rows(own.map(({ vertices }) => vertices)));
    step.inputs.positions.write(rows(own.map(({ positions }) => positions)));
    optimizer.groups[0].lr = 2e-3 * schedule(k);
    step.run();
    if (k % 50 === 0 || k === steps - 1) {
      const losses = Object.entries(await step.read());
      console.error(`${k}`.padStart(5), losses.map(([n, v]) => `${n} ${v.toFixed(3)}`).join(", "));
    }
  }
  step.dispose();
  optimizer.dispose();
  return network;
}

async function answersOf(
  network: HeadNetwork,
  host: Device,
  engine: WasmEngine,
  examples: readonly Example[],
): Promise<Answer[]> {
  network.eval();
  const plan = await compileWasm(
    host,
    engine,
    (photo) => {
      const { vertices, camera, rendering } = network.forward(photo);
      return [vertices, rendering.positions, camera, rendering.image, rendering.mask];
    },
    [{ shape: [BATCH, ...SIZE, 3], dtype: "f32" }],
  );
  const lengths = [VERTICES * 3, VERTICES * 3, 7, PIXELS * 3, PIXELS];
  const answers: Answer[] = [];
  for (let first = 0; first < examples.length; first += BATCH) {
    const results = await plan.run([
      rows(examples.slice(first, first + BATCH).map((e) => e.photo)),
    ]);
    const values = plan.outputs.map((output) => outputValues(output, results));
    for (let i = 0; i < BATCH; i++) {
      const parts = values.map((v, k) => v.slice(i * lengths[k], (i + 1) * lengths[k]));
      const [vertices, positions, camera, image, mask] = parts;
      answers.push({ vertices, positions, camera, image, mask });
    }
  }
  plan.dispose();
  return answers;
}

/** Mean distance of points, of `width` numbers each of rows of three. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, width: number): number {
  let sum = 0;
  for (let v = 0; v < a.length; v += 3) {
    let squares = 0;
    for (let k = 0; k < width; k++) squares += (a[v + k] - b[v + k]) ** 2;
    sum += Math.sqrt(squares);
  }
  return sum / (a.length / 3);
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Errors of a band of yaws: of shape relative to the eyes' distance in percent, of places in the image in pixels, of yaw in degrees. */
function errorsOf(
  examples: readonly Example[],
  answers: readonly Answer[],
  low: number,
  high: number,
) {
  const template = faceTemplate().levels[0].positions;
  const own = examples.flatMap((example, i) => {
    const yaw = Math.abs(example.pose.yaw);
    return yaw >= low && yaw < high ? [{ example, answer: answers[i] }] : [];
  });
  const percent = (f: (one: (typeof own)[number]) => number) => 100 * mean(own.map(f));
  return {
    heads: own.length,
    shape: percent(({ example, answer }) => distance(answer.vertices, example.vertices, 3) / EYES),
    template: percent(({ example }) => distance(template, example.vertices, 3) / EYES),
    seen: mean(own.map(({ example, answer }) => distance(answer.positions, example.positions, 2))),
    yaw: mean(
      own.map(({ example, answer }) =>
        Math.abs(poseOfCamera(answer.camera).yaw - example.pose.yaw),
      ),
    ),
  };
}

function report(examples: readonly Example[], answers: readonly Answer[], name: string): void {
  for (const [k, low] of BANDS.slice(0, -1).entries()) {
    const { heads, shape, template, seen, yaw } = errorsOf(examples, answers, low, BANDS[k + 1]);
    console.log(
      `${name}, yaw ${low} to ${BANDS[k + 1]} (${heads} heads): vertices off by ${shape.toFixed(1)} % of the eyes' distance ` +
        `(the template ${template.toFixed(1)} %), in the image by ${seen.toFixed(2)} px, yaw by ${yaw.toFixed(1)} degrees`,
    );
  }
  const off = examples.map(({ photo }, i) => pixelError(photo, answers[i]));
  console.log(`${name}: pixels of the mesh off by ${(100 * mean(off)).toFixed(1)} % of white`);
}

/** Mean difference of what shows the mesh. */
function pixelError(photo: Float32Array, { image, mask }: Answer): number {
  const off = Array.from(photo, (v, i) => Math.abs(v - image[i])).filter(
    (_, i) => mask[Math.floor(i / 3)] > 0.5,
  );
  return off.length > 0 ? mean(off) : 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { steps: { type: "string", default: "600" }, picture: { type: "string" } },
  });
  const steps = Number(values.steps);
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new UsageError(`usage: [--steps 600] [--picture FILE.png], not ${values.steps}`);
  }
  const engine = await WasmEngine.create({ threads: 2 });
  const host = await createHostDevice(engine);
  try {
    const { cpu, cores, loadAverage, date } = describeMachine();
    console.log(`${date}, ${steps} steps of ${BATCH}, ${cpu}, ${cores} cores, load ${loadAverage}`);
    const seeds = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => first + i);
    const training = await drawHeads(host, engine, seeds(0, TRAINING));
    const heldOut = await drawHeads(host, engine, seeds(FIRST_HELD_OUT, HELD_OUT));
    for (const pixels of [false, true]) {
      const start = performance.now();
      const network = await train(host, training, steps, pixels);
      const each = (performance.now() - start) / steps / BATCH;
      const answers = await answersOf(network, host, engine, heldOut);
      network.dispose();
      report(heldOut, answers, pixels ? "with L_pixel" : "without L_pixel");
      console.log(`${each.toFixed(1)} ms a face and step`);
      if (pixels && values.picture) {
        const shown = heldOut.slice(0, 10).map(({ photo }, i) => ({ photo, ...answers[i] }));
        writeFileSync(values.picture, pictureOf(shown));
      }
    }
  } finally {
    host.destroy();
    engine.dispose();
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
