import path from "node:path";
import type { BackendChoice } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { loadImage } from "../data/image.js";
import type { FaceRecord } from "../data/record.js";
import {
  type ComparedImage,
  type Comparison,
  compareDetections,
  outcomesAt,
} from "../evaluate/compare.js";
import type { Detections } from "../evaluate/detections.js";
import { runDetector } from "../evaluate/run.js";
import { detectAtScales, formatTestScale, type TestScale } from "../evaluate/test-scales.js";
import { type ComparedPicture, compareSheet } from "../report/compare-sheet.js";
import {
  formatTable,
  imageProgress,
  loadData,
  needFaces,
  printJson,
  reportProblems,
  say,
} from "./console.js";
import { type LoadedDetector, loadDetector } from "./detector.js";
import { resultsOf } from "./outputs.js";

/** What `compare A B` takes. */
export interface CompareWeightsValues {
  readonly data: string;
  readonly scale: TestScale;
  readonly resamples: number;
  readonly seed: number;
  readonly sheet?: string;
  readonly photos: number;
  readonly json?: string;
  readonly overwrite?: boolean;
  readonly backend?: BackendChoice;
  readonly threads?: number;
}

const NAMES = ["A", "B"] as const;

/** What both find in every photo, one after the other in each. */
async function findFaces(
  weights: readonly string[],
  records: readonly FaceRecord[],
  { scale, backend, threads }: CompareWeightsValues,
) {
  const detectors: LoadedDetector[] = [];
  const bar = imageProgress(records.length);
  const seconds: Detections[] = [];
  try {
    for (const name of weights) detectors.push(await loadDetector(name, { backend, threads }));
    const [a, b] = detectors.map(
      ({ pass, thresholds }) =>
        (image: Parameters<typeof pass>[0]) =>
          detectAtScales(pass, image, {
            scales: [scale],
            mirror: false,
            voteThreshold: thresholds.nmsThreshold,
          }),
    );
    const { images, problems } = await runDetector(
      records,
      async (image) => {
        const first = await a(image);
        seconds.push(await b(image));
        return first;
      },
      { onProgress: (done, id) => bar.update(done, id) },
    );
    const compared = images.map(
      ({ record, detections }, i): ComparedImage => ({ record, a: detections, b: seconds[i] }),
    );
    return { compared, problems };
  } finally {
    bar.stop();
    for (const detector of detectors) detector.dispose();
  }
}

function sayComparison(result: Comparison, weights: readonly string[]): void {
  const sides = [result.a, result.b];
  say(
    formatTable(
      ["", "weights", "AP 0.5", "AP 0.5:0.95", "best F1", "at score"],
      sides.map(({ ap50, ap, f1, threshold }, i) => [
        NAMES[i],
        weights[i],
        ap50,
        ap,
        f1,
        threshold,
      ]),
    ),
  );
  const { ap50, low, high, level, better } = result.difference;
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
  say(
    `\nB less A: AP ${signed(ap50)}, ${100 * level} % interval ${signed(low)} to ${signed(high)} ` +
      `(bootstrap over ${result.images} photos); B is better in ${(100 * better).toFixed(1)} % of the resamples`,
  );
  const surely = low > 0 ? "B is better" : high < 0 ? "A is better" : "these photos do not tell";
  say(
    `${surely}. B finds ${result.gained} faces that A misses, and misses ${result.lost} that A finds`,
  );
}

/** The photos that changed most, with what each side found. */
async function drawChanges(
  result: Comparison,
  compared: readonly ComparedImage[],
  weights: readonly string[],
  photos: number,
): Promise<Uint8Array> {
  const byId = new Map(compared.map((image) => [image.record.id, image]));
  const pictures: ComparedPicture[] = [];
  for (const { id, gained, lost, falseA, falseB } of result.changed.slice(0, photos)) {
    const { record, a, b } = byId.get(id)!;
    const sides = [a, b].map((detections, i) => {
      const threshold = [result.a, result.b][i].threshold ?? 1;
      return { detections, ...outcomesAt(record, detections, threshold) };
    });
    const caption = `${id}: B finds ${gained} more, misses ${lost}; false ${falseA} and ${falseB}`;
    pictures.push({ record, image: await loadImage(record.image), sides, caption });
  }
  const titles = weights.map((name, i) => `${NAMES[i]}: ${path.basename(name)}`);
  return encodePng(compareSheet(pictures, titles));
}

/** `compare A B --data SPEC`. */
export async function compareWeights(
  weights: readonly [a: string, b: string],
  values: CompareWeightsValues,
): Promise<void> {
  const { data, scale, resamples, seed, photos } = values;
  const dataset = loadData(data);
  needFaces(dataset, data);
  const outputs = resultsOf(values, weights, dataset);
  await outputs.check(values.json, values.sheet);
  const { compared, problems } = await findFaces(weights, dataset.records, values);
  reportProblems(problems);
  const result = compareDetections(compared, { resamples, seed });
  sayComparison(result, weights);
  if (values.sheet) {
    if (result.changed.length === 0) say("no photo changed: no sheet is written");
    else await outputs.write(values.sheet, await drawChanges(result, compared, weights, photos));
  }
  const counted = dataset.problems.length + problems.length;
  const header = { data, weights, problems: counted, scale: formatTestScale(scale) };
  const text = { ...header, ...result };
  if (values.json) await outputs.writeText(values.json, `${JSON.stringify(text, null, 2)}\n`);
  printJson({ ...text, changed: result.changed.length });
  if (problems.length > 0) process.exitCode = 1;
}
