import type { OwnBytes } from "@retinaface-webgpu/tensor";
import { readSafetensors, type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { CONFIG_KEY, type DetectorConfig, NumericError, RetinaFaceError } from "retinaface-webgpu";
import { isNumbers, isObject } from "../data/json.js";
import type { TrainerState } from "./trainer.js";

/** Key of safetensors metadata under which a run's state besides its tensors is stored, as JSON. */
const RUN_KEY = "retinaface-train";

const PREFIXES = { network: "network.", optimizer: "optimizer.", average: "average." } as const;

/** A training run on disk: the trainer's state and whatever JSON the caller adds. */
export interface Checkpoint<Extra> {
  readonly state: TrainerState;
  readonly extra: Extra;
}

/** {@link Checkpoint} without its tensors. */
interface Run<Extra> {
  readonly step: number;
  readonly groups: TrainerState["optimizer"]["groups"];
  readonly averageUpdates: number | null;
  readonly scaler?: TrainerState["scaler"];
  readonly anchors?: TrainerState["anchors"];
  readonly extra: Extra;
}

function addPrefixed(to: StateDict, prefix: string, from: StateDict): void {
  for (const [name, tensor] of from) to.set(prefix + name, tensor);
}

function takePrefixed(from: StateDict, prefix: string): StateDict {
  const taken = [...from].filter(([name]) => name.startsWith(prefix));
  return new Map(taken.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** The network's weights, averaged where the run averages them. */
export function averagedWeights({ network, average }: TrainerState): StateDict {
  return new Map([...network, ...(average?.weights ?? [])]);
}

/** What to do where training has made numbers without a use. */
const LOWER =
  "resume from the last checkpoint with a lower learning rate or with gradient clipping.";

/**
 * Weights of a run after `step` steps are worth looking at and keeping only while they are finite.
 * @throws {RetinaFaceError} `LOSS_NOT_FINITE`, or `NOT_FINITE` for weights that the run was given
 */
export function assertFiniteWeights(weights: StateDict, step: number): void {
  for (const [name, { dtype, data }] of weights) {
    if (dtype !== "f32" || data.every(Number.isFinite)) continue;
    if (step === 0) {
      throw new NumericError(
        `the weights ${name} that training starts from are not finite: give others by --weights`,
      );
    }
    throw new RetinaFaceError(
      "LOSS_NOT_FINITE",
      `After step ${step} the weights ${name} are not finite: ${LOWER}`,
    );
  }
}

/** Tells of a detection that failed as training has made its weights too large: `cause` knows only the numbers. */
export function weightsTooLarge(cause: NumericError, step: number): RetinaFaceError {
  return new RetinaFaceError(
    "LOSS_NOT_FINITE",
    `The weights after step ${step} are too large to detect with (${cause.message}): ${LOWER}`,
    { cause },
  );
}

/**
 * A run's state as one safetensors file.
 * @throws {RetinaFaceError} `LOSS_NOT_FINITE` when a weight, or an averaged one, is not finite: such a state is never
 *   worth keeping. `NOT_FINITE` before the first step.
 */
export function writeTrainingCheckpoint<Extra>({ state, extra }: Checkpoint<Extra>): Uint8Array {
  assertFiniteWeights(state.network, state.step);
  if (state.average) assertFiniteWeights(state.average.weights, state.step);
  const tensors: StateDict = new Map();
  addPrefixed(tensors, PREFIXES.network, state.network);
  addPrefixed(tensors, PREFIXES.optimizer, state.optimizer.tensors);
  if (state.average) addPrefixed(tensors, PREFIXES.average, state.average.weights);
  const run = {
    step: state.step,
    groups: state.optimizer.groups,
    averageUpdates: state.average?.updates ?? null,
    ...(state.scaler ? { scaler: state.scaler } : {}),
    ...(state.anchors ? { anchors: state.anchors } : {}),
    extra,
  };
  return writeSafetensors(tensors, { [RUN_KEY]: JSON.stringify(run) });
}

/** @throws SafetensorsError, or RetinaFaceError `CHECKPOINT_CORRUPT` for a file of another kind */
export function readTrainingCheckpoint<Extra>(bytes: Uint8Array): Checkpoint<Extra> {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata[RUN_KEY] === undefined) {
    throw new RetinaFaceError(
      "CHECKPOINT_CORRUPT",
      "This is no checkpoint of a training run: give weights by --weights instead.",
    );
  }
  const { step, groups, averageUpdates, scaler, anchors, extra } = parseRun<Extra>(
    metadata[RUN_KEY],
  );
  const average =
    averageUpdates === null
      ? undefined
      : { updates: averageUpdates, weights: takePrefixed(tensors, PREFIXES.average) };
  const state: TrainerState = {
    step,
    network: takePrefixed(tensors, PREFIXES.network),
    optimizer: { groups, tensors: takePrefixed(tensors, PREFIXES.optimizer) },
    ...(average ? { average } : {}),
    ...(scaler ? { scaler } : {}),
    ...(anchors ? { anchors } : {}),
  };
  return { state, extra };
}

/** What a run notes beside its tensors. @throws RetinaFaceError `CHECKPOINT_CORRUPT` */
function parseRun<Extra>(text: string): Run<Extra> {
  try {
    const run: unknown = JSON.parse(text);
    if (isObject(run) && isNumbers([run.step]) && Array.isArray(run.groups))
      return run as unknown as Run<Extra>;
  } catch {
    // Not JSON: said below.
  }
  throw new RetinaFaceError(
    "CHECKPOINT_CORRUPT",
    "What the checkpoint notes of its run is damaged: resume from another one, or start again.",
  );
}

/** Key of a model's metadata under which is stored what made it, as JSON. */
const MADE_KEY = "retinaface-trained";

/** What made a model. */
export interface TrainedBy {
  readonly steps: number;
  /** Views or images seen. */
  readonly images: number;
  readonly seconds: number;
}

/**
 * A network's weights with its anchors: what `detect --weights` and `RetinaFace.load` take. Thresholds that were chosen
 * for the weights that training began with do not go with others: `tune` and `calibrate` choose anew.
 */
export function writeModel(
  weights: StateDict,
  { thresholds: _, ...config }: DetectorConfig,
  trained?: TrainedBy,
): OwnBytes {
  const made = trained && { [MADE_KEY]: JSON.stringify(trained) };
  return writeSafetensors(weights, { [CONFIG_KEY]: JSON.stringify(config), ...made });
}

/** What made a model, where it says so. */
export function readTrainedBy(bytes: Uint8Array): TrainedBy | undefined {
  const text = readSafetensors(bytes).metadata[MADE_KEY];
  if (text === undefined) return undefined;
  try {
    const made: unknown = JSON.parse(text);
    if (isObject(made) && isNumbers([made.steps, made.images, made.seconds])) {
      const { steps, images, seconds } = made as unknown as TrainedBy;
      return { steps, images, seconds };
    }
  } catch {
    // Not JSON: as if it were not there.
  }
  return undefined;
}
