import { loadSamples, type Sampler, sampleJobs } from "../augment/loader.js";
import type { Sample } from "../augment/sample.js";
import type { Problem } from "../data/record.js";
import { DataError } from "../errors.js";

/** How far a run has come in its data: `position` samples of `epoch` are used up. */
export interface DataPosition {
  readonly epoch: number;
  readonly position: number;
}

/** A batch, and where the data goes on after it. */
export interface Batch {
  readonly samples: readonly Sample[];
  readonly next: DataPosition;
}

export interface BatchOptions {
  /** Number of records. */
  readonly count: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly start: DataPosition;
  /** Called for each image that could not be used; its place goes to the next one. */
  readonly onProblem?: ((problem: Problem) => void) | undefined;
}

/**
 * Batches without end, in the seeded order of epoch after epoch; a batch may reach over the end of one.
 * @throws {DataError} when as many images in a row as there are cannot be used.
 */
export async function* sampleBatches(
  sampler: Sampler,
  { count, batchSize, seed, start, onProblem }: BatchOptions,
): AsyncGenerator<Batch, void> {
  let samples: Sample[] = [];
  let used = start.epoch * count + start.position;
  let failures = 0;
  for await (const loaded of loadSamples(sampleJobs(count, seed, start), sampler)) {
    used++;
    if ("problem" in loaded) {
      onProblem?.(loaded.problem);
      if (++failures >= count)
        throw new DataError(
          "No image of the training data can be used: mend or leave out those reported.",
        );
      continue;
    }
    failures = 0;
    samples.push(loaded.sample);
    if (samples.length < batchSize) continue;
    const next = { epoch: Math.floor(used / count), position: used % count };
    yield { samples, next };
    samples = [];
  }
}
