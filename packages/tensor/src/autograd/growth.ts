import type { Device } from "../device/device.js";

/** Backward passes between looks at the memory. */
const WINDOW = 100;

interface Watch {
  passes: number;
  buffers: number;
  /** Windows in a row in which the number of live buffers grew by one a pass or more. */
  growing: number;
}

const watches = new WeakMap<Device, Watch>();

/**
 * Counts a backward pass, and warns once where live tensors grow with every one: a loop that neither has a scope nor
 * disposes of what it makes runs until the memory is full, since the garbage collector does not know of it.
 */
export function watchGrowth(device: Device): void {
  const watch = watches.get(device) ?? { passes: 0, buffers: 0, growing: 0 };
  watches.set(device, watch);
  if (watch.passes++ % WINDOW !== 0) return;
  const { liveBuffers, liveBytes } = device.memory();
  const grown = watch.passes > 1 ? liveBuffers - watch.buffers : 0;
  watch.buffers = liveBuffers;
  watch.growing = grown >= WINDOW ? watch.growing + 1 : 0;
  if (watch.growing !== 2) return;
  const megabytes = (liveBytes / 2 ** 20).toFixed(0);
  console.warn(
    `Live tensors grew by ${grown} in the last ${WINDOW} backward passes, to ${megabytes} MB: put each step into ` +
      "tidy(), or dispose() of what it makes.",
  );
}
