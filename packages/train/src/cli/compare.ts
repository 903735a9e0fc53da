import path from "node:path";
import { Command, Option } from "commander";
import {
  type BackendChoice,
  LANDMARK_COORDINATES,
  OptionError,
  RetinaFace,
  readBytes,
} from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import { AGREEMENT_DEFAULTS, landmarkError, measureAgreement } from "../distill/held-out.js";
import { readRecipe } from "../distill/recipe.js";
import {
  keptJson,
  keyOfWeights,
  listSources,
  PhotoCache,
  type SourceFile,
  type SourceFiles,
} from "../distill/sources.node.js";
import { type Detections, packFaces } from "../evaluate/detections.js";
import { evaluateDetections } from "../evaluate/evaluate.js";
import { type CompareWeightsValues, compareWeights } from "./compare-weights.js";
import { formatTable, imageProgress, printJson, say } from "./console.js";
import { scaleOption, wholeNumber } from "./options.js";
import { resultsOf } from "./outputs.js";

interface CompareValues {
  readonly recipe: string;
  readonly data: string;
  readonly out: string;
  readonly weights?: string;
  readonly cache?: string;
  readonly maxSide?: number;
  readonly source?: string[];
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly json?: string;
  readonly overwrite?: boolean;
}

/** Everything that average precision needs. */
const LEAST_SCORE = 0.02;

/** Where a detector's faces are kept, and what tells them from those of others. */
interface Kept {
  readonly cache: PhotoCache;
  readonly key: string;
}

/** Detections of one detector, kept on disk for the teacher: they are always the same. */
class Finder {
  readonly #detector: RetinaFace;
  readonly #maxSide: number | undefined;
  readonly #kept: Kept | undefined;

  constructor(detector: RetinaFace, maxSide: number | undefined, kept?: Kept) {
    this.#detector = detector;
    this.#maxSide = maxSide;
    this.#kept = kept;
  }

  async find({ file }: SourceFile): Promise<Detections> {
    const ending = `${this.#kept?.key}.${this.#maxSide ?? "whole"}.json`;
    const cache = this.#kept?.cache;
    const at = cache?.path(file, ending);
    const kept = at && keptJson(at);
    if (Array.isArray(kept)) return packFaces(kept);
    const faces = await this.#detector.detect(file, { maxSide: this.#maxSide });
    if (at) await cache?.keep(at, JSON.stringify(faces));
    return packFaces(faces);
  }
}

interface Found {
  readonly file: SourceFile;
  readonly found: Detections;
  readonly teacher: Detections;
}

/** Boxes of labelled faces; a face with landmarks has no labelled box. */
function labelledBoxes({ faces = [] }: SourceFile): number[] {
  return faces.filter(({ landmarks }) => !landmarks).flatMap(({ box }) => [...box]);
}

/** Average precision at IoU 0.5 on photos with labelled boxes. */
function precisionOf(photos: readonly Found[], of: "found" | "teacher"): number | undefined {
  const images = photos.map((photo) => {
    const boxes = Float32Array.from(labelledBoxes(photo.file));
    const count = boxes.length / 4;
    const record = {
      id: photo.file.id,
      image: photo.file.file,
      boxes,
      landmarks: new Float32Array(count * LANDMARK_COORDINATES).fill(Number.NaN),
      labels: Array<string>(count).fill("face"),
      ignored: new Uint8Array(count),
    };
    return { record, detections: photo[of] };
  });
  if (images.every(({ record }) => record.labels.length === 0)) return undefined;
  return evaluateDetections(images).ap50;
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, v) => sum + v, 0) / values.length;
}

/** The figures of one detector on one source. */
function figuresOf(photos: readonly Found[], of: "found" | "teacher") {
  const agreement = measureAgreement(
    photos.map((p) => ({ found: p[of], teacher: p.teacher, labels: labelledBoxes(p.file) })),
  );
  const errors = photos.flatMap(({ file, ...found }) => {
    const landmarks = file.faces?.[0]?.landmarks;
    return (landmarks && landmarkError(found[of], landmarks)) ?? [];
  });
  const { score } = AGREEMENT_DEFAULTS;
  const any = photos.filter((photo) => photo[of].scores.some((value) => value > score)).length;
  return {
    ...agreement,
    photosWithFace: any / photos.length,
    ap50: precisionOf(photos, of) ?? null,
    landmarkError: meanOf(errors) ?? null,
  };
}

type Figures = ReturnType<typeof figuresOf>;

function figuresRow(name: string, of: string, figures: Figures): (string | number | null)[] {
  const { photos, faces, recall, falsePositivesPerPhoto, photosWithFace } = figures;
  const { ap50, landmarkError: error } = figures;
  return [name, of, photos, faces, recall, falsePositivesPerPhoto, photosWithFace, ap50, error];
}

async function runCompare(values: CompareValues): Promise<void> {
  const { data, out, maxSide, cache = path.join(out, "cache") } = values;
  const recipe = await readRecipe(values.recipe);
  const outputs = resultsOf(values, [values.recipe, values.weights]);
  const all = listSources(recipe, data, out).filter(({ held }) => held.length > 0);
  const names = all.map(({ spec }) => spec.name);
  const wanted = values.source ?? names;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown)
    throw new OptionError(`the recipe holds nothing of "${unknown}" out: choose from ${names}`);
  outputs.protect(all.flatMap(({ train, held }) => [...train, ...held].map(({ file }) => file)));
  await outputs.check(values.json);
  const sources: SourceFiles[] = all.filter(({ spec }) => wanted.includes(spec.name));
  const weights = values.weights ?? path.join(out, "model.safetensors");
  const loaded: RetinaFace[] = [];
  const bar = imageProgress(sources.reduce((sum, { held }) => sum + held.length, 0));
  try {
    const load = async (weights: string | Uint8Array) => {
      const { backend, threads } = values;
      const found = await RetinaFace.load({ backend, threads, weights, visThreshold: LEAST_SCORE });
      loaded.push(found);
      return found;
    };
    const student = new Finder(await load(weights), maxSide);
    const taught = new Uint8Array(await readBytes(path.resolve(data, recipe.teacher)));
    const teacher = new Finder(await load(taught), maxSide, {
      cache: new PhotoCache(path.join(cache, "teacher")),
      key: keyOfWeights(taught),
    });
    const results: Record<string, { student: Figures; teacher: Figures }> = {};
    let done = 0;
    for (const { spec, held } of sources) {
      const photos: Found[] = [];
      for (const file of held) {
        bar.update(done++, file.id);
        photos.push({ file, found: await student.find(file), teacher: await teacher.find(file) });
      }
      results[spec.name] = {
        student: figuresOf(photos, "found"),
        teacher: figuresOf(photos, "teacher"),
      };
    }
    bar.stop();
    const rows = Object.entries(results).flatMap(([name, of]) => [
      figuresRow(name, "student", of.student),
      figuresRow(name, "teacher", of.teacher),
    ]);
    say(
      formatTable(
        [
          "held out",
          "detector",
          "photos",
          "teacher's faces",
          "recall",
          "false/photo",
          "photos with a face",
          "AP 0.5",
          "landmarks/eyes",
        ],
        rows,
      ),
    );
    const result = { weights, maxSide: maxSide ?? null, ...AGREEMENT_DEFAULTS, heldOut: results };
    if (values.json) {
      await outputs.writeText(values.json, `${JSON.stringify(result, null, 2)}\n`);
    }
    printJson(result);
  } finally {
    bar.stop();
    for (const detector of loaded) detector.dispose();
  }
}

type Given = Partial<CompareValues> & Omit<CompareWeightsValues, "data">;

/** Two weights on a data set, or what a distillation made beside its teacher. */
async function runEither(
  a: string | undefined,
  b: string | undefined,
  values: Given,
): Promise<void> {
  const { data, recipe, out } = values;
  if (data === undefined) throw new OptionError("compare needs --data");
  if (recipe !== undefined) {
    if (a !== undefined || out === undefined)
      throw new OptionError("with --recipe give --out of its run, and no weights as arguments");
    await runCompare({ ...values, data, recipe, out });
    return;
  }
  if (a === undefined || b === undefined)
    throw new OptionError("compare needs two weights, A and B, or the --recipe of a distillation");
  const foreign = (["out", "weights", "cache", "source", "maxSide"] as const).find(
    (name) => values[name] !== undefined,
  );
  if (foreign) throw new OptionError(`${foreign} is for --recipe: leave it out`);
  await compareWeights([a, b], { ...values, data });
}

function weightsOptions(): Option[] {
  const number = (flags: string, text: string, value: number) =>
    new Option(flags, text).argParser(wholeNumber(1)).default(value);
  return [
    scaleOption(),
    number("--resamples <n>", "sets of photos drawn for the interval", 2000),
    number("--seed <n>", "of these", 1),
    new Option("--sheet <file>", "PNG of the photos that changed most, A beside B"),
    number("--photos <n>", "of them on the sheet", 12),
  ];
}

export function compareCommand(): Command {
  const command = new Command("compare")
    .description(
      "compare two weights on labelled images, or a distilled detector with its teacher on what a recipe holds out",
    )
    .argument("[a]", "weights: .pth, .safetensors or default")
    .argument("[b]", "other weights")
    .option("--data <spec>", "labelled images; with --recipe what its paths are relative to")
    .option("--recipe <file>", "the recipe of a distillation")
    .option("--out <folder>", "the run's folder, with --recipe")
    .option("--weights <file>", "the detector, with --recipe (default: model.safetensors in --out)")
    .option("--cache <folder>", "the teacher's detections (default: cache/ in --out)")
    .option("--source <names...>", "only these sources of the recipe")
    .option(
      "--max-side <pixels>",
      "with --recipe: scale the long side down to this; never up",
      wholeNumber(1),
    )
    .option("--json <file>", "write the result")
    .addOption(overwriteOption());
  for (const option of [...weightsOptions(), ...backendOptions()]) command.addOption(option);
  return command.action(runEither);
}
