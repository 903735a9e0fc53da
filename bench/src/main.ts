#!/usr/bin/env node
/** `npm run bench`: kernels, the whole model, training and cold start on this machine's adapter. */
import { loadavg } from "node:os";
import { Device, WeightStore } from "@retinaface-webgpu/tensor";
import { measureCeilings } from "./ceilings.js";
import { benchColdStart } from "./cold-start.js";
import { describeEnvironment } from "./environment.js";
import { benchKernels } from "./kernels.js";
import { benchModel } from "./model.js";
import { compileNetwork, findBenchWeights, makeNetwork } from "./network.js";
import { type BenchOptions, parseOptions, reportFailure, UsageError } from "./options.js";
import { planResults } from "./output.js";
import { type BenchResult, CHARTS, chartsOf, formatResult } from "./report.js";
import { benchStages, type StageResult } from "./stages.js";
import { benchTraining } from "./training.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

async function measure({ filter, quick }: BenchOptions): Promise<BenchResult> {
  const wants = (section: string) => filter?.test(section) ?? true;
  const result = await withDevice(async (device): Promise<Mutable<BenchResult>> => {
    const environment = describeEnvironment(device.adapter);
    progress("ceilings");
    const ceilings = await measureCeilings(device, quick ? 3 : 7);
    progress("kernels");
    const options = { filter, rounds: quick ? 3 : 7, milliseconds: quick ? 5 : 20 };
    return { environment, ceilings, kernels: await benchKernels(device, ceilings, options) };
  });
  if (["model", "stages", "training"].some(wants)) {
    await withDevice((device) => measureModel(device, result, wants, quick));
  }
  result.loadAverageAfter = Number(loadavg()[0].toFixed(2));
  return result;
}

/** Runs `use` on a device of its own, whose memory figures nothing before it touches. */
async function withDevice<T>(use: (device: Device) => Promise<T>): Promise<T> {
  const device = await Device.create();
  try {
    return await use(device);
  } finally {
    device.destroy();
  }
}

async function measureModel(
  device: Device,
  result: Mutable<BenchResult>,
  wants: (section: string) => boolean,
  quick: boolean,
): Promise<void> {
  const { bytes, origin } = await findBenchWeights(device);
  result.weights = origin;
  const network = makeNetwork(device, bytes);
  const rounds = quick ? 5 : 15;
  if (wants("model")) {
    progress("model over sides and batches");
    result.model = await benchModel(device, network, {
      sides: quick ? [320, 640] : [320, 480, 640, 960, 1280, 1920, 2560],
      batches: quick ? [1, 2] : [1, 2, 4, 8, 16],
      rounds,
    });
  }
  if (wants("stages")) {
    progress("stages");
    result.stages = await measureStages(device, network, bytes, rounds);
  }
  if (wants("training")) {
    progress("training");
    result.training = await benchTraining(device, network, rounds);
  }
  network.dispose();
}

async function measureStages(
  device: Device,
  network: ReturnType<typeof makeNetwork>,
  bytes: Uint8Array,
  rounds: number,
): Promise<StageResult> {
  network.eval().requiresGrad(false);
  const store = new WeightStore(device);
  const plan = await compileNetwork(device, network, [1, 640, 640], store);
  const run = async () => {
    plan.run();
    await device.sync();
  };
  const stages = await benchStages(device, bytes, run, rounds);
  plan.dispose();
  store.dispose();
  return stages;
}

/** While no device of this process lives: Dawn would poll it as the children run. */
async function measureColdStart(quick: boolean) {
  progress("cold start");
  const { bytes } = await withDevice(findBenchWeights);
  return benchColdStart(bytes, quick ? 1 : 3);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const writeResults = await planResults("bench", CHARTS, options);
  const cold = options.filter?.test("cold start") ?? true;
  const coldStart = cold ? await measureColdStart(options.quick) : undefined;
  const measured = await measure(options);
  const result = coldStart ? { ...measured, coldStart } : measured;
  const empty = result.kernels?.length === 0 && !result.weights && !coldStart;
  if (empty) throw new UsageError(`nothing matches --filter ${options.filter?.source}`);
  await writeResults({ result, table: formatResult(result), charts: chartsOf(result) });
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
