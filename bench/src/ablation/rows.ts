import type { AnchorConfig, DetectorConfig } from "retinaface-webgpu";

/**
 * Which runs are compared: detectors trained anew on photos, for equal steps or for equal time, or weights fine-tuned on other
 * pictures.
 */
export type Group = "structure" | "networks" | "freezing";

/**
 * Anchors of a row: published ones with so many sizes a level, k-means over the training faces at one rate, or a
 * configuration of its own.
 */
export type RowAnchors =
  | { readonly perLevel: number }
  | { readonly ratio: number }
  | { readonly config: Partial<DetectorConfig> };

/** One switch against the base of its group. */
export interface Row {
  readonly name: string;
  readonly group: Group;
  /** Arguments of `train` beside those of the group. */
  readonly args: readonly string[];
  readonly anchors?: RowAnchors;
}

/** What is said of two rows: the first has the higher AP. */
export interface Claim {
  readonly text: string;
  readonly better: string;
  readonly than: string;
}

const structure = (name: string, args: readonly string[], anchors?: RowAnchors): Row => ({
  name,
  group: "structure",
  args,
  ...(anchors && { anchors }),
});
/** A network whose channels are not the base's is made of random weights where the base's start does not fit it. */
const networks = (name: string, args: readonly string[], anchors?: RowAnchors): Row => ({
  ...structure(`net-${name}`, args, anchors),
  group: "networks",
});

const RANDOM = ["--weights", "random", "--backbone", "mobilenet0.25"];

/** Published anchors and, at stride 4, half the smallest. */
const FINE_LEVEL: Partial<DetectorConfig> = {
  anchors: {
    minSizes: [
      [8, 11],
      [16, 32],
      [64, 128],
      [256, 512],
    ],
    steps: [4, 8, 16, 32],
    clip: false,
  },
};

/**
 * One place a cell instead of anchors, of a cell's size, as YuNet has it (Wu et al. 2023): centres move by cells and sides are
 * powers of e of one.
 */
const CELLS: Partial<DetectorConfig> = {
  anchors: { minSizes: [[8], [16], [32]], steps: [8, 16, 32], clip: false },
  variances: [1, 1],
};

const freezing = (name: string, freeze: string): Row => ({
  name,
  group: "freezing",
  args: ["--freeze", freeze],
});

/** The rows in the order of the table; the first of each group is its base. */
export const ROWS: readonly Row[] = [
  structure("base", []),
  structure("focal", ["--loss", "focal"]),
  structure("varifocal", ["--loss", "varifocal"]),
  structure("giou", ["--box-loss", "giou"]),
  structure("diou", ["--box-loss", "diou"]),
  structure("eiou", ["--box-loss", "eiou"]),
  structure("atss", ["--assignment", "atss"]),
  structure("simota", ["--assignment", "simota"]),
  structure("no-context", ["--network", "pytorch,no-context"]),
  structure("cascade", ["--network", "pytorch,cascade"]),
  structure("deformable", ["--network", "pytorch,deformable"]),
  structure("paper", ["--network", "paper"]),
  structure("anchors-1", [], { perLevel: 1 }),
  structure("anchors-3", [], { perLevel: 3 }),
  structure("kmeans-1:1", [], { ratio: 1 }),
  structure("kmeans-1:2", [], { ratio: 0.5 }),
  structure("kmeans-2:1", [], { ratio: 2 }),
  structure("anchors-refined", ["--refine-anchors", "0.02"]),
  structure("no-landmarks", ["--loss-weights", "landmarks=0"]),
  structure("mesh", ["--mesh", "--mesh-heads", "0"]),
  structure("mesh-heads", ["--mesh"]),
  networks("base", []),
  networks("atss", ["--assignment", "atss"]),
  networks("simota", ["--assignment", "simota"]),
  networks("channels-32", ["--channels", "32"]),
  networks("anchors-1", [], { perLevel: 1 }),
  networks("separable", ["--network", "pytorch,separable"]),
  networks("stride-4", ["--network", "pytorch,separable"], { config: FINE_LEVEL }),
  networks("cells", ["--assignment", "simota", "--box-loss", "eiou"], { config: CELLS }),
  networks(
    "yunet",
    [
      ...["--network", "pytorch,separable,objectness"],
      ...["--assignment", "simota", "--box-loss", "eiou"],
    ],
    { config: CELLS },
  ),
  networks("random", RANDOM),
  networks("wide", [...RANDOM, "--width", "0.375", "--channels", "32"]),
  freezing("freeze-none", "none"),
  freezing("freeze-stem", "stem"),
  freezing("freeze-stage1", "stem,stage1"),
  freezing("freeze-stage2", "stem,stage1,stage2"),
  freezing("freeze-backbone", "backbone"),
  freezing("freeze-fpn", "backbone,fpn"),
  freezing("freeze-all", "all"),
  freezing("freeze-auto", "auto"),
];

/** What the study says of its detector, each against what it is without. */
export const CLAIMS: readonly Claim[] = [
  { text: "Focal loss beats mined hard negatives", better: "focal", than: "base" },
  { text: "Varifocal loss beats mined hard negatives", better: "varifocal", than: "base" },
  { text: "GIoU of boxes beats smooth L1", better: "giou", than: "base" },
  { text: "DIoU of boxes beats smooth L1", better: "diou", than: "base" },
  { text: "EIoU of boxes beats smooth L1", better: "eiou", than: "base" },
  { text: "ATSS beats fixed IoUs", better: "atss", than: "base" },
  { text: "SimOTA beats fixed IoUs", better: "simota", than: "base" },
  { text: "In equal time, ATSS beats fixed IoUs", better: "net-atss", than: "net-base" },
  { text: "In equal time, SimOTA beats fixed IoUs", better: "net-simota", than: "net-base" },
  { text: "In equal time, 32 channels beat 64", better: "net-channels-32", than: "net-base" },
  { text: "In equal time, one anchor a cell beats two", better: "net-anchors-1", than: "net-base" },
  {
    text: "In equal time, depthwise context modules beat dense ones",
    better: "net-separable",
    than: "net-base",
  },
  {
    text: "In equal time, a level of stride 4 helps where modules are depthwise",
    better: "net-stride-4",
    than: "net-separable",
  },
  {
    text: "In equal time, one place a cell beats two anchors, both by SimOTA",
    better: "net-cells",
    than: "net-simota",
  },
  {
    text: "In equal time, YuNet's form as a whole, depthwise and with objectness, beats one place a cell alone",
    better: "net-yunet",
    than: "net-cells",
  },
  {
    text: "In equal time, a wider body with a thinner neck is better, both from random weights",
    better: "net-wide",
    than: "net-random",
  },
  { text: "Context modules help", better: "base", than: "no-context" },
  { text: "A cascade helps", better: "cascade", than: "base" },
  { text: "Deformable convolutions help", better: "deformable", than: "base" },
  { text: "The paper's form as a whole helps", better: "paper", than: "base" },
  { text: "Two anchors a level beat one", better: "base", than: "anchors-1" },
  { text: "Three anchors a level beat two", better: "anchors-3", than: "base" },
  { text: "Anchors by k-means beat the published ones", better: "kmeans-1:1", than: "base" },
  { text: "K-means at 1:2 beats 1:1", better: "kmeans-1:2", than: "kmeans-1:1" },
  { text: "K-means at 2:1 beats 1:1", better: "kmeans-2:1", than: "kmeans-1:1" },
  {
    text: "Anchors that follow the faces beat those that stay",
    better: "anchors-refined",
    than: "base",
  },
  { text: "Landmarks as a further task help boxes", better: "base", than: "no-landmarks" },
  { text: "A branch for meshes that learns from pixels helps boxes", better: "mesh", than: "base" },
  { text: "It does with made-up heads too", better: "mesh-heads", than: "base" },
  {
    text: "Freezing stem and first stage beats training all",
    better: "freeze-stage1",
    than: "freeze-none",
  },
  {
    text: "Freezing the backbone beats training all",
    better: "freeze-backbone",
    than: "freeze-none",
  },
  {
    text: "Training the heads alone beats training all",
    better: "freeze-all",
    than: "freeze-none",
  },
  {
    text: "The depth that data choose beats training all",
    better: "freeze-auto",
    than: "freeze-none",
  },
  {
    text: "The depth that data choose beats training the heads alone",
    better: "freeze-auto",
    than: "freeze-all",
  },
];

/** The first row of its group. */
export const baseOf = ({ group }: Row): Row => ROWS.find((row) => row.group === group)!;

/** The published anchors with another number of sizes: level l has 16 · 4^l · 4^(i/n). With n = 2 they are the published. */
export function anchorsPerLevel(n: number): AnchorConfig {
  const steps = [8, 16, 32];
  const minSizes = steps.map((_, level) =>
    Array.from({ length: n }, (_, i) => Math.round(16 * 4 ** (level + i / n))),
  );
  return { minSizes, steps, clip: false };
}
