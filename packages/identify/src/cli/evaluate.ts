import { formatTable, printJson, say, wholeNumber } from "@retinaface-webgpu/train/node";
import { Command, Option } from "commander";
import { OptionError } from "retinaface-webgpu";
import { backendOptions, overwriteOption } from "retinaface-webgpu/node";
import {
  type IdentityImage,
  parsePattern,
  parseQueryRule,
  someOfEach,
  splitIdentities,
} from "../data/split.js";
import { evaluateGallery, type GalleryEvaluation } from "../evaluation/evaluate.js";
import { pairScores } from "../evaluation/pairs.js";
import { evaluateVerification } from "../evaluation/verification.js";
import { type Combine, Gallery } from "../gallery/gallery.js";
import { openSearch } from "../gallery/search.js";
import { type EmbeddedPhoto, embedFaces, masked } from "./embed-faces.js";
import { locateEmbedder } from "./embedder-weights.js";
import { evaluatePairs } from "./evaluate-pairs.js";
import { EvaluationFiles } from "./evaluation-files.js";
import { identitiesIn } from "./identities.js";
import { Looker } from "./looker.js";
import { checkLook, combineOption, countOption, type LookValues, lookOptions } from "./options.js";
import { sayVerification } from "./say-verification.js";

export interface EvaluateValues extends LookValues {
  readonly pairs?: string;
  readonly holdOut?: string;
  readonly group?: string;
  readonly query?: string;
  readonly splitSeed?: number;
  readonly enrol?: number;
  readonly unknown?: string;
  readonly combine?: Combine;
  readonly masks?: boolean;
  readonly largest?: boolean;
  readonly out?: string;
  readonly overwrite?: boolean;
}

/** Pictures of an identity that are enrolled, unless --enrol says otherwise. */
const ENROLLED = 5;
const QUERY = "share:0.5";
/** Confusions that are told by name. */
const MOST_TOLD = 20;

/** The pictures of an evaluation by what is done with them. */
interface Parts<T> {
  readonly enrolled: readonly T[];
  readonly queries: readonly T[];
  /** Of identities that are held out: enrolled among themselves, and strangers to the others. */
  readonly unseenEnrolled: readonly T[];
  readonly unseenQueries: readonly T[];
  readonly strangers: readonly T[];
}

function partsOf(images: readonly IdentityImage[], values: EvaluateValues): Parts<IdentityImage> {
  const { holdOut = "0", group, query = QUERY, splitSeed = 1, enrol = ENROLLED } = values;
  const { seen, unseen, leftOut } = splitIdentities(images, {
    holdOut: /^\d+$/.test(holdOut) ? Number(holdOut) : parsePattern(holdOut),
    group: group === undefined ? undefined : parsePattern(group),
    query: parseQueryRule(query),
    seed: splitSeed,
  });
  if (leftOut.length > 0) say(`${leftOut.length} pictures have no group and are left out`);
  const known = new Set(seen.gallery.map(({ identity }) => identity));
  return {
    enrolled: someOfEach(seen.gallery, enrol),
    queries: seen.query.filter(({ identity }) => known.has(identity)),
    unseenEnrolled: someOfEach(unseen.gallery, enrol),
    unseenQueries: unseen.query,
    strangers: seen.query.filter(({ identity }) => !known.has(identity)),
  };
}

/** Who is enrolled shows the face, who comes wears a mask. */
function withMasks(parts: Parts<IdentityImage>): Parts<IdentityImage> {
  const { queries, unseenQueries, strangers } = parts;
  return {
    ...parts,
    queries: masked(queries),
    unseenQueries: masked(unseenQueries),
    strangers: masked(strangers),
  };
}

async function runEvaluate(folder: string, values: EvaluateValues): Promise<void> {
  checkLook(values);
  checkTogether(values);
  const weights = locateEmbedder(values.weights);
  if (values.pairs === undefined) await evaluateIdentities(folder, { ...values, weights });
  else await evaluatePairs(folder, { ...values, pairs: values.pairs, weights });
}

async function evaluateIdentities(
  folder: string,
  values: EvaluateValues & { readonly weights: string },
): Promise<void> {
  const given = await identitiesIn(folder);
  const strangers = await identitiesIn(values.unknown);
  const split = partsOf(given.images, values);
  const all = { ...split, strangers: [...split.strangers, ...strangers.images] };
  const parts = values.masks ? withMasks(all) : all;
  const read = Object.values(parts).flat();
  const inputs = [...read.map(({ file }) => file), values.weights, values.detector];
  const files = await EvaluationFiles.open({ ...values, inputs });
  const looker = await Looker.load(values);
  try {
    let failed = given.failed + strangers.failed;
    const embedded: Record<string, readonly EmbeddedPhoto[]> = {};
    for (const [name, images] of Object.entries(parts)) {
      const found = await embedFaces(images, looker, values);
      failed += found.failed;
      embedded[name] = found.pictures;
    }
    const pictures = embedded as unknown as Parts<EmbeddedPhoto>;
    await tell(files, { folder, values, looker, failed, pictures });
    if (failed > 0) process.exitCode = 1;
  } finally {
    looker.dispose();
  }
}

/** What the figures are made of. */
interface Work {
  readonly folder: string;
  readonly values: EvaluateValues;
  readonly looker: Looker;
  readonly failed: number;
  readonly pictures: Parts<EmbeddedPhoto>;
}

async function tell(files: EvaluationFiles, work: Work): Promise<void> {
  const { folder, values, looker, failed, pictures } = work;
  const { enrolled, queries, unseenEnrolled, unseenQueries } = pictures;
  const held = [...unseenEnrolled, ...unseenQueries];
  const scores = pairScores([...enrolled, ...queries, ...held]);
  const verification = evaluateVerification(scores);
  const strangers = [...pictures.strangers, ...(values.masks ? unseenQueries : held)];
  const seen = await identification(work, { enrolled, queries, strangers });
  const unseen =
    unseenQueries.length === 0
      ? undefined
      : await identification(work, {
          enrolled: unseenEnrolled,
          queries: unseenQueries,
          strangers: pictures.strangers,
        });
  const facts = {
    data: folder,
    model: looker.embedder.fingerprint,
    query: values.query ?? QUERY,
    ...(values.group !== undefined && { group: values.group }),
    ...(values.holdOut !== undefined && { holdOut: values.holdOut }),
    splitSeed: values.splitSeed ?? 1,
    enrolled: enrolled.length,
    combine: values.combine ?? "best",
    ...(values.masks && { masks: "drawn on those that are asked about" }),
    failed,
  };
  const { confusions, ...measured } = seen;
  await files.write({
    facts,
    scores,
    figures: { verification, ...measured },
    unseen,
    confusions: { confusions, enrolled, queries, looker },
  });
  sayVerification(verification);
  sayIdentification("seen", seen);
  if (unseen) sayIdentification("held out", unseen);
  printJson({
    ...facts,
    verification,
    ...briefly(seen),
    ...(unseen && { unseen: briefly(unseen) }),
    confusions: confusions.slice(0, MOST_TOLD).map(({ query, ...confusion }) => ({
      file: queries[query].file,
      ...confusion,
    })),
  });
}

async function identification(
  { values, looker: { embedder } }: Work,
  { enrolled, ...asked }: Pick<Parts<EmbeddedPhoto>, "enrolled" | "queries" | "strangers">,
): Promise<GalleryEvaluation> {
  const { combine, backend, threads } = values;
  const gallery = new Gallery({
    model: embedder.fingerprint,
    dimensions: embedder.dimension,
    combine,
  });
  for (const { id, vector } of enrolled) gallery.enrol(id, [vector]);
  const search = await openSearch(gallery, { backend, threads });
  return evaluateGallery(gallery, search, asked).finally(() => search.dispose());
}

/** The figures without their curves. */
function briefly({ closedSet, openSet }: GalleryEvaluation) {
  if (openSet === undefined) return { closedSet };
  const { curve: _, ...figures } = openSet;
  return { closedSet, openSet: figures };
}

/** @throws OptionError for options that exclude each other */
function checkTogether(values: EvaluateValues): void {
  const { pairs, query, enrol, group, holdOut, splitSeed, unknown, combine, masks } = values;
  const others = { query, enrol, group, holdOut, splitSeed, unknown, combine, masks };
  if (pairs === undefined || Object.values(others).every((value) => value === undefined)) return;
  throw new OptionError(
    "--pairs says which pictures are compared: leave out --query, --enrol, --group, --hold-out, --split-seed, " +
      "--unknown, --combine and --masks",
  );
}

function sayIdentification(name: string, { closedSet, openSet }: GalleryEvaluation): void {
  const { rank1, rank5, queries, identities } = closedSet;
  const head = ["identities", "queries", "of", "rank-1", "rank-5"];
  const row = [name, queries, identities, rank1, rank5];
  const rates = openSet?.dirAtFar ?? [];
  say(
    formatTable(
      [...head, ...rates.map(({ far }) => `DIR at FAR ${far}`)],
      [[...row, ...rates.map(({ dir }) => dir)]],
    ),
  );
}

/** `identify evaluate`. */
export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .description(
      "measure verification and identification on pictures with a folder for each identity",
    )
    .argument("<folder>", "holds one folder for each identity");
  for (const option of lookOptions()) command.addOption(option);
  for (const option of backendOptions()) command.addOption(option);
  return command
    .option("--pairs <file>", "pairs.txt of LFW: verification alone, by its protocol")
    .option(
      "--group <pattern>",
      "as of train: pictures whose names it matches alike belong together",
    )
    .option("--query <rule>", `as of train: share:X, last:N or from:KEY (default: ${QUERY})`)
    .option(
      "--hold-out <what>",
      "as of train: identities that were not trained on, by number or name",
    )
    .addOption(
      new Option("--split-seed <n>", "as of train: what is drawn (default: 1)").argParser(
        wholeNumber(0),
      ),
    )
    .addOption(countOption("--enrol <n>", `pictures enrolled of each (default: ${ENROLLED})`))
    .option("--unknown <dir>", "pictures of strangers, a folder for each")
    .addOption(combineOption())
    .option("--masks", "draw masks on the faces that are asked about, and on strangers")
    .option("--largest", "of several faces in a picture take the largest")
    .option("--out <dir>", "write report.html, its plots as SVG, metrics.json, the surest mistakes")
    .addOption(overwriteOption())
    .action((folder: string, values: EvaluateValues) => runEvaluate(folder, values));
}
