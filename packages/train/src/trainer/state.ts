import type { nn, optim } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";
import type { TrainerState } from "./options.js";

/** What of a training its state is made of. */
interface Trained {
  readonly network: nn.Module;
  readonly optimizer: optim.Optimizer<optim.GroupOptions>;
  readonly average: optim.EMA | undefined;
}

/** Reads weights, the optimizer's state and averages back, after so many steps. */
export async function readTrainerState(
  { network, optimizer, average }: Trained,
  step: number,
): Promise<TrainerState> {
  const averaged = average && {
    updates: average.updates,
    weights: await average.stateDict(),
  };
  return {
    step,
    network: await network.stateDict(),
    optimizer: await optimizer.stateDict(),
    ...(averaged ? { average: averaged } : {}),
  };
}

/**
 * Goes on from what `readTrainerState` gave.
 *
 * @throws {OptionError} where only one of the two averages weights; StateDictError, TensorError where it does not fit
 */
export function loadTrainerState(
  { network, optimizer, average }: Trained,
  state: TrainerState,
): void {
  checkAverage(average, state);
  network.loadStateDict(state.network);
  optimizer.loadStateDict(state.optimizer);
  if (state.average && average) {
    average.loadStateDict(state.average.weights);
    average.updates = state.average.updates;
  }
}

function checkAverage(average: optim.EMA | undefined, state: TrainerState): void {
  if ((state.average === undefined) === (average === undefined)) return;
  throw new OptionError(
    "the saved run and this one differ in whether weights are averaged: give the same ema",
  );
}
