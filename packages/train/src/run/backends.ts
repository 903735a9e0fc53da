import type { Backend } from "retinaface-webgpu";

/** From which step on a run trained on a backend. */
export interface BackendUse {
  readonly step: number;
  readonly backend: Backend;
}

/** Checkpoints that do not say are of a time when there was no other. */
const FIRST: BackendUse = { step: 0, backend: "webgpu" };

/**
 * What a run has trained on so far, and trains on from `step`.
 *
 * @param before of its checkpoint, absent for a new run or in an old checkpoint
 */
export function noteBackend(
  before: readonly BackendUse[] | undefined,
  { step, backend }: BackendUse,
  onNotice: (text: string) => void,
): BackendUse[] {
  const known = before ?? (step > 0 ? [FIRST] : []);
  const last = known[known.length - 1];
  if (last?.backend === backend) return [...known];
  if (last) {
    onNotice(
      `the run trained on ${last.backend} so far and goes on on ${backend}: it is the same training, but ` +
        `numbers will differ in rounding from a run on one of the two (--backend ${last.backend} avoids it)`,
    );
  }
  return [...known, { step, backend }];
}
