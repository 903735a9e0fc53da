import { existsSync } from "node:fs";
import { sharedFile } from "../detectors/contestants.js";
import type { Group } from "./rows.js";
import type { TimeBudget } from "./timed.js";

/** What the rows of a group share. */
export interface GroupSetup {
  readonly data: string;
  /** Arguments of `train`. */
  readonly args: readonly string[];
  /** Instead of epochs. */
  readonly time?: TimeBudget;
}

/** A budget: the same for each row and seed. */
export interface Preset {
  /** The photos of `../shared` are used at half their sides. */
  readonly halved: boolean;
  readonly groups: Readonly<Record<Group, GroupSetup>>;
  /** What is evaluated, by name. */
  readonly validations: Readonly<Record<string, { readonly data: string; readonly scale: string }>>;
}

export const PRESETS = ["small", "full"] as const;
export type PresetName = (typeof PRESETS)[number];

export const PHOTO_LABELS = sharedFile("data/photos/labels.jsonl");

const photos = (match: string) => `jsonl:${PHOTO_LABELS}?face=0.35&ignore=0.08&match=${match}`;
const masks = (match: string) =>
  `voc:${sharedFile("data/face-mask")}?classes=*=face&match=${match}`;

const BACKBONE = sharedFile("weights/mobilenetV1X0.25_pretrain.tar");

/** The classifier's backbone where it is at hand: from random weights a small budget finds no face at all. */
const structureStart = (channels: string) =>
  existsSync(BACKBONE)
    ? ["--weights", BACKBONE, "--channels", channels]
    : ["--backbone", "mobilenet0.25", "--channels", channels];

const PUBLIC = sharedFile("weights/mobilenet0.25_Final.pth");
/** The public weights where they are at hand: the package's own have learnt from face-mask's training photos already. */
const FINE_TUNED = ["--weights", existsSync(PUBLIC) ? PUBLIC : "default", "--batch-norm", "fixed"];

/** `pytorch` is said lest a network's form brings another preset, which would be a second switch. */
const SHARED = ["--preset", "pytorch", "--optimizer", "adamw", "--schedule", "cosine"];

/** A preset's budget. The photos whose names say -0 or -1, and face-mask's that end in 1 or 6, never train. */
export function presetOf(name: PresetName): Preset {
  if (name === "small") {
    const size = ["--image-size", "128", "--batch-size", "16"];
    return {
      halved: true,
      groups: {
        structure: {
          data: photos("-[^01]"),
          args: [...SHARED, ...structureStart("16"), ...size, "--epochs", "3", "--lr", "0.003"],
        },
        networks: {
          data: photos("-[^01]"),
          args: [...SHARED, ...structureStart("64"), ...size, "--lr", "0.003"],
          time: { seconds: 90, of: "processor", images: 448 },
        },
        freezing: {
          data: masks("[^16]\\."),
          args: [...[...SHARED, ...FINE_TUNED], ...[...size, "--epochs", "2", "--lr", "0.001"]],
        },
      },
      validations: {
        photos: { data: `${photos("-[01]")}&limit=200`, scale: "192" },
        "face-mask": { data: masks("[16]\\."), scale: "192" },
      },
    };
  }
  const size = ["--image-size", "640", "--batch-size", "32"];
  return {
    halved: false,
    groups: {
      structure: {
        data: photos("-[^01]"),
        args: [...SHARED, ...structureStart("64"), ...size, "--epochs", "100", "--lr", "0.001"],
      },
      networks: {
        data: photos("-[^01]"),
        args: [...SHARED, ...structureStart("64"), ...size, "--lr", "0.001"],
        time: { seconds: 3600, of: "clock", images: 1780 },
      },
      freezing: {
        data: masks("[^16]\\."),
        args: [...[...SHARED, ...FINE_TUNED], ...[...size, "--epochs", "40", "--lr", "0.0003"]],
      },
    },
    validations: {
      photos: { data: photos("-[01]"), scale: "original" },
      "face-mask": { data: masks("[16]\\."), scale: "640/640" },
    },
  };
}
