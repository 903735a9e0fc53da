import type { KernelTiming } from "./dispatch-timer.js";

/** Runs work and tells what each of its kernels took. */
export type Profiler = (work: () => void | Promise<void>) => Promise<KernelTiming[]>;

const profilers = new WeakMap<object, Profiler>();

/** Says how `Device.profile` of a device goes that has no timestamps of a GPU. */
export function registerProfiler(device: object, profiler: Profiler): void {
  profilers.set(device, profiler);
}

export function profilerOf(device: object): Profiler | undefined {
  return profilers.get(device);
}
