import { nn } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { RetinaFaceNetwork } from "retinaface-webgpu";
import { CompiledTraining, sgd } from "./compiled-training.js";
import { interleave, type Summary, summarize } from "./statistics.js";

/** Milliseconds an image of a compiled step on the WebAssembly engine. */
export interface WasmTrainingResult {
  readonly threads: number;
  readonly batch: number;
  readonly time: Summary;
  /** Milliseconds an image by groups of kernels, by the threads' clock: of the step in which each took the least. */
  readonly groups: Readonly<Record<string, number>>;
}

const THREADS = [1, 2];
const BATCHES = [1, 8];

/** Times compiled steps on processors by threads and batch, in turn. */
export async function benchWasmTraining(
  network: RetinaFaceNetwork,
  side: number,
  rounds: number,
): Promise<WasmTrainingResult[]> {
  const weights = await network.stateDict();
  const made: { dispose(): void }[] = [];
  const work: { threads: number; batch: number; training: CompiledTraining }[] = [];
  try {
    for (const threads of THREADS) {
      const engine = await WasmEngine.create({ threads });
      made.unshift(engine);
      const device = await createHostDevice(engine);
      made.unshift({ dispose: () => device.destroy() });
      const student = new RetinaFaceNetwork(nn.Init.seeded(device, 1), network.config);
      student.loadStateDict(weights);
      student.train().requiresGrad(true);
      const optimizer = sgd(student);
      made.unshift(optimizer, student);
      for (const batch of BATCHES) {
        const training = await CompiledTraining.create(device, student, optimizer, batch, side);
        made.unshift(training);
        work.push({ threads, batch, training });
      }
    }
    for (const { training } of work) await training.step();
    const times = await interleave(work, rounds, ({ training }) => training.step());
    const groups = await leastGroups(work.map(({ training }) => training));
    return work.map((each, i) => ({
      threads: each.threads,
      batch: each.batch,
      time: summarize(times.get(each)!.map((ms) => ms / each.batch)),
      groups: Object.fromEntries(
        Object.entries(groups[i]).map(([name, ms]) => [name, ms / each.batch]),
      ),
    }));
  } finally {
    for (const each of made) each.dispose();
  }
}

/** Steps that are timed by groups. */
const PROFILED = 3;

async function leastGroups(
  trainings: readonly CompiledTraining[],
): Promise<Record<string, number>[]> {
  const least = trainings.map((): Record<string, number> => ({}));
  for (let i = 0; i < PROFILED; i++) {
    for (const [k, training] of trainings.entries()) {
      for (const [name, ms] of Object.entries(await training.groups())) {
        least[k][name] = Math.min(least[k][name] ?? Number.POSITIVE_INFINITY, ms);
      }
    }
  }
  return least;
}
