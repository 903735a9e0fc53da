import type { Device } from "@retinaface-webgpu/tensor";
import { type Colour, type RawImage, strokeRect } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { resample } from "../augment/resample.js";
import { loadImage } from "../data/image.js";
import type { FaceRecord } from "../data/record.js";
import type { Detections } from "../evaluate/detections.js";
import type { Evaluation } from "../evaluate/evaluate.js";
import { parseTestScale } from "../evaluate/test-scales.js";
import { type ReportImage, renderReport } from "../report/report.js";
import type { StepMetric } from "../run/metrics.js";
import type { RunChange, RunDescription, RunFiles } from "../run/run-files.node.js";
import { describeGradients } from "../trainer/auto-freeze.js";
import { lossesOf } from "../trainer/loss-log.js";
import { loadModel } from "../trainer/validate.js";

const WORST_IMAGES = 8;
const THUMBNAIL_SIDE = 360;
const LABELLED: Colour = [255, 196, 0];
const FOUND: Colour = [0, 230, 118];

/** What the report is made of besides the files of the run. */
export interface ReportInput {
  readonly description: RunDescription;
  readonly records: readonly FaceRecord[];
  readonly facts: Readonly<Record<string, string | number>>;
  /** The model whose worst images are shown. */
  readonly model: Uint8Array<ArrayBuffer>;
}

/** Writes `report.html` from the run's files: curves, evaluations, the best model's worst images. */
export async function writeReport(
  files: RunFiles,
  device: Device,
  input: ReportInput,
): Promise<void> {
  const metrics = files.readMetrics();
  const evaluations: Record<string, Evaluation> = {};
  for (const name of ["before", "best"]) {
    const evaluation = files.readEvaluation(name);
    if (evaluation) evaluations[name] = evaluation;
  }
  const worst = evaluations.best ? await worstImages(device, input, evaluations.best) : [];
  const report = renderReport({
    title: `Training on ${input.description.data}`,
    facts: { ...settingsOf(input.description), ...input.facts },
    steps: metrics.flatMap((metric) => (metric.kind === "step" ? [stepFigures(metric)] : [])),
    validations: metrics.flatMap((metric) => (metric.kind === "validation" ? [metric] : [])),
    startsTrained: input.description.weights !== null,
    evaluations,
    worst,
  });
  await files.write("report.html", report);
}

function stepFigures(metric: StepMetric) {
  return { step: metric.step, learningRate: metric.learningRate, losses: lossesOf(metric) };
}

const changeText = ({ step, name, was, is }: RunChange) =>
  `${name} ${was} to ${is} at step ${step}`;

function settingsOf({ settings, data, val, scale, weights, changes, autoFreeze }: RunDescription) {
  const { config, freeze, ...plain } = settings;
  const flat = Object.entries(plain).map(([key, value]): [string, string | number] => [
    key,
    typeof value === "number" ? value : String(value),
  ]);
  return {
    data,
    validation: val ?? "none",
    "validation size": scale,
    weights: weights ?? "random",
    frozen: freeze.join(", ") || "nothing",
    ...(autoFreeze && { "gradients by part": describeGradients(autoFreeze) }),
    anchors: config.anchors.minSizes.map((sizes) => sizes.join(", ")).join(" | "),
    ...Object.fromEntries(flat),
    ...(changes && { changed: changes.map(changeText).join("; ") }),
  };
}

/** The images with most faults, what was found in green and what is labelled in yellow. */
async function worstImages(
  device: Device,
  { description, records, model }: ReportInput,
  evaluation: Evaluation,
): Promise<ReportImage[]> {
  const threshold = evaluation.bestF1?.threshold ?? 0.5;
  const detector = await loadModel(device, model, parseTestScale(description.scale));
  const pictures: ReportImage[] = [];
  try {
    for (const { id, missed, falsePositives } of evaluation.worst.slice(0, WORST_IMAGES)) {
      const record = records.find((candidate) => candidate.id === id);
      if (!record) continue;
      const image = await loadImage(record.image);
      const drawn = drawFaces(image, record, await detector.detect(image), threshold);
      const png = Buffer.from(encodePng(thumbnail(drawn))).toString("base64");
      const caption = `${missed} missed, ${falsePositives} false at score ${threshold.toFixed(2)}`;
      pictures.push({ id, source: `data:image/png;base64,${png}`, caption });
    }
  } finally {
    detector.dispose();
  }
  return pictures;
}

function drawFaces(
  image: RawImage,
  { boxes }: FaceRecord,
  found: Detections,
  threshold: number,
): RawImage {
  const drawn: RawImage = { ...image, data: new Uint8ClampedArray(image.data) };
  const thickness = Math.max(1, Math.round(Math.max(image.width, image.height) / 300));
  const frame = (corners: ArrayLike<number>, at: number, colour: Colour) => {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((i) => Math.round(corners[at * 4 + i]));
    strokeRect(drawn, x1, y1, x2, y2, thickness, colour);
  };
  for (let f = 0; f < boxes.length / 4; f++) frame(boxes, f, LABELLED);
  for (const [f, score] of found.scores.entries()) {
    if (score >= threshold) frame(found.boxes, f, FOUND);
  }
  return drawn;
}

function thumbnail(image: RawImage): RawImage {
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(image.width, image.height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return resample(image, side(image.width), side(image.height), "area");
}
