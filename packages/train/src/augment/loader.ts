import { loadImage } from "../data/image.js";
import type { FaceRecord, Problem } from "../data/record.js";
import { seededRandom } from "../random.js";
import { pasteHeads } from "./made-up-heads.js";
import { type AugmentOptions, augment, type Sample, sampleRandom } from "./sample.js";

/** Which sample to make. */
export interface SampleJob {
  readonly epoch: number;
  /** Index of the record. */
  readonly index: number;
}

/** A sample, or why its image could not be used. */
export type LoadedSample =
  | { readonly job: SampleJob; readonly sample: Sample }
  | { readonly job: SampleJob; readonly problem: Problem };

/** Makes samples; {@link close} it when done. */
export interface Sampler {
  /** How many samples it makes at once. */
  readonly concurrency: number;
  load(job: SampleJob): Promise<LoadedSample>;
  close(): Promise<void>;
}

/** What samplers are made of. */
export interface SamplerOptions {
  readonly records: readonly FaceRecord[];
  readonly augment: AugmentOptions;
  readonly seed: number;
}

/** Makes one sample; an image that cannot be read or decoded is a problem, not an exception. */
export async function loadSample(options: SamplerOptions, job: SampleJob): Promise<LoadedSample> {
  const record = options.records[job.index];
  try {
    const image = await loadImage(record.image);
    const random = sampleRandom(options.seed, job.epoch, job.index);
    const sample = augment(record, image, options.augment, random);
    const { heads = 0 } = options.augment;
    return { job, sample: heads > 0 ? pasteHeads(sample, heads, random) : sample };
  } catch (error) {
    const file = typeof record.image === "string" ? record.image : record.id;
    return { job, problem: { file, message: (error as Error).message } };
  }
}

/** A sampler on the calling thread, for browsers and for one processor. */
export function createSampler(options: SamplerOptions): Sampler {
  return {
    concurrency: 1,
    load: (job) => loadSample(options, job),
    close: async () => {},
  };
}

/** Indices 0…count−1 in the seeded order of one epoch. */
export function epochOrder(count: number, seed: number, epoch: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  return seededRandom(seed, epoch, -1).shuffle(order);
}

/**
 * Every sample of epoch after epoch without end, from a position on: where to resume.
 * @param start `position` samples of `epoch` are left out
 */
export function* sampleJobs(
  count: number,
  seed: number,
  start: { readonly epoch: number; readonly position: number } = { epoch: 0, position: 0 },
): Generator<SampleJob, never> {
  let { position } = start;
  for (let epoch = start.epoch; ; epoch++) {
    for (const index of epochOrder(count, seed, epoch).slice(position)) yield { epoch, index };
    position = 0;
  }
}

/**
 * Makes what `jobs` ask for ahead of its use, at most `ahead` of them, and hands it out in the order of the
 * jobs, whatever order it is finished in.
 */
export async function* makeAhead<Job, Result>(
  jobs: Iterable<Job>,
  make: (job: Job) => Promise<Result>,
  ahead: number,
): AsyncGenerator<Result, void> {
  const waiting: Promise<Result>[] = [];
  const iterator = jobs[Symbol.iterator]();
  const request = () => {
    const next = iterator.next();
    if (next.done) return false;
    const making = make(next.value);
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    making.catch(() => {});
    waiting.push(making);
    return true;
  };
  while (waiting.length < Math.max(1, ahead) && request());
  while (waiting.length > 0) {
    const made = await waiting.shift()!;
    request();
    yield made;
  }
}

/** The samples of `jobs` by {@link makeAhead}. */
export function loadSamples(
  jobs: Iterable<SampleJob>,
  sampler: Sampler,
  ahead = sampler.concurrency * 2,
): AsyncGenerator<LoadedSample, void> {
  return makeAhead(jobs, (job) => sampler.load(job), ahead);
}
