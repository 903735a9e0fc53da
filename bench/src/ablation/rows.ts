import type { AnchorConfig } from "retinaface-webgpu";

/** Which runs are compared: detectors trained anew on photos, or weights fine-tuned on other pictures. */
export type Group = "structure" | "freezing";

/** Anchors of a row: published ones with so many sizes a level, or k-means over the training faces at one rate. */
export type RowAnchors = { readonly perLevel: number } | { readonly ratio: number };

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
  structure("atss", ["--assignment", "atss"]),
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
  { text: "ATSS beats fixed IoUs", better: "atss", than: "base" },
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
