import { LANDMARK_COORDINATES, votedClass } from "retinaface-webgpu";
import { boxIou, byScore, type Detections } from "../evaluate/detections.js";

/** What several passes over one image agree on. */
export interface FusedFaces {
  /** `[n, 4]`, best first. */
  readonly boxes: Float64Array;
  /** `[n]`: the mean over all passes, 0 for one that did not find the face. */
  readonly scores: Float64Array;
  /** `[n, 10]`, NaN where no pass that found the face has landmarks. */
  readonly landmarks: Float64Array;
  /** [n], where all passes tell classes apart: the class with the highest sum of scores. */
  readonly classes?: readonly string[] | undefined;
}

/** A detection of a pass. */
interface Vote {
  readonly pass: Detections;
  readonly row: number;
  readonly score: number;
}

/** The mean of one column of what was voted for, weighted by score. */
function meanOf(
  votes: readonly Vote[],
  values: (pass: Detections) => Float64Array,
  at: (row: number) => number,
) {
  const weight = votes.reduce((sum, { score }) => sum + score, 0);
  return (
    votes.reduce((sum, { pass, row, score }) => sum + values(pass)[at(row)] * score, 0) / weight
  );
}

/** Of each pass the unused detection that overlaps the leader's box most, if it does by the threshold. */
function votesFor(
  leader: Vote,
  passes: readonly Detections[],
  used: ReadonlyMap<Detections, Uint8Array>,
  threshold: number,
): Vote[] {
  return passes.flatMap((pass) => {
    if (pass === leader.pass) return [leader];
    const taken = used.get(pass)!;
    let best: Vote | undefined;
    let most = threshold;
    for (let row = 0; row < pass.scores.length; row++) {
      const iou = boxIou(leader.pass.boxes, leader.row, pass.boxes, row, 1);
      if (taken[row] || iou < most) continue;
      most = iou;
      best = { pass, row, score: pass.scores[row] };
    }
    return best ? [best] : [];
  });
}

/**
 * Fuses what several passes found in one image: other networks, sizes, mirrored images. From the best score down, a
 * detection and the one of each other pass that overlaps it most become one face: the mean of their boxes and landmarks,
 * weighted by score, and as its score the mean over all passes, so that a face which one pass alone believes in scores low
 * (after Solovyev et al., "Weighted boxes fusion", 2021, section 3).
 *
 * @param passes in pixels of the same image; scores above 0
 * @param threshold IoU from which two detections are of one face
 */
export function fusePasses(passes: readonly Detections[], threshold: number): FusedFaces {
  const votes = passes.flatMap((pass) =>
    Array.from(pass.scores, (score, row): Vote => ({ pass, row, score })),
  );
  const used = new Map(passes.map((pass) => [pass, new Uint8Array(pass.scores.length)]));
  const faces: { box: number[]; score: number; landmarks: number[]; name?: string }[] = [];
  for (const index of byScore(votes.map(({ score }) => score))) {
    const leader = votes[index];
    if (used.get(leader.pass)![leader.row] || leader.score <= 0) continue;
    const found = votesFor(leader, passes, used, threshold);
    for (const { pass, row } of found) used.get(pass)![row] = 1;
    const placed = found.filter(({ pass }) => pass.landmarks);
    faces.push({
      box: [0, 1, 2, 3].map((c) =>
        meanOf(
          found,
          ({ boxes }) => boxes,
          (row) => row * 4 + c,
        ),
      ),
      score: found.reduce((sum, { score }) => sum + score, 0) / passes.length,
      name: classOf(found),
      landmarks: Array.from({ length: LANDMARK_COORDINATES }, (_, c) =>
        placed.length === 0
          ? Number.NaN
          : meanOf(
              placed,
              ({ landmarks }) => landmarks!,
              (row) => row * LANDMARK_COORDINATES + c,
            ),
      ),
    });
  }
  const order = byScore(faces.map(({ score }) => score));
  const classes = order.flatMap((i) => faces[i].name ?? []);
  return {
    boxes: Float64Array.from(order.flatMap((i) => faces[i].box)),
    scores: Float64Array.from(order, (i) => faces[i].score),
    landmarks: Float64Array.from(order.flatMap((i) => faces[i].landmarks)),
    ...(classes.length > 0 && classes.length === faces.length && { classes }),
  };
}

/** The class on which votes agree; undefined where a pass does not tell any. */
function classOf(votes: readonly Vote[]): string | undefined {
  const named = votes.flatMap(({ pass, row, score }) =>
    pass.classes ? [{ name: pass.classes[row], score }] : [],
  );
  return named.length === votes.length ? votedClass(named) : undefined;
}
