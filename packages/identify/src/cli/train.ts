import type { Checkpoint } from "@retinaface-webgpu/train";
import {
  checkFolder,
  printJson,
  reportProblems,
  say,
  stoppingOnInterrupt,
  takeConfig,
} from "@retinaface-webgpu/train/node";
import { Command } from "commander";
import { OptionError, readWeights } from "retinaface-webgpu";
import { locateWeights } from "retinaface-webgpu/node";
import { readIdentities } from "../data/folders.node.js";
import {
  type IdentitySplit,
  parsePattern,
  parseQueryRule,
  splitIdentities,
} from "../data/split.js";
import type { EmbedderConfig } from "../networks/config.js";
import { startOf } from "../networks/mobilenet.js";
import { startOfEmbedder } from "../networks/start.js";
import { readEmbedder } from "../networks/weights.js";
import { EmbedderRun } from "../training/run.node.js";
import {
  EMBEDDER_RUN_FILES,
  type EmbedderProgress,
  type EmbedderRunDescription,
  EmbedderRunFiles,
} from "../training/run-files.node.js";
import { checkEmbedderSettings } from "../training/settings.js";
import { addTrainOptions, settingsOf, type TrainValues } from "./train-options.js";
import { TrainProgress } from "./train-progress.js";

/** Settings that a run may be gone on with: how it ends and how often it is looked at. */
const EXTENDABLE = ["steps", "valEvery", "checkpointEvery"];

/** @param own of the run that is gone on with */
function describeRun(values: TrainValues, own?: EmbedderRunDescription): EmbedderRunDescription {
  const settings = settingsOf(values, own?.settings);
  checkEmbedderSettings(settings);
  parseHoldOut(values.holdOut);
  if (values.group !== undefined) parsePattern(values.group);
  if (values.start === "default") requireMobileNet(settings.network);
  const { kind } = parseQueryRule(values.query);
  if (kind !== "share" && values.group === undefined) {
    throw new OptionError("--query last and from speak of groups: give --group PATTERN");
  }
  return {
    settings,
    data: values.data,
    holdOut: values.holdOut,
    group: values.group ?? null,
    query: values.query,
    splitSeed: values.splitSeed,
    ...(values.start !== undefined && { start: values.start }),
    valEvery: values.valEvery ?? settings.steps,
    checkpointEvery: values.checkpointEvery,
  };
}

/** A number of identities, or a pattern of their names. */
function parseHoldOut(text: string): number | RegExp {
  return /^\d+$/.test(text) ? Number(text) : parsePattern(text);
}

async function loadSplit(description: EmbedderRunDescription): Promise<IdentitySplit> {
  const { data, holdOut, group, query, splitSeed } = description;
  const { images, problems } = await readIdentities(data);
  reportProblems(problems);
  const split = splitIdentities(images, {
    holdOut: parseHoldOut(holdOut),
    group: group === null ? undefined : parsePattern(group),
    query: parseQueryRule(query),
    seed: splitSeed,
  });
  const count = (pictures: readonly { identity: string }[]) =>
    `${pictures.length} pictures of ${new Set(pictures.map(({ identity }) => identity)).size}`;
  const { seen, unseen, leftOut } = split;
  say(`trained on: ${count(seen.gallery)}; asked about: ${count(seen.query)}`);
  if (unseen.gallery.length + unseen.query.length > 0) {
    say(`kept back: ${count(unseen.gallery)} to enrol, ${count(unseen.query)} to ask about`);
  }
  if (leftOut.length > 0) say(`${leftOut.length} pictures are of no group and left out`);
  return split;
}

/** @throws {OptionError} for a network that no detector's weights begin */
function requireMobileNet({ architecture }: EmbedderConfig): void {
  if (architecture === "mobilenet") return;
  throw new OptionError(
    "a detector's weights fit the network mobilenet: give --network mobilenet, or another --start",
  );
}

/**
 * @param from a file of a detector or an embedding network, or `default` for the detector that `detect` takes
 * @throws as `locateWeights`, `readEmbedder`, `startOf` and `startOfEmbedder`
 */
async function startWeights(from: string | undefined, network: EmbedderConfig) {
  if (from === undefined) return undefined;
  const { bytes } = await locateWeights(from === "default" ? undefined : from);
  const embedder = from === "default" ? undefined : embedderIn(bytes);
  if (embedder === undefined) {
    requireMobileNet(network);
    return startOf(readWeights(bytes).state);
  }
  const start = startOfEmbedder(embedder, network);
  if (start.random) say(`${from} makes vectors of another length: the last layers begin at random`);
  return start;
}

/** Undefined for another network's weights. @throws as `readEmbedder` */
function embedderIn(bytes: Uint8Array) {
  try {
    return readEmbedder(bytes);
  } catch (error) {
    if ((error as { code?: string }).code !== "CHECKPOINT_UNSUPPORTED") throw error;
    return undefined;
  }
}

/** @throws {OptionError} where the run in the folder was begun with other settings */
function checkSame(
  { extra }: Checkpoint<EmbedderProgress>,
  given: EmbedderRunDescription,
  folder: string,
): void {
  const flat = ({ settings, ...others }: EmbedderRunDescription) =>
    Object.entries({ ...others, ...settings }).filter(([name]) => !EXTENDABLE.includes(name));
  const own = new Map(flat(extra.description));
  for (const [name, value] of flat(given)) {
    if (JSON.stringify(own.get(name)) === JSON.stringify(value)) continue;
    throw new OptionError(
      `the run in ${folder} was begun with another ${name}: give the same, or another --out`,
    );
  }
}

async function runTrain(values: TrainValues): Promise<void> {
  describeRun(values);
  const files = new EmbedderRunFiles(values.out);
  await checkFolder(files, EMBEDDER_RUN_FILES, values);
  const checkpoint = files.hasCheckpoint ? await files.readCheckpoint() : undefined;
  const description = describeRun(values, checkpoint?.extra.description);
  if (checkpoint) checkSame(checkpoint, description, files.folder);
  const split = await loadSplit(description);
  const { steps } = description.settings;
  const start = await startWeights(description.start, description.settings.network);
  const progress = new TrainProgress(checkpoint?.state.step ?? 0, steps);
  const { backend, threads } = values;
  const run = new EmbedderRun(
    { description, split, files, listener: progress, start, backend, threads },
    checkpoint,
  );
  try {
    await stoppingOnInterrupt(
      () => run.stop(),
      async () => {
        const result = await run.run();
        progress.stop();
        if (!result) {
          say(`stopped at step ${run.savedStep}; go on with --resume`);
          return;
        }
        const { best, ...facts } = result;
        printJson({
          out: files.folder,
          ...facts,
          identities: run.classes.length,
          best,
          model: files.path("final.safetensors"),
        });
      },
    );
  } finally {
    progress.stop();
  }
}

/** `retinaface-identify train`. */
export function trainCommand(): Command {
  return addTrainOptions(
    takeConfig(
      new Command("train").description(
        "train an embedding network on a folder with a folder for each person or animal",
      ),
    ),
  ).action(runTrain);
}
