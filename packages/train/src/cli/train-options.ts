import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type BackboneName,
  type BackendChoice,
  backboneNames,
  parseClassNames,
} from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import type { TestScale } from "../evaluate/test-scales.js";
import { ASSIGNERS, type Assigner } from "../objective/assign.js";
import { BOX_LOSSES } from "../objective/box-loss.js";
import { CLASSIFICATIONS } from "../objective/multibox.js";
import { PARTS } from "../trainer/freeze.js";
import { PRECISIONS, type Precision } from "../trainer/options.js";
import { type PresetName, TRAIN_PRESETS, type TrainSettings } from "../trainer/settings.js";
import { defaultWorkers } from "../worker-pool.node.js";
import { takeConfig } from "./config-file.js";
import {
  choiceOption,
  dataOption,
  fraction,
  numberFrom,
  numberOption,
  scaleOption,
  wholeNumber,
} from "./options.js";
import { MODELS, type ModelName } from "./train-model.js";
import { type NetworkForm, networkForm } from "./train-network.js";

type CropRange = readonly [from: number, to: number];

/** The options of `train` as commander names them. */
export interface TrainValues {
  readonly data: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly val?: string;
  readonly group?: string;
  readonly stratify?: string;
  readonly scale: TestScale;
  readonly valEvery: number;
  readonly checkpointEvery: number;
  readonly weights?: string;
  readonly model?: ModelName;
  readonly backbone?: BackboneName;
  readonly width?: number;
  readonly channels?: number;
  readonly network?: NetworkForm;
  readonly classes?: readonly string[];
  readonly mesh?: boolean;
  readonly meshHeads?: number;
  readonly freeze?: string;
  readonly batchNorm: "train" | "fixed";
  readonly anchors?: string;
  readonly refineAnchors?: number;
  readonly preset?: PresetName;
  readonly loss?: TrainSettings["classification"];
  readonly boxLoss?: NonNullable<TrainSettings["boxLoss"]>;
  readonly assignment?: Assigner;
  readonly epochs: number;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly imageSize: number;
  readonly recompute?: boolean;
  readonly precision: Precision;
  readonly optimizer: TrainSettings["optimizer"];
  readonly lr?: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: TrainSettings["schedule"];
  readonly warmup?: number;
  readonly clip: number;
  readonly ema: number;
  readonly augment: boolean;
  readonly crop?: CropRange | "none";
  readonly mirror?: number;
  readonly distort: boolean;
  readonly lossWeights?: string;
  readonly lrFactors?: string;
  readonly patience: number;
  readonly seed: number;
  readonly workers: number;
  readonly config?: string;
  readonly backend: BackendChoice;
  readonly threads?: number;
}

/** `none`, or shares of the short side such as `0.3-1`. */
function cropRange(text: string): CropRange | "none" {
  if (text === "none") return text;
  const [from, to, ...rest] = text
    .split("-")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (rest.length === 0 && from > 0 && from <= to && to <= 1) return [from, to];
  throw new InvalidArgumentError("It must be none, or two shares of the short side such as 0.3-1.");
}

/** Names separated by commas. */
function classNames(text: string): string[] {
  try {
    return parseClassNames(text.split(",").map((name) => name.trim()));
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function dataOptions(): Option[] {
  return [
    dataOption().makeOptionMandatory(),
    new Option(
      "--out <dir>",
      "folder of the run: checkpoint, best model, metrics, report",
    ).makeOptionMandatory(),
    new Option("--resume", "go on from the folder's checkpoint, or start where there is none"),
    overwriteOption(),
    new Option(
      "--config <file>",
      "options from YAML, such as config.yaml of another run; those given here go before it",
    ),
    new Option(
      "--val <spec>",
      "validation images, or none (default: the other part of --data's split, else a fifth held out)",
    ),
    new Option(
      "--group <pattern>",
      "of the fifth held out: images whose paths it matches with the same text stay together",
    ),
    new Option(
      "--stratify <what>",
      "of the fifth held out: class, or a pattern of paths, of which both sides get the same share",
    ),
    scaleOption(),
    numberOption("--val-every <n>", "epochs between validations", wholeNumber(1), 1),
    numberOption(
      "--patience <n>",
      "validations without a better AP after which the run ends early; 0: none",
      wholeNumber(0),
      0,
    ),
    numberOption("--checkpoint-every <n>", "steps between checkpoints", wholeNumber(1), 100),
    numberOption("--workers <n>", "threads that make samples", wholeNumber(0), defaultWorkers()),
    ...backendOptions(),
  ];
}

function networkOptions(): Option[] {
  return [
    new Option(
      "--weights <file>",
      "checkpoint to start from: .pth or .safetensors, light, default (those that detect takes) or random",
    ),
    new Option(
      "--model <name>",
      "of random weights: faces with landmarks, or objects of several classes (default: retinaface)",
    ).choices(MODELS),
    new Option(
      "--backbone <name>",
      "of random weights, which --model, --backbone, --width, --channels and --network stand for without --weights",
    ).choices(backboneNames()),
    numberOption(
      "--width <x>",
      "MobileNet's width multiplier, of random weights",
      numberFrom(0.01),
    ),
    numberOption("--channels <n>", "of the pyramid, of random weights", wholeNumber(4)),
    new Option(
      "--network <form>",
      "of random weights: pytorch, the published one, or paper, with levels P2 to P6, 3 anchors a cell, deformable " +
        "convolutions and a cascade; parts by name: paper,no-cascade, pytorch,deformable,no-context or " +
        "pytorch,separable,objectness",
    ).argParser(networkForm),
    new Option(
      "--classes <list>",
      "names of the classes that are told apart, as the data have them after classes= of the SPEC (default: those of " +
        "the weights, else every face is of one)",
    ).argParser(classNames),
    new Option(
      "--mesh",
      "add a branch that says face meshes, which learns from landmarks and pixels of faces, and from --mesh-heads",
    ),
    numberOption(
      "--mesh-heads <n>",
      "made-up heads pasted into each image, whose meshes are known (default: 1 with --mesh, else 0)",
      wholeNumber(0),
    ),
    new Option(
      "--freeze <list>",
      `parts that do not train: ${PARTS.join(", ")}, backbone, all (but the heads), heads (beside --mesh) or none; auto: ` +
        "those that the data say nothing about (default: none of random weights, else all)",
    ),
    choiceOption("--batch-norm <mode>", "fixed: inference mode everywhere", ["train", "fixed"]),
    new Option("--anchors <file>", "configuration from the command anchors --out"),
    numberOption(
      "--refine-anchors <rate>",
      "let anchors follow the faces while training: how far with each batch, such as 0.02 (default: they stay)",
      numberFrom(0),
    ),
  ];
}

function trainingOptions(): Option[] {
  return [
    new Option(
      "--preset <name>",
      "matching, mining ratio, loss weights and loss of boxes (default: pytorch, of RetinaNet its own)",
    ).choices(Object.keys(TRAIN_PRESETS)),
    new Option(
      "--loss <name>",
      "classification loss (default: hard-negatives, of RetinaNet focal, of networks with objectness theirs, the only one)",
    ).choices(CLASSIFICATIONS),
    new Option("--box-loss <name>", "of boxes (default: the preset's)").choices(BOX_LOSSES),
    new Option(
      "--assignment <name>",
      "which anchors are a face's: by the preset's IoUs, by each face's own threshold (atss), or by what the network says " +
        "of them (simota) (default: iou)",
    ).choices(ASSIGNERS),
    new Option(
      "--loss-weights <list>",
      "where not the preset's, such as classes=1,boxes=2,landmarks=1",
    ),
    numberOption("--epochs <n>", "times through the data", wholeNumber(1), 20),
    numberOption("--batch-size <n>", "images a batch", wholeNumber(1), 8),
    numberOption("--accumulate <n>", "batches a step", wholeNumber(1), 1),
    numberOption("--image-size <n>", "side of training images", wholeNumber(32), 640),
    new Option(
      "--recompute",
      "keep fewer activations and compute them anew: less memory, more time",
    ),
    choiceOption(
      "--precision <name>",
      "mixed: activations as f16, where the adapter has shader-f16",
      [...PRECISIONS],
    ),
    choiceOption("--optimizer <name>", "", ["sgd", "adamw"]),
    numberOption(
      "--lr <x>",
      "learning rate (default: the preset's; 0.001 for adamw)",
      numberFrom(0),
    ),
    new Option(
      "--lr-factors <list>",
      "factors of the learning rate by part, such as backbone=0.1,heads=2",
    ),
    numberOption("--momentum <x>", "of sgd", fraction, 0.9),
    numberOption("--weight-decay <x>", "", numberFrom(0), 5e-4),
    choiceOption("--schedule <name>", "of the learning rate", ["step", "cosine", "constant"]),
    numberOption(
      "--warmup <n>",
      "steps (default: a tenth of the run, at most 100)",
      wholeNumber(0),
    ),
    numberOption("--clip <x>", "largest norm of the gradients, 0: any", numberFrom(0), 10),
    numberOption(
      "--ema <x>",
      "decay of averaged weights, which are then what is kept; 0: none",
      fraction,
      0,
    ),
    new Option("--no-augment", "whole images, as they are"),
    new Option(
      "--crop <range>",
      "sides of random crops as shares of the short side, or none (default: 0.3-1, and a fifth at 1)",
    ).argParser(cropRange),
    numberOption("--mirror <x>", "probability of mirroring (default: 0.5)", fraction),
    new Option("--no-distort", "colours as they are"),
    numberOption("--seed <n>", "of weights, order and augmentation", wholeNumber(0), 1),
  ];
}

/** Of `train`'s options about data those that a search for its learning rate takes. */
const SEARCHED_DATA = ["data", "config", "val", "group", "stratify", "workers"];
/** Of the others those that it sets itself, or has no use for. */
const NOT_SEARCHED = ["epochs", "lr", "schedule", "warmup", "ema"];

/** Adds the options of `train` that a search for its learning rate takes; a run's YAML is taken too. */
export function addSearchOptions(command: Command): Command {
  const nameOf = ({ long = "" }: Option) => long.slice("--".length);
  const isTaken = (option: Option) => SEARCHED_DATA.includes(nameOf(option));
  const isSearched = (option: Option) => !NOT_SEARCHED.includes(nameOf(option));
  const options = [
    ...dataOptions().filter(isTaken),
    ...[...networkOptions(), ...trainingOptions()].filter(isSearched),
  ];
  for (const option of options) command.addOption(option);
  const unused = ["scale", "val-every", "patience", "checkpoint-every"];
  return takeConfig(command, new Set([...NOT_SEARCHED, ...unused]));
}

/** Adds all options of `train` to a command. */
export function addTrainOptions(command: Command): Command {
  for (const option of [...dataOptions(), ...networkOptions(), ...trainingOptions()]) {
    command.addOption(option);
  }
  return takeConfig(command);
}
