import { OptionError } from "../errors.js";
import { type HeadSpec, LANDMARK_NAMES } from "../types.js";

/** Corners of a box, and the numbers that place one: x1, y1, x2, y2 or cx, cy, w, h. */
export const BOX_NUMBERS = 4;
/** x and y. */
export const POINT_NUMBERS = 2;

/**
 * RetinaFace's heads (Deng et al. 2019), named as in the public PyTorch checkpoints. Widths of records, shapes of
 * targets, losses and reports follow from such a table.
 */
export const RETINAFACE_HEADS = [
  { name: "conf", module: "ClassHead", width: 2, meaning: "class", loss: "classes" },
  { name: "loc", module: "BboxHead", width: BOX_NUMBERS, meaning: "box", loss: "boxes" },
  {
    name: "landms",
    module: "LandmarkHead",
    width: LANDMARK_NAMES.length * POINT_NUMBERS,
    meaning: "points",
    loss: "landmarks",
  },
] as const satisfies readonly HeadSpec[];

/**
 * RetinaNet's heads (Lin et al. 2017) for so many classes, the background not among them: its class head has a sigmoid for
 * each, which is what logits besides a 0 for the background are.
 */
export function retinaNetHeads(classes: number): HeadSpec[] {
  return [
    { name: "conf", module: "ClassHead", width: classes + 1, meaning: "class", loss: "classes" },
    { name: "loc", module: "BboxHead", width: BOX_NUMBERS, meaning: "box", loss: "boxes" },
  ];
}

/**
 * The row of the branch for meshes: a code of 128 numbers, 7 of a camera, 9 of a light (Deng et al. 2019). Add it to a table:
 * `heads: [...RETINAFACE_HEADS, MESH_HEAD]`.
 */
export const MESH_HEAD = {
  name: "mesh",
  module: "MeshHead",
  width: 144,
  meaning: "mesh",
  loss: "mesh",
} as const satisfies HeadSpec;

/**
 * The row of YuNet's objectness head (Wu et al. 2023, as YOLOX, Ge et al. 2021, has it). Add it to a table:
 * `heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD]`.
 */
export const OBJECTNESS_HEAD = {
  name: "obj",
  module: "ObjectnessHead",
  width: 1,
  meaning: "objectness",
  loss: "objectness",
} as const satisfies HeadSpec;

/** Numbers of camera and light, which a branch for meshes says besides the code. */
const SCENE_NUMBERS = 16;

/** The row of a table's branch for meshes. */
export function meshHead(heads: readonly HeadSpec[]): HeadSpec | undefined {
  return heads.find(({ meaning }) => meaning === "mesh");
}

/** The row of a table's objectness head. */
export function objectnessHead(heads: readonly HeadSpec[]): HeadSpec | undefined {
  return heads.find(({ meaning }) => meaning === "objectness");
}

/** A table without the branch for meshes: what is said of each anchor. */
export function anchorHeads(heads: readonly HeadSpec[]): HeadSpec[] {
  return heads.filter(({ meaning }) => meaning !== "mesh");
}

/** Heads that what is found is made of: those of anchors, without objectness, which is in the class's logits by then. */
export function decodedHeads(heads: readonly HeadSpec[]): HeadSpec[] {
  return anchorHeads(heads).filter(({ meaning }) => meaning !== "objectness");
}

/** Heads besides the class: the candidates' kernel binds a buffer for each, and WebGPU guarantees eight in all. */
const MAX_FURTHER = 5;

/** The class head of a table. */
export function classHead(heads: readonly HeadSpec[]): HeadSpec {
  return heads.find(({ meaning }) => meaning === "class")!;
}

/** The box head of a table. */
export function boxHead(heads: readonly HeadSpec[]): HeadSpec {
  return heads.find(({ meaning }) => meaning === "box")!;
}

/** All decoded heads but the class head, in their order: what faces have labels of, and what a record of the GPU holds. */
export function regressionHeads(heads: readonly HeadSpec[]): HeadSpec[] {
  return decodedHeads(heads).filter(({ meaning }) => meaning !== "class");
}

/** A table whose class head tells so many classes apart, besides the background. */
export function headsOfClasses(heads: readonly HeadSpec[], classes: number): HeadSpec[] {
  return heads.map((head) => (head.meaning === "class" ? { ...head, width: classes + 1 } : head));
}

/** @throws OptionError where names of classes are more or fewer than a class head tells apart */
export function checkClassNames(
  classes: readonly string[] | undefined,
  heads: readonly HeadSpec[],
): void {
  const told = classHead(heads).width - 1;
  if (classes === undefined || classes.length === told) return;
  throw new OptionError(
    `the weights tell ${told} ${told === 1 ? "class" : "classes"} apart and ${classes.length} are named (${classes.join(", ")}): ` +
      "give the configuration they were trained with",
  );
}

/** Whether two tables are the same, row by row. */
export function sameHeads(a: readonly HeadSpec[], b: readonly HeadSpec[]): boolean {
  const text = (heads: readonly HeadSpec[]) =>
    JSON.stringify(
      heads.map(({ name, module, width, meaning, loss }) => [name, module, width, meaning, loss]),
    );
  return text(a) === text(b);
}

const IDENTIFIER = /^[A-Za-z]\w*$/;

function problemOf({ name, module, width, meaning, loss }: HeadSpec): string | undefined {
  if (!IDENTIFIER.test(name) || !IDENTIFIER.test(loss)) {
    return "its name and its loss must be identifiers, such as mask";
  }
  if (!/^[A-Za-z]\w*Head$/.test(module))
    return `its module "${module}" is no identifier ending in Head, such as MaskHead`;
  if (!(Number.isSafeInteger(width) && width >= 1))
    return `its width ${width} is no whole number of at least 1`;
  switch (meaning) {
    case "class":
      return width < 2
        ? "a class head needs a logit of the background and one of a class"
        : undefined;
    case "box":
      return width !== BOX_NUMBERS ? `a box head has ${BOX_NUMBERS} numbers` : undefined;
    case "points":
      return width % POINT_NUMBERS !== 0 ? "points have an even number of coordinates" : undefined;
    case "values":
      return undefined;
    case "objectness":
      return width !== 1 ? "an objectness head has one logit" : undefined;
    case "mesh":
      return width <= SCENE_NUMBERS
        ? `of its numbers ${SCENE_NUMBERS} are camera and light, which leaves no code`
        : undefined;
    default:
      return `its meaning "${meaning}" is none of class, box, points, values, objectness, mesh`;
  }
}

/** @throws OptionError for a table that no network can have, naming the row */
export function checkHeadTable(heads: readonly HeadSpec[]): void {
  for (const head of heads) {
    const problem = problemOf(head);
    if (problem) throw new OptionError(`the head "${head.name}" does not fit: ${problem}`);
  }
  for (const key of ["name", "module", "loss"] as const) {
    if (new Set(heads.map((head) => head[key])).size === heads.length) continue;
    throw new OptionError(`two heads have the same ${key}: give each its own`);
  }
  for (const [meaning, least] of Object.entries({ class: 1, box: 1, objectness: 0, mesh: 0 })) {
    const count = heads.filter((head) => head.meaning === meaning).length;
    if (count === 1 || count === least) continue;
    throw new OptionError(
      `a table of heads needs ${least ? "exactly" : "at most"} one of meaning "${meaning}": give one, leave the others out`,
    );
  }
  const further = regressionHeads(heads).length;
  if (further > MAX_FURTHER) {
    throw new OptionError(
      `a network has at most ${MAX_FURTHER} heads besides the class, not ${further}: join some of them`,
    );
  }
}
