import {
  choiceOption,
  fraction,
  numberFrom,
  numberOption,
  wholeNumber,
} from "@retinaface-webgpu/train/node";
import { type Command, Option } from "commander";
import type { BackendChoice } from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import { FACE_AUGMENT } from "../data/augment.js";
import { ARCHITECTURES, type Architecture, embedderConfig } from "../networks/config.js";
import { type EmbedderSettings, LOSS_NAMES, type LossName } from "../training/settings.js";

/** The options of `train` as commander names them. */
export interface TrainValues {
  readonly data: string;
  readonly out: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly config?: string;
  readonly holdOut: string;
  readonly group?: string;
  readonly query: string;
  readonly splitSeed: number;
  readonly valEvery?: number;
  readonly checkpointEvery: number;
  readonly network: Architecture;
  readonly size: number;
  readonly width: number;
  readonly dimension?: number;
  readonly lower?: number;
  readonly evened?: boolean;
  readonly flipped?: boolean;
  readonly start?: string;
  readonly dropout: number;
  readonly loss: LossName;
  readonly lossScale?: number;
  readonly margin?: number;
  readonly classRate: number;
  readonly identities: number;
  readonly images: number;
  readonly steps: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr?: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: "cosine" | "constant";
  readonly warmup?: number;
  readonly clip: number;
  readonly ema: number;
  readonly augment: boolean;
  readonly mirror: number;
  readonly mirroredIdentities?: boolean;
  readonly erase: number;
  readonly masks: number;
  readonly seed: number;
  readonly backend: BackendChoice;
  readonly threads?: number;
}

function dataOptions(): Option[] {
  return [
    new Option(
      "--data <dir>",
      "a folder for each person or animal, with pictures that are one aligned face each",
    ).makeOptionMandatory(),
    new Option(
      "--out <dir>",
      "folder of the run: checkpoint, models, metrics",
    ).makeOptionMandatory(),
    new Option("--resume", "go on from the folder's checkpoint, or start where there is none"),
    overwriteOption(),
    new Option("--config <file>", "options from YAML; those given here go before it"),
    new Option(
      "--hold-out <what>",
      "identities that are never trained on: how many, or a pattern of their names",
    ).default("0"),
    new Option(
      "--group <pattern>",
      "pictures whose names it matches with the same text stay together, such as those of a day; others are left out",
    ),
    new Option(
      "--query <rule>",
      "pictures that are asked about and not trained on: share:X, or by groups last:N of each identity, or from:KEY on",
    ).default("share:0.2"),
    numberOption(
      "--split-seed <n>",
      "of what is drawn when pictures are divided",
      wholeNumber(0),
      1,
    ),
    numberOption(
      "--val-every <n>",
      "steps between validations (default: at the end)",
      wholeNumber(1),
    ),
    numberOption("--checkpoint-every <n>", "steps between checkpoints", wholeNumber(1), 200),
    ...backendOptions(),
  ];
}

function networkOptions(): Option[] {
  return [
    choiceOption("--network <name>", "", ARCHITECTURES),
    numberOption(
      "--size <n>",
      "side of its input in pixels, a multiple of 16",
      wholeNumber(16),
      112,
    ),
    numberOption("--width <x>", "of its channels, 1 as published", numberFrom(1 / 16), 1),
    numberOption(
      "--dimension <n>",
      "numbers of an embedding (default: 128, ResNets 512)",
      wholeNumber(2),
    ),
    numberOption(
      "--lower <x>",
      "what the lower half of the face counts beside the upper: below 1 where it may be covered",
      fraction,
    ),
    new Option(
      "--evened",
      "every picture is brought to the same brightness and contrast first, as for cameras by day and night",
    ),
    new Option(
      "--flipped",
      "a vector is the picture's and its mirror image's, one behind the other: twice the numbers and the work",
    ),
    new Option(
      "--start <file>",
      "weights to begin with: an embedding network's, or for the network mobilenet a detector's; default: those that detect takes",
    ),
    numberOption("--dropout <x>", "before a ResNet's full connection", fraction, 0),
  ];
}

function trainingOptions(): Option[] {
  return [
    choiceOption("--loss <name>", "", LOSS_NAMES),
    numberOption("--loss-scale <x>", "what cosines are multiplied by (default: 64)", numberFrom(0)),
    numberOption(
      "--margin <x>",
      "of the loss (default: arcface 0.5, cosface 0.35, triplet 0.2)",
      numberFrom(0),
    ),
    numberOption(
      "--class-rate <x>",
      "share of the identities that takes part in a step",
      fraction,
      1,
    ),
    numberOption("--identities <n>", "of a batch", wholeNumber(2), 16),
    numberOption("--images <n>", "of each identity in a batch", wholeNumber(1), 4),
    numberOption("--steps <n>", "batches", wholeNumber(1), 2000),
    choiceOption("--optimizer <name>", "", ["sgd", "adamw"]),
    numberOption("--lr <x>", "learning rate (default: 0.05; 0.001 for adamw)", numberFrom(0)),
    numberOption("--momentum <x>", "of sgd", fraction, 0.9),
    numberOption("--weight-decay <x>", "", numberFrom(0), 5e-4),
    choiceOption("--schedule <name>", "of the learning rate", ["cosine", "constant"]),
    numberOption(
      "--warmup <n>",
      "steps (default: a tenth of the run, at most 100)",
      wholeNumber(0),
    ),
    numberOption("--clip <x>", "largest norm of the gradients, 0: any", numberFrom(0), 5),
    numberOption(
      "--ema <x>",
      "decay of averaged weights, which are then what is kept",
      fraction,
      0,
    ),
    new Option("--no-augment", "pictures as they are"),
    numberOption(
      "--mirror <x>",
      "share that is mirrored; 0 where left and right tell apart",
      fraction,
      FACE_AUGMENT.mirror,
    ),
    new Option(
      "--mirrored-identities",
      "mirrored pictures are other identities': twice as many to learn from, with --mirror 0",
    ),
    numberOption("--erase <x>", "share with a rectangle before it", fraction, FACE_AUGMENT.erase),
    numberOption(
      "--masks <x>",
      "share that wears a drawn mask; faces must be aligned",
      fraction,
      0,
    ),
    numberOption("--seed <n>", "of weights, batches and augmentation", wholeNumber(0), 1),
  ];
}

/** Adds all options of `train` to a command. */
export function addTrainOptions(command: Command): Command {
  for (const option of [...dataOptions(), ...networkOptions(), ...trainingOptions()]) {
    command.addOption(option);
  }
  return command;
}

const NO_AUGMENT = { mirror: 0, turn: 0, zoom: 0, shift: 0, colours: 0, erase: 0, mask: 0 };

/**
 * @param own of the run that is gone on with: its warm-up stays where none is given
 * @throws {OptionError} for a network that there is not
 */
export function settingsOf(values: TrainValues, own?: EmbedderSettings): EmbedderSettings {
  const { network, size, width, dimension, lower, evened, flipped, optimizer, steps } = values;
  const augment = values.augment
    ? { ...FACE_AUGMENT, mirror: values.mirror, erase: values.erase, mask: values.masks }
    : NO_AUGMENT;
  return {
    network: embedderConfig({
      architecture: network,
      size,
      width,
      dimension,
      lower,
      evened,
      flipped,
    }),
    dropout: values.dropout,
    loss: values.loss,
    ...(values.lossScale !== undefined && { scale: values.lossScale }),
    ...(values.margin !== undefined && { margin: values.margin }),
    classRate: values.classRate,
    identities: values.identities,
    images: values.images,
    steps,
    optimizer,
    lr: values.lr ?? (optimizer === "adamw" ? 1e-3 : 0.05),
    momentum: values.momentum,
    weightDecay: values.weightDecay,
    schedule: values.schedule,
    warmup: values.warmup ?? own?.warmup ?? Math.min(100, Math.round(steps / 10)),
    clip: values.clip,
    ema: values.ema,
    augment,
    ...(values.mirroredIdentities && { mirroredIdentities: true }),
    seed: values.seed,
  };
}
