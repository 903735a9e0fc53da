#!/usr/bin/env node
/** `npm run bench:detectors`: face detectors on the same labelled photos, one photo by all of them before the next. */
import { detectAtScales, formatTestScale, measureAt, runDetectors } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { DEFAULT_THRESHOLDS, type RawImage, toRawImage } from "retinaface-webgpu";
import { encodePng, Outputs } from "retinaface-webgpu/node";
import { describeMachine } from "../environment.js";
import { reportFailure } from "../options.js";
import { planResults } from "../output.js";
import { type Contestant, openContestant } from "./contestants.js";
import { foundByKind, readKinds } from "./kinds.js";
import { type DetectorsOptions, parseDetectorsOptions } from "./options.js";
import { besideEachOther } from "./picture.js";
import {
  CHART_SIZES,
  type DetectorRow,
  type DetectorsResult,
  detectorsChart,
  formatDetectors,
} from "./report.js";

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);
/** Photos between two words of progress. */
const TELL_EVERY = 50;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function openAll({ detectors, backend, threads }: DetectorsOptions): Promise<Contestant[]> {
  const opened: Contestant[] = [];
  try {
    for (const named of detectors) opened.push(await openContestant(named, { backend, threads }));
  } catch (error) {
    for (const contestant of opened) await contestant.dispose();
    throw error;
  }
  return opened;
}

const lookWith =
  ({ pass }: Contestant, { scale }: DetectorsOptions) =>
  (image: RawImage) =>
    detectAtScales(pass, image, {
      scales: [scale],
      mirror: false,
      voteThreshold: DEFAULT_THRESHOLDS.nmsThreshold,
    });

async function compare(
  options: DetectorsOptions,
  contestants: readonly Contestant[],
): Promise<DetectorsResult> {
  const environment = describeMachine();
  const tagged = options.kinds === undefined ? [] : readKinds(options.kinds);
  const { records, problems } = loadDataset(options.data);
  for (const { file, message } of problems.slice(0, 5)) progress(`${file}: ${message}`);
  const times = contestants.map((): number[] => []);
  const detects = contestants.map((contestant, i) => async (image: RawImage) => {
    const found = await lookWith(contestant, options)(image);
    times[i].push(contestant.milliseconds());
    return found;
  });
  const { images, problems: unread } = await runDetectors(records, detects, {
    onProgress: (done) => {
      if (done % TELL_EVERY === 0) progress(`${done} of ${records.length} photos`);
    },
  });
  for (const { file, message } of unread) progress(`${file}: ${message}`);
  const rows = contestants.map(
    ({ name, engine, threshold }, i): DetectorRow => ({
      name,
      engine,
      ...measureAt(images[i], { threshold }),
      milliseconds: median(times[i]),
      byKind: tagged.length > 0 ? foundByKind(tagged, images[i], threshold) : [],
      apBySize: measureAt(images[i], { threshold, sizes: CHART_SIZES }).bySize.map(
        ({ from, ap50 }) => ({ from, ap50 }),
      ),
    }),
  );
  const { data, scale } = options;
  return { environment, data, scale: formatTestScale(scale), photos: images[0].length, rows };
}

/** Draws the photo as the first and the last detector see it. */
async function draw(options: DetectorsOptions, contestants: readonly Contestant[]) {
  const image = await toRawImage(options.photo!);
  const [first, last] = [contestants[0], contestants[contestants.length - 1]];
  const found = [];
  for (const contestant of first === last ? [first] : [first, last]) {
    const detections = await lookWith(contestant, options)(image);
    found.push({ detections, threshold: contestant.threshold });
  }
  return encodePng(besideEachOther(image, found));
}

async function main(): Promise<void> {
  const options = parseDetectorsOptions(process.argv.slice(2));
  const writeResults = await planResults("detectors", ["sizes"], options);
  const { photo, picture, overwrite } = options;
  const pictures = new Outputs({ overwrite, inputs: [photo] });
  await pictures.check(picture);
  const contestants = await openAll(options);
  try {
    if (picture !== undefined) await pictures.write(picture, await draw(options, contestants));
    const result = await compare(options, contestants);
    const charts = new Map([["sizes", detectorsChart(result)]]);
    await writeResults({ result, table: formatDetectors(result), charts });
  } finally {
    for (const contestant of contestants) await contestant.dispose();
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
