import type { LiveBuffers } from "../device/buffer-pool.js";
import type { Device } from "../device/device.js";

/** Backward passes between looks at the memory. */
const WINDOW = 100;

/** Makers of tensors that the warning names. */
const NAMED = 3;

interface Watch {
  passes: number;
  makers: readonly LiveBuffers[];
  /** Windows in a row in which the number of live buffers grew by one a pass or more. */
  growing: number;
}

const watches = new WeakMap<Device, Watch>();

/**
 * Counts a backward pass, and warns once where live tensors grow with every one: a loop that neither has a scope nor
 * disposes of what it makes runs until the memory is full, since the garbage collector does not know of it.
 */
export function watchGrowth(device: Device): void {
  const watch = watches.get(device) ?? { passes: 0, makers: [], growing: 0 };
  watches.set(device, watch);
  if (watch.passes++ % WINDOW !== 0) return;
  const makers = device.makers();
  const grown = watch.passes > 1 ? count(makers) - count(watch.makers) : 0;
  const before = watch.makers;
  watch.makers = makers;
  watch.growing = grown >= WINDOW ? watch.growing + 1 : 0;
  if (watch.growing !== 2) return;
  const megabytes = (device.memory().liveBytes / 2 ** 20).toFixed(0);
  console.warn(
    `Live tensors grew by ${grown} in the last ${WINDOW} backward passes, to ${megabytes} MB, most of them made ` +
      `by ${mostGrown(before, makers)}: put each step into tidy(), or dispose() of what it makes.`,
  );
}

function count(makers: readonly LiveBuffers[]): number {
  return makers.reduce((total, { buffers }) => total + buffers, 0);
}

/** Such as "matmul (+200), add (+100)". */
function mostGrown(before: readonly LiveBuffers[], now: readonly LiveBuffers[]): string {
  const earlier = new Map(before.map(({ madeBy, buffers }) => [madeBy, buffers]));
  return now
    .map(({ madeBy, buffers }) => ({ madeBy, grown: buffers - (earlier.get(madeBy) ?? 0) }))
    .sort((a, b) => b.grown - a.grown)
    .slice(0, NAMED)
    .filter(({ grown }) => grown > 0)
    .map(({ madeBy, grown }) => `${madeBy} (+${grown})`)
    .join(", ");
}
