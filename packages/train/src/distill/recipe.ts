import type { optim } from "@retinaface-webgpu/tensor";
import { type NetworkConfig, readBytes } from "retinaface-webgpu";
import { isNumbers, isObject, type JsonObject } from "../data/json.js";
import { DataError } from "../errors.js";
import { ASSIGNERS } from "../objective/assign.js";
import { chance, seededRandom } from "../random.js";
import { PRECISIONS, type Precision } from "../trainer/options.js";
import type { DistillOptions } from "./loss.js";
import type { TurnSpec } from "./photo.js";

/** Photos of one kind. Paths are relative to the data folder; `{out}` at the start is the run's own. */
export interface SourceSpec {
  readonly name: string;
  /**
   * `photos`: a folder, faces where the teacher finds some. `voc`: a VOC set, boxes labelled. `landmarks`: a
   * table of eyes and mouth corners, one face a photo. `scored`: JSON lines of a folder in which every face
   * is labelled, with a score that says how sure it is.
   */
  readonly kind: "photos" | "voc" | "landmarks" | "scored";
  readonly path: string;
  /** How often views are made of it, relative to the others. */
  readonly share: number;
  /** Probability that its faces are laid on another photo. */
  readonly paste?: number;
  /** First step that uses it; default 0. */
  readonly from?: number;
  /** The long side is scaled down to this many pixels; default 2048. */
  readonly maxSide?: number;
  /** Share of its photos that no step sees; default the recipe's. Or those whose name matches this. */
  readonly holdOut?: number | string;
  /**
   * Frontal faces that are alone in their photos have their heads turned through a 3-D template, with this probability
   * and by up to these degrees. Of `landmarks` and `scored`; default none.
   */
  readonly turn?: TurnSpec;
}

/** What a batch is made of, from a step on. */
export interface StageSpec {
  /** First step. */
  readonly from: number;
  /** Probability that a photo is moved to fill its place in a view; default 0. */
  readonly cover?: number;
  /** Probability of looking anywhere instead of at a face; default 0.12. */
  readonly background?: number;
  /**
   * Probability that a view has no mosaic, no pasted or turned heads, nothing drawn before faces and is not degraded, as the
   * last epochs of YOLOX go without mosaics (Ge et al. 2021); default 0.
   */
  readonly plain?: number;
  /** How often views are made of a source, by its name, instead of what the source says. */
  readonly shares?: Readonly<Record<string, number>>;
  /** What is otherwise than the recipe's loss. */
  readonly loss?: Partial<DistillOptions>;
  /** Batch norm keeps its statistics, so that what is trained is what will detect; default false. */
  readonly fixedNorm?: boolean;
  /** One is drawn for each step. */
  readonly batches: readonly BatchSpec[];
}

/** The views of a batch. */
export interface BatchSpec {
  /** Side in pixels. */
  readonly size: number;
  readonly count: number;
  /** How often, relative to the stage's others. */
  readonly share: number;
  /** Smallest side of a face to aim at, in view pixels; default 10. */
  readonly least?: number;
  /** Largest side of a face to aim at, as a share of its place in the view; default 0.75. */
  readonly most?: number;
  /** Share of such a face's half side that its centre keeps off the edges of that place; default 0. */
  readonly inside?: number;
  /** Probability of looking anywhere instead of at a face; default the stage's. */
  readonly background?: number;
}

/** A distillation, reproducible from this and the data. */
export interface Recipe {
  readonly seed: number;
  /** The student; its backbone is MobileNet's where none is named. */
  readonly network: Partial<NetworkConfig>;
  /** The teacher's weights, relative to the data folder. */
  readonly teacher: string;
  readonly sources: readonly SourceSpec[];
  readonly holdOut: number;
  readonly steps: number;
  readonly lr: number;
  /** Factor of the learning rate at some steps, in their order; straight lines between. */
  readonly schedule: readonly (readonly [step: number, factor: number])[];
  readonly weightDecay: number;
  readonly clip: number;
  readonly ema: number;
  readonly checkpointEvery: number;
  readonly stages: readonly StageSpec[];
  readonly loss: DistillOptions;
  /** In what the student's activations and their gradients are stored; default `f32`. */
  readonly precision?: Precision;
}

const NUMBERS = ["seed", "holdOut", "steps", "lr", "clip", "ema"] as const;

/** @throws {DataError} naming what is missing or out of range */
export function parseRecipe(text: string, file: string): Recipe {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`${file} is not JSON: mend it`, { cause });
  }
  if (!isObject(value)) throw new DataError(`${file}: a recipe must be a JSON object`);
  const recipe = value as unknown as Recipe;
  for (const name of NUMBERS) {
    if (!(Number.isFinite(recipe[name]) && recipe[name] >= 0)) {
      throw new DataError(`${file}: "${name}" must be a number of at least 0`);
    }
  }
  if (!(recipe.sources?.length > 0) || recipe.stages?.[0]?.from !== 0) {
    throw new DataError(
      `${file}: a recipe needs "sources", and "stages" of which the first is from step 0`,
    );
  }
  if (!(recipe.schedule?.length > 0)) {
    throw new DataError(`${file}: a recipe needs a "schedule" of [step, factor] points`);
  }
  checkParts(recipe, file);
  return recipe;
}

const isText = (value: unknown): value is string => typeof value === "string";
const KINDS: readonly unknown[] = [
  "photos",
  "voc",
  "landmarks",
  "scored",
] satisfies SourceSpec["kind"][];

function isPattern(value: unknown): boolean {
  try {
    return isText(value) && new RegExp(value).source !== "";
  } catch {
    return false;
  }
}

/** Kinds whose faces have landmarks. */
const TURNED_KINDS: readonly unknown[] = ["landmarks", "scored"] satisfies SourceSpec["kind"][];

/** Largest angles at which what is turned still looks like a face. */
const LARGEST_TURN = { share: 1, yaw: 90, pitch: 60 };

function isTurn(value: unknown): boolean {
  if (!isObject(value)) return false;
  const names = Object.keys(LARGEST_TURN) as (keyof typeof LARGEST_TURN)[];
  return names.every((name) => {
    const part = value[name];
    return typeof part === "number" && part >= 0 && part <= LARGEST_TURN[name];
  });
}

function isSource(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { name, path, kind, share, holdOut, turn } = value;
  const held = holdOut === undefined || isNumbers([holdOut]) || isPattern(holdOut);
  const turned = turn === undefined || (isTurn(turn) && TURNED_KINDS.includes(kind));
  const named = isText(name) && isText(path) && KINDS.includes(kind);
  return named && isNumbers([share]) && held && turned;
}

const isProbability = (value: unknown) =>
  value === undefined || (typeof value === "number" && value >= 0 && value <= 1);

function isStage(value: unknown): boolean {
  if (!isObject(value) || !isNumbers([value.from]) || !Array.isArray(value.batches)) return false;
  if (![value.cover, value.background, value.plain].every(isProbability)) return false;
  const isBatch = (batch: unknown) =>
    isObject(batch) && isNumbers([batch.size, batch.count, batch.share]);
  return value.batches.length > 0 && value.batches.every(isBatch);
}

/** Whether a loss has a weight for hints where it has some. */
const weighsHints = ({ hints = [], weights }: DistillOptions) =>
  hints.length === 0 || typeof weights?.hints === "number";

const assigns = ({ assignment = "iou" }: DistillOptions) => ASSIGNERS.includes(assignment);

/** What a recipe is made of, part by part. @throws {DataError} naming the first that is otherwise */
function checkParts(recipe: Recipe, file: string): void {
  const {
    sources,
    stages,
    schedule,
    network,
    teacher,
    loss,
    precision = "f32",
  } = recipe as unknown as JsonObject;
  const all = (value: unknown, is: (part: unknown) => boolean) =>
    Array.isArray(value) && value.every(is);
  const known = Array.isArray(stages) ? stages.filter(isObject) : [];
  const losses = known.map((stage) => lossOf(recipe, stage as unknown as StageSpec));
  const wanted: [string, boolean, string][] = [
    [
      "sources",
      all(sources, isSource),
      `name, path, share and kind (${KINDS.join(", ")}) of each; "turn" has share (0 to 1), yaw (0 to 90) and ` +
        `pitch (0 to 60), for kinds ${TURNED_KINDS.join(" and ")}`,
    ],
    [
      "stages",
      all(stages, isStage),
      '"from" and "batches" of size, count and share in each; cover, background and plain are probabilities',
    ],
    ["schedule", all(schedule, (point) => isNumbers(point, 2)), "points [step, factor]"],
    ["network", isObject(network), "an object such as width and channels"],
    ["teacher", isText(teacher), "the name of a file"],
    ["loss", isObject(loss), "an object"],
    ["loss", losses.every(weighsHints), 'a weight "hints" in every stage that has hints'],
    ["loss", losses.every(assigns), `an "assignment" of ${ASSIGNERS.join(", ")}`],
    ["precision", (PRECISIONS as readonly unknown[]).includes(precision), PRECISIONS.join(" or ")],
  ];
  const wrong = wanted.find(([, right]) => !right);
  if (wrong) throw new DataError(`${file}: "${wrong[0]}" needs ${wrong[2]}`);
}

/** @throws {DataError} as {@link parseRecipe} does; ReadError where the file cannot be read */
export async function readRecipe(file: string): Promise<Recipe> {
  return parseRecipe(new TextDecoder().decode(await readBytes(file)), file);
}

/** Factor of the learning rate at each step; beyond its first and last point it stays. */
export function recipeSchedule({ schedule }: Recipe): optim.Schedule {
  return (step) => {
    const next = schedule.findIndex(([at]) => at > step);
    if (next <= 0) return schedule[next < 0 ? schedule.length - 1 : 0][1];
    const [[from, before], [to, after]] = [schedule[next - 1], schedule[next]];
    return before + ((after - before) * (step - from)) / (to - from);
  };
}

/** The stage that a step belongs to. */
export function stageOf({ stages }: Recipe, step: number): StageSpec {
  return stages.findLast(({ from }) => from <= step)!;
}

/** A stage's loss: its own, with the recipe's behind it. */
export function lossOf({ loss }: Pick<Recipe, "loss">, stage: StageSpec): DistillOptions {
  return { ...loss, ...stage.loss };
}

/** What a step's batch is made of. */
export function batchOf(recipe: Recipe, step: number): BatchSpec {
  const { seed } = recipe;
  const stage = stageOf(recipe, step);
  const random = seededRandom(seed, step, -2);
  let left = stage.batches.reduce((sum, { share }) => sum + share, 0);
  for (const batch of stage.batches) {
    if (chance(random, batch.share / left)) return batch;
    left -= batch.share;
  }
  return stage.batches[stage.batches.length - 1];
}
