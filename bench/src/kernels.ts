import { conv2dTraits, type Device } from "@retinaface-webgpu/tensor";
import type { Ceilings } from "./ceilings.js";
import { kernelCases } from "./kernel-cases.js";
import { interleave, type Summary, summarize } from "./statistics.js";
import { PreparedWork } from "./work.js";

/** How fast one kernel (or a short row of them) is. */
export interface KernelResult {
  readonly name: string;
  /** Milliseconds. */
  readonly time: Summary;
  readonly gflops: number;
  readonly gbytes: number;
  /** The time the tighter ceiling allows over the time taken; above 1 where caches beat the copy rate. */
  readonly share: number;
  /** Which ceiling that is. */
  readonly bound: "arithmetic" | "memory";
  /** Milliseconds of the first run less a later one: compilation. */
  readonly firstCall: number;
}

/** How much is measured. */
export interface KernelOptions {
  readonly filter: RegExp | undefined;
  readonly rounds: number;
  /** Milliseconds a measurement should take. */
  readonly milliseconds: number;
}

/** Compares a time with what the ceilings allow (the roofline model, Williams et al. 2009). */
export function roofline(
  { flops, bytes }: { readonly flops: number; readonly bytes: number },
  milliseconds: number,
  ceilings: Ceilings,
): Pick<KernelResult, "gflops" | "gbytes" | "share" | "bound"> {
  const arithmetic = flops / ceilings.gflops / 1e6;
  const memory = bytes / ceilings.gbytes / 1e6;
  return {
    gflops: flops / milliseconds / 1e6,
    gbytes: bytes / milliseconds / 1e6,
    share: Math.max(arithmetic, memory) / milliseconds,
    bound: arithmetic > memory ? "arithmetic" : "memory",
  };
}

/** Times all kernels that match, with a filter all variants of a convolution, in turn over several rounds; slowest first. */
export async function benchKernels(
  device: Device,
  ceilings: Ceilings,
  { filter, rounds, milliseconds }: KernelOptions,
): Promise<KernelResult[]> {
  const cases = kernelCases(conv2dTraits(device, true), filter !== undefined);
  const works = cases.filter(({ name }) => filter?.test(name) ?? true);
  const prepared = works.map((work) => new PreparedWork(device, work));
  const first = new Map<PreparedWork, number>();
  try {
    for (const work of prepared) first.set(work, await work.prepare(milliseconds));
    const times = await interleave(prepared, rounds, (work) => work.time());
    const results = prepared.map((work): KernelResult => {
      const time = summarize(times.get(work)!);
      const firstCall = Math.max(0, first.get(work)! - time.median);
      return { name: work.work.name, time, firstCall, ...roofline(work, time.median, ceilings) };
    });
    return results.sort((a, b) => b.time.median - a.time.median);
  } finally {
    for (const work of prepared) work.release();
  }
}
