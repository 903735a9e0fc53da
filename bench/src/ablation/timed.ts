import { readFileSync } from "node:fs";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { inferNetwork, readWeights } from "retinaface-webgpu";
import type { TimedCommand } from "../train-command.js";
import { countNetwork } from "../zoo/count.js";

/** Equal training time: how much, of which clock, over how many of the photos. */
export interface TimeBudget {
  readonly seconds: number;
  /** `processor`: of all threads, which other work on the machine does not change; `clock`: where a graphics card computes. */
  readonly of: "processor" | "clock";
  /** Photos of an epoch: few, so that whole epochs come close to the time. */
  readonly images: number;
}

/** Multiply-adds of the published MobileNet-0.25 at 640×640, in millions: no row may take more. */
export const MOST_MMAC = 981;

/** A SPEC of so many images. */
export function limited(spec: string, images: number): string {
  return `${spec}${spec.includes("?") ? "&" : "?"}limit=${images}`;
}

/**
 * Epochs that take the time, from an epoch and a part of one: what both took for begin and end is in neither, so that
 * all rows train for the time from where their first step begins.
 */
export function epochsFor(
  { seconds, of }: TimeBudget,
  part: TimedCommand,
  whole: TimedCommand,
): number {
  const [some, all] = [part, whole].map(({ result }) => Number(result.steps));
  const step = (whole.seconds[of] - part.seconds[of]) / (all - some);
  if (!(step > 0))
    throw new Error(
      `${all} steps took no longer than ${some}: give more photos, or try again with less other work on the machine`,
    );
  return Math.max(1, Math.round(seconds / (step * all)));
}

/** Multiply-adds of a model at 640×640, in millions. @throws where they are more than {@link MOST_MMAC} */
export async function checkedMmac(row: string, file: string): Promise<number> {
  const { state, config } = readWeights(new Uint8Array(readFileSync(file)));
  const device = await createHostDevice();
  try {
    const mmac = Math.round(countNetwork(device, inferNetwork(state, config.heads)).mmac);
    if (mmac <= MOST_MMAC) return mmac;
    throw new Error(
      `${row} takes ${mmac} million multiply-adds, and rows compared by time at most ${MOST_MMAC}: make it smaller`,
    );
  } finally {
    device.destroy();
  }
}
