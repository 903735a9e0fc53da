import { makeAhead } from "../augment/loader.js";
import type { Sample } from "../augment/sample.js";
import { WorkerPool } from "../worker-pool.node.js";
import { Composer, type ViewJob } from "./compose.js";
import type { PhotoSet } from "./photo.js";
import { batchOf, type Recipe, stageOf } from "./recipe.js";

/** Number of a batch's first view in the seeds. */
const FIRST_VIEW = 1;
/** Steps whose views are made while another trains. */
const STEPS_AHEAD = 2;

/** Makes views; {@link close} it when done. */
export interface ViewMaker {
  make(job: ViewJob): Promise<Sample>;
  close(): Promise<void>;
}

/**
 * A maker with worker threads; its views are those of {@link Composer}, whatever their number.
 *
 * @param sets pixels in shared memory are not copied
 * @param workers 0 makes views on the calling thread
 */
export function createViewMaker(sets: readonly PhotoSet[], workers: number): ViewMaker {
  if (workers === 0) {
    const composer = new Composer(sets);
    return { make: async (job) => composer.compose(job), close: async () => {} };
  }
  const pool = new WorkerPool<ViewJob, Sample>({
    script: new URL("./view-worker.node.js", import.meta.url),
    data: sets,
    threads: workers,
    makes: "views",
  });
  return { make: (job) => pool.run(job), close: () => pool.close() };
}

/** The views of a step's batch. */
function viewJobs(recipe: Recipe, step: number): ViewJob[] {
  const { cover = 0, background, plain, shares } = stageOf(recipe, step);
  const { count, share: _, ...looks } = batchOf(recipe, step);
  const job = { seed: recipe.seed, step, cover, background, plain, shares, ...looks };
  return Array.from({ length: count }, (_, i) => ({ ...job, index: i + FIRST_VIEW }));
}

function* numbers(from: number, to: number): Generator<number> {
  for (let i = from; i < to; i++) yield i;
}

/** The views of each step's batch from a step to the recipe's last, made ahead of their use. */
export function viewBatches(
  recipe: Recipe,
  from: number,
  maker: ViewMaker,
): AsyncGenerator<Sample[], void> {
  const make = (step: number) => Promise.all(viewJobs(recipe, step).map((job) => maker.make(job)));
  return makeAhead(numbers(from, recipe.steps), make, STEPS_AHEAD);
}
