import { type Device, type KernelTiming, WeightStore } from "@retinaface-webgpu/tensor";
import type { RetinaFaceNetwork } from "retinaface-webgpu";
import { compileNetwork, sumFlops } from "./network.js";
import { randomValues } from "./random.js";
import { type Summary, summarize } from "./statistics.js";

/** The network alone at one input size. */
export interface NetworkResult {
  readonly batch: number;
  readonly side: number;
  /** Milliseconds from submitting to done, input and outputs staying on the GPU. */
  readonly time: Summary;
  readonly gflops: number;
  readonly dispatches: number;
  /** Milliseconds to plan and compile; later sizes share the pipelines of earlier ones. */
  readonly compile: number;
  /** Milliseconds of the first run less a later one. */
  readonly firstRun: number;
  readonly memory: {
    readonly arena: number;
    readonly activations: number;
    /** Buffers lent out while the plan exists, less those before: arena, weights and outputs. */
    readonly plan: number;
    /** The device's peak so far. */
    readonly peak: number;
  };
}

/** Time of one kind of kernel within a frame. */
export interface KernelShare {
  readonly name: string;
  readonly dispatches: number;
  readonly milliseconds: number;
  readonly gflops: number;
}

/** How often a network of this many pixels is run: big ones are slow enough to need fewer. */
function runsFor(batch: number, side: number, most: number): number {
  return Math.max(2, Math.min(most, Math.round((most * 640 * 640) / (batch * side * side))));
}

/** Times the network at one input size. */
export async function benchNetwork(
  device: Device,
  network: RetinaFaceNetwork,
  weights: WeightStore,
  { batch, side, rounds }: { batch: number; side: number; rounds: number },
): Promise<NetworkResult> {
  const before = device.memory().liveBytes;
  const start = performance.now();
  const plan = await compileNetwork(device, network, [batch, side, side], weights);
  await device.sync();
  const compile = performance.now() - start;
  try {
    plan.inputs[0].write(randomValues(batch * side * side * 3, 1, 128));
    await device.sync();
    const run = async (): Promise<number> => {
      const began = performance.now();
      plan.run();
      await device.sync();
      return performance.now() - began;
    };
    const first = await run();
    const times: number[] = [];
    for (let i = 0; i < runsFor(batch, side, rounds); i++) times.push(await run());
    const time = summarize(times);
    const flops = sumFlops(await device.profile(() => plan.run()));
    const { liveBytes, peakBytes } = device.memory();
    const { arenaBytes, activationBytes, dispatches } = plan.stats;
    return {
      batch,
      side,
      time,
      gflops: flops / time.median / 1e6,
      dispatches,
      compile,
      firstRun: Math.max(0, first - time.median),
      memory: {
        arena: arenaBytes,
        activations: activationBytes,
        plan: liveBytes - before,
        peak: peakBytes,
      },
    };
  } finally {
    plan.dispose();
  }
}

/** Where the time of one frame goes by kernel; empty without timestamps. */
export function shareByKernel(timings: readonly KernelTiming[]): KernelShare[] {
  const totals = new Map<string, { dispatches: number; milliseconds: number; flops: number }>();
  for (const { name, milliseconds, flops } of timings) {
    const total = totals.get(name) ?? { dispatches: 0, milliseconds: 0, flops: 0 };
    total.dispatches++;
    total.milliseconds += milliseconds;
    total.flops += flops;
    totals.set(name, total);
  }
  return [...totals]
    .map(([name, { dispatches, milliseconds, flops }]) => ({
      name,
      dispatches,
      milliseconds,
      gflops: milliseconds > 0 ? flops / milliseconds / 1e6 : 0,
    }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Sizes of the growth tables. */
export interface GrowthOptions {
  readonly sides: readonly number[];
  readonly batches: readonly number[];
  readonly rounds: number;
}

/** The network over input sides (batch 1) and over batches (side 640), and where one frame's time goes. */
export async function benchModel(
  device: Device,
  network: RetinaFaceNetwork,
  { sides, batches, rounds }: GrowthOptions,
): Promise<{
  main: NetworkResult;
  sides: NetworkResult[];
  batches: NetworkResult[];
  weightBytes: number;
  byKernel: KernelShare[];
}> {
  network.eval().requiresGrad(false);
  const weights = new WeightStore(device);
  const at = (batch: number, side: number) =>
    benchNetwork(device, network, weights, { batch, side, rounds });
  try {
    const before = device.memory().liveBytes;
    const main = await at(1, 640);
    const weightBytes = device.memory().liveBytes - before;
    const results: { sides: NetworkResult[]; batches: NetworkResult[] } = {
      sides: [],
      batches: [],
    };
    for (const side of sides) results.sides.push(await at(1, side));
    device.trim();
    for (const batch of batches) results.batches.push(await at(batch, 640));
    device.trim();
    const plan = await compileNetwork(device, network, [1, 640, 640], weights);
    plan.inputs[0].write(randomValues(640 * 640 * 3, 1, 128));
    await device.profile(() => plan.run());
    const byKernel = shareByKernel(await device.profile(() => plan.run()));
    plan.dispose();
    return { main, ...results, weightBytes, byKernel };
  } finally {
    weights.dispose();
  }
}
