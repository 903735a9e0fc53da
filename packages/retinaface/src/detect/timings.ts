/**
 * Where the time of one call went, in milliseconds. Images of several sizes add up, and as the work for one size overlaps
 * that for the next, the parts may then exceed the total.
 */
export interface Timings {
  /** Reading, decoding or drawing the images until their pixels are at hand. */
  decode: number;
  /** Preparing the network for a size not seen lately, or a device after a loss; else next to 0. */
  prepare: number;
  /** Handing pixels and commands to the GPU's queue, on the CPU. */
  upload: number;
  /** From then until the result was read back: the GPU's work, after what it still had to do for others. */
  gpu: number;
  /** From the GPU's result to faces, on the CPU. */
  faces: number;
  /** From the call to its result; waiting for earlier calls included. */
  total: number;
  /** With `profile`, where the adapter has timestamps: the part of `gpu` by the GPU's own clock. */
  stages?: StageTimings;
}

/** What the GPU did, in milliseconds. */
export interface StageTimings {
  /** Resizing, channel order and mean. */
  preprocess: number;
  network: number;
  /** Candidates, sorting and suppression. */
  postprocess: number;
  /** The rest: submission and read-back. */
  readback: number;
}

/** Times that start at 0. */
export function noTimings(): Timings {
  return { decode: 0, prepare: 0, upload: 0, gpu: 0, faces: 0, total: 0 };
}

type Part = Exclude<keyof Timings, "stages">;

/** Adds the time since `start` to a part; returns now, the start of the next part. */
export function lap(timings: Timings, part: Part, start: number): number {
  const now = performance.now();
  timings[part] += now - start;
  return now;
}

/** Adds `more` to `timings`, part by part. */
export function addTimings(timings: Timings, more: Timings): void {
  const { stages, ...parts } = more;
  for (const part of Object.keys(parts) as Part[]) timings[part] += parts[part];
  if (!stages) return;
  timings.stages ??= { preprocess: 0, network: 0, postprocess: 0, readback: 0 };
  for (const stage of Object.keys(stages) as (keyof StageTimings)[]) {
    timings.stages[stage] += stages[stage];
  }
}
