import { TensorError } from "../core/errors.js";

/**
 * The factor that a step's learning rate has: a pure function of the step's number from 0, so that a
 * resumed run needs no memory of it. Give it to `Optimizer.scaleLearningRate`.
 */
export type Schedule = (step: number) => number;

function requirePositive(name: string, value: number): void {
  if (value > 0) return;
  throw new TensorError("SCHEDULE", `${name} must be positive, not ${value}.`);
}

/** Multiplies by `gamma` every `stepSize` steps (PyTorch's `StepLR`). */
export function stepLR(stepSize: number, gamma = 0.1): Schedule {
  requirePositive("stepSize", stepSize);
  return (step) => gamma ** Math.floor(step / stepSize);
}

/** Multiplies by `gamma` at each milestone (PyTorch's `MultiStepLR`). */
export function multiStepLR(milestones: readonly number[], gamma = 0.1): Schedule {
  return (step) => gamma ** milestones.filter((milestone) => milestone <= step).length;
}

/**
 * Half a cosine from 1 down to `floor` over `steps` steps, then `floor` (Loshchilov and Hutter 2017,
 * without restarts; PyTorch's `CosineAnnealingLR`).
 */
export function cosineLR(steps: number, floor = 0): Schedule {
  requirePositive("steps", steps);
  return (step) =>
    floor + ((1 - floor) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps))) / 2;
}

/**
 * Rises in a straight line from `start` to 1 over the first `steps` steps, times what `then` says of the
 * same step (Goyal et al. 2017). `steps` 0 leaves `then` as it is.
 */
export function linearWarmup(steps: number, then: Schedule = () => 1, start = 1e-3): Schedule {
  return (step) => then(step) * (step < steps ? start + ((1 - start) * step) / steps : 1);
}
