import {
  type DetectorConfig,
  inferNetwork,
  MESH_HEAD,
  meshHead,
  type NetworkConfig,
  OptionError,
  RETINAFACE_HEADS,
} from "retinaface-webgpu";
import { readConfigFile } from "retinaface-webgpu/node";
import { holdOutSpec, validationSpec } from "../data/spec.js";
import { formatTestScale } from "../evaluate/test-scales.js";
import type { RunChange, RunCheckpoint, RunDescription } from "../run/run-files.node.js";
import { parseLrFactors, parseNamedNumbers } from "../trainer/lr-factors.js";
import { checkSettings, TRAIN_PRESETS, type TrainSettings } from "../trainer/settings.js";
import { readAnchors } from "./anchors.js";
import { withClasses } from "./train-classes.js";
import { frozenOf, partsOf } from "./train-freeze.js";
import { networkOf, usualConfig, usualTraining, withObjectness } from "./train-model.js";
import type { TrainValues } from "./train-options.js";
import type { Start } from "./train-start.js";

/** Settings that are left out where nobody gave them, so that runs from before they were there go on. */
function optionalSettings(values: TrainValues, parts: readonly string[]) {
  const { crop, mirror, distort, lossWeights, lrFactors, recompute, precision } = values;
  const { refineAnchors, boxLoss, assignment } = values;
  const augmentation = {
    ...(crop !== undefined && { crop: crop === "none" ? null : crop }),
    ...(mirror !== undefined && { mirror }),
    ...(!distort && { distort }),
  };
  const switches = Object.keys(augmentation);
  if (!values.augment && switches.length > 0)
    throw new OptionError(
      `--no-augment leaves images as they are: leave out ${switches.map((name) => `--${name}`).join(", ")}, or it`,
    );
  return {
    ...(switches.length > 0 && { augmentation }),
    ...(lossWeights && { lossWeights: parseNamedNumbers(lossWeights, "loss weights") }),
    ...(refineAnchors !== undefined && { refineAnchors }),
    ...(boxLoss && { boxLoss }),
    ...(assignment && assignment !== "iou" && { assignment }),
    ...(recompute && { recompute }),
    ...(precision === "mixed" && { precision }),
    ...(lrFactors && { lrFactors: parseLrFactors(lrFactors, parts) }),
  };
}

/** A configuration with the anchors of a file. */
async function anchoredConfig(
  file: string,
  own: DetectorConfig,
  { retinanet }: NetworkConfig,
): Promise<DetectorConfig> {
  if (retinanet) return { ...own, ...(await readConfigFile(file)) };
  const { heads, classes } = own;
  return { ...(heads && { heads }), ...(classes && { classes }), ...(await readAnchors(file)) };
}

/** A configuration with the branch for meshes, where it is asked for or the weights have it. */
function withMesh(config: DetectorConfig, { mesh }: TrainValues, start: Start): DetectorConfig {
  const { state, config: own } = start.pretrained ?? {};
  const trained = state && meshHead(inferNetwork(state, own?.heads).heads ?? []);
  const { heads = RETINAFACE_HEADS } = config;
  const row = trained ?? (mesh ? MESH_HEAD : undefined);
  return row && !meshHead(heads) ? { ...config, heads: [...heads, row] } : config;
}

async function settingsOf(
  values: TrainValues,
  start: Start,
  run?: RunDescription,
): Promise<TrainSettings> {
  const { pretrained } = start;
  const { optimizer, batchNorm } = values;
  const network = networkOf(values, start);
  const own = pretrained?.config ?? usualConfig(network);
  const anchored = values.anchors ? await anchoredConfig(values.anchors, own, network) : own;
  const named = withClasses(withObjectness(anchored, network), start, values.classes);
  const config = withMesh(named, values, start);
  const usual = usualTraining(network, config);
  const { preset = usual.preset, loss: classification = usual.classification } = values;
  const { meshHeads = values.mesh ? 1 : 0 } = values;
  const settings: TrainSettings = {
    preset,
    classification,
    imageSize: values.imageSize,
    batchSize: values.batchSize,
    accumulate: values.accumulate,
    epochs: values.epochs,
    optimizer,
    lr: values.lr ?? (optimizer === "adamw" ? 1e-3 : TRAIN_PRESETS[preset].lr),
    momentum: values.momentum,
    weightDecay: values.weightDecay,
    schedule: values.schedule,
    warmup: values.warmup ?? 0,
    clip: values.clip,
    ema: values.ema,
    freeze: frozenOf(values, start, run),
    fixedNorm: batchNorm === "fixed",
    seed: values.seed,
    augment: values.augment,
    ...optionalSettings(values, partsOf(values, start)),
    ...(meshHeads > 0 && { meshHeads }),
    config,
  };
  checkSettings(settings);
  return settings;
}

/** A tenth of the run, where the user does not say: short, and never more than a hundred steps. */
function defaultWarmup({ epochs, batchSize, accumulate }: TrainSettings, images: number): number {
  const steps = epochs * Math.max(1, Math.floor(images / (batchSize * accumulate)));
  return Math.min(100, Math.round(steps / 10));
}

/** What a run trains and validates on. */
export interface RunData {
  readonly data: string;
  readonly val: string | null;
  /** For people, where something was decided for them. */
  readonly notice?: string;
}

/** `--val none`. */
const NO_VALIDATION = "none";

/**
 * The data of a run: validation as given, else the other part of the training data's split, else a fifth that is held
 * out; a run that is gone on with keeps its own.
 */
export function dataOf(values: TrainValues, own?: RunDescription): RunData {
  const { data, val, group, stratify } = values;
  const unspoken = val === undefined && group === undefined && stratify === undefined;
  if (own && unspoken && (own.data === data || own.data === holdOutSpec(data)))
    return { data: own.data, val: own.val };
  const other = validationSpec(data);
  const held = val === undefined ? holdOutSpec(data, group, stratify) : null;
  if (!(group === undefined && stratify === undefined) && held === null)
    throw new OptionError(
      "--group and --stratify are for the fifth that is held out where neither --val nor a split says what " +
        "validates: say group=PATTERN or stratify=class in the SPEC beside split= instead",
    );
  if (val === NO_VALIDATION) {
    const notice = "nothing is held out (--val none): no best checkpoint is sought";
    return { data, val: null, notice };
  }
  if (val !== undefined) return { data, val };
  if (held === null) {
    const notice = other ? undefined : "nothing is held out: no best checkpoint is sought";
    return { data, val: other, notice };
  }
  const notice =
    "neither --val nor a split is given: a fifth of the images is held out for validation (split, seed 1)";
  return { data: held, val: validationSpec(held), notice };
}

/** The run as its checkpoint holds it. */
export async function describeRun(
  values: TrainValues,
  start: Start,
  data: RunData,
  images: number,
  own?: RunDescription,
): Promise<RunDescription> {
  const settings = await settingsOf(values, start, own);
  const warmup = values.warmup ?? own?.settings.warmup ?? defaultWarmup(settings, images);
  return {
    settings: { ...settings, warmup },
    data: data.data,
    val: data.val,
    scale: formatTestScale(values.scale),
    weights: start.weights,
    valEvery: values.valEvery,
    checkpointEvery: values.checkpointEvery,
    ...(values.patience > 0 && { patience: values.patience }),
  };
}

/** Settings that may change where a run is gone on with. */
const CHANGEABLE: ReadonlySet<string> = new Set([
  "lr",
  "epochs",
  "valEvery",
  "checkpointEvery",
  "patience",
]);

/**
 * The description of a run that is gone on with, with what was changed in it.
 * @throws {OptionError} naming the first setting that must not change, or fewer epochs than are done
 */
export function goOnWith({ state, extra }: RunCheckpoint, given: RunDescription): RunDescription {
  const own = extra.description;
  const flat = ({ settings, changes: _, autoFreeze: __, ...rest }: RunDescription) => ({
    ...rest,
    ...settings,
  });
  const [before, now] = [own, given].map(
    (run) => new Map<string, unknown>(Object.entries(flat(run))),
  );
  const changes: RunChange[] = [];
  for (const name of new Set([...now.keys(), ...before.keys()])) {
    const none = CHANGEABLE.has(name) ? 0 : undefined;
    const [old, value] = [before.get(name) ?? none, now.get(name) ?? none];
    const [was, is] = [old, value].map((v) => JSON.stringify(v) ?? "absent");
    if (was === is) continue;
    if (!CHANGEABLE.has(name)) {
      throw new OptionError(
        `--resume goes on with the run's own settings, but ${name} is ${is} instead of ${was}: give ` +
          `the same options (${[...CHANGEABLE].join(", ")} may change), or start another run in another folder`,
      );
    }
    changes.push({ step: state.step, name, was: old as number, is: value as number });
  }
  const { epochs } = given.settings;
  if (epochs < own.settings.epochs && extra.position.epoch >= epochs) {
    throw new OptionError(
      `--epochs ${epochs}: ${extra.position.epoch} epochs are done already; give more of them`,
    );
  }
  const all = [...(own.changes ?? []), ...changes];
  const { autoFreeze } = own;
  return { ...given, ...(autoFreeze && { autoFreeze }), ...(all.length > 0 && { changes: all }) };
}
