import { OptionError } from "retinaface-webgpu";
import { linePlot } from "../report/svg.js";

/** The loss of a step at its learning rate. */
export interface RatedLoss {
  readonly lr: number;
  readonly loss: number;
}

/** What a sweep of learning rates tells. */
export interface LrFinding {
  /** Losses smoothed, up to where they are lost. */
  readonly smoothed: readonly RatedLoss[];
  /** Rate at which the smoothed loss falls fastest, per factor of the rate. */
  readonly steepest: number;
  /** A tenth of the rate at which it is lowest. */
  readonly tenthOfLowest: number;
  /** The smaller of both: what a run can begin with. */
  readonly suggestion: number;
}

/** Weight of the past in the smoothed loss. */
const SMOOTHING = 0.9;
/** Times the lowest smoothed loss at which a sweep has lost the network. */
const LOST = 4;
/** Fewest steps that a smoothed loss is told by. */
const LEAST = 10;

/** The factor of a sweep's first learning rate at a step: equal steps of its logarithm. */
export function sweepSchedule(from: number, to: number, steps: number): (step: number) => number {
  return (step) => (to / from) ** (step / Math.max(1, steps - 1));
}

/** An exponential mean without the bias of its first values. */
export function smooth(losses: readonly RatedLoss[]): RatedLoss[] {
  let mean = 0;
  return losses.map(({ lr, loss }, i) => {
    mean = SMOOTHING * mean + (1 - SMOOTHING) * loss;
    return { lr, loss: mean / (1 - SMOOTHING ** (i + 1)) };
  });
}

/** Whether the last of the losses is so high that larger rates tell nothing more. */
export function isLost(losses: readonly RatedLoss[]): boolean {
  const smoothed = smooth(losses).map(({ loss }) => loss);
  const last = smoothed.at(-1) ?? 0;
  return smoothed.length > LEAST && !(last <= LOST * Math.min(...smoothed.slice(LEAST)));
}

/** Slope of the loss over the logarithm of the rate, from the points on both sides. */
function slopeAt(points: readonly RatedLoss[], i: number): number {
  const [before, after] = [points[i - 1], points[i + 1]];
  return (after.loss - before.loss) / Math.log(after.lr / before.lr);
}

/**
 * Reads a learning rate off losses of steps whose rate rose exponentially (Smith, "Cyclical Learning Rates for Training
 * Neural Networks", 2017, section 3.3): where the smoothed loss falls fastest, and a tenth of where it is lowest.
 *
 * @throws {OptionError} for fewer than 12 losses, or where the loss falls nowhere
 */
export function findLearningRate(losses: readonly RatedLoss[]): LrFinding {
  const smoothed = smooth(losses);
  // The first mean is that of one noisy step, and beyond the lowest the loss only rises.
  const told = smoothed.slice(LEAST);
  const lowest = told.reduce((low, point, i) => (point.loss < told[low].loss ? i : low), 0);
  const inner = told.slice(0, lowest + 1).keys();
  const slopes = [...inner].filter((i) => i > 0 && i + 1 < told.length);
  const steepest = slopes.reduce<number | undefined>(
    (best, i) => (best === undefined || slopeAt(told, i) < slopeAt(told, best) ? i : best),
    undefined,
  );
  if (steepest === undefined || slopeAt(told, steepest) >= 0) {
    throw new OptionError(
      `in ${losses.length} steps the loss fell nowhere: take more --steps, or another range by --from and --to`,
    );
  }
  const tenthOfLowest = told[lowest].lr / 10;
  const found = { smoothed, steepest: told[steepest].lr, tenthOfLowest };
  return { ...found, suggestion: Math.min(found.steepest, tenthOfLowest) };
}

/** The smoothed loss over the learning rate, the suggestion marked. */
export function plotLrFinding({
  smoothed,
  suggestion,
  steepest,
  tenthOfLowest,
}: LrFinding): string {
  const at = (lr: number) =>
    smoothed.find((point) => point.lr >= lr * 0.999999)?.loss ?? Number.NaN;
  const mark = (lr: number, text: string, below: boolean) => ({ x: lr, y: at(lr), text, below });
  const short = (lr: number) => lr.toPrecision(2);
  const isSteepest = suggestion === steepest;
  return linePlot({
    title: "Loss while the learning rate rises",
    x: { label: "learning rate", log: true },
    y: { label: "loss, smoothed", log: true },
    series: [{ name: "loss", points: smoothed.map(({ lr, loss }) => [lr, loss] as const) }],
    marks: [
      mark(steepest, `falls fastest: ${short(steepest)}${isSteepest ? ", suggested" : ""}`, true),
      mark(
        tenthOfLowest,
        `tenth of the lowest: ${short(tenthOfLowest)}${isSteepest ? "" : ", suggested"}`,
        false,
      ),
    ],
  });
}
