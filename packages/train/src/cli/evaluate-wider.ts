import { existsSync } from "node:fs";
import path from "node:path";
import { OptionError, type Thresholds } from "retinaface-webgpu";
import { makeFolder, type Outputs } from "retinaface-webgpu/node";
import type { FaceRecord, Problem } from "../data/record.js";
import type { Detections } from "../evaluate/detections.js";
import { runDetector } from "../evaluate/run.js";
import { evaluateWider, WIDER_SETTINGS, type WiderImage, widerKey } from "../evaluate/wider.js";
import { readWiderDetections, readWiderValidation, widerFile } from "../evaluate/wider.node.js";
import { formatWiderDetections } from "../evaluate/wider-text.js";
import { precisionRecallPlot } from "../report/report.js";
import { formatTable, imageProgress, printJson, reportProblems, say } from "./console.js";
import { describeProtocol, type EvaluateValues, loadEvaluated, onlyWeights } from "./evaluated.js";
import { resultsOf } from "./outputs.js";

function imageFile(folder: string, image: WiderImage): string {
  return path.join(folder, image.event, `${image.name}.jpg`);
}

/** The images as records without faces: their labels are WIDER's own. */
function recordsOf(images: readonly WiderImage[], folder: string): FaceRecord[] {
  return images.map((image) => ({
    id: widerKey(image),
    image: imageFile(folder, image),
    boxes: new Float32Array(),
    landmarks: new Float32Array(),
    labels: [],
    ignored: new Uint8Array(),
  }));
}

interface Found {
  readonly predictions: Map<string, Detections>;
  readonly problems: Problem[];
  /** Those of the detector that found them. */
  readonly thresholds?: Thresholds;
}

async function detectFaces(
  images: readonly WiderImage[],
  folder: string,
  values: EvaluateValues,
): Promise<Found> {
  if (!images.some((image) => existsSync(imageFile(folder, image)))) {
    throw new OptionError(
      `none of WIDER FACE's validation images is in ${folder}: give the folder WIDER_val/images`,
    );
  }
  const progress = imageProgress(images.length);
  const weights = onlyWeights(values, "WIDER FACE's protocol");
  const detector = await loadEvaluated(values, weights);
  try {
    const run = await runDetector(recordsOf(images, folder), detector.detect, {
      onProgress: (done, id) => progress.update(done, id),
    });
    const predictions = new Map(run.images.map((i) => [i.record.id, i.detections]));
    return { predictions, problems: run.problems, thresholds: detector.thresholds };
  } finally {
    progress.stop();
    detector.dispose();
  }
}

async function findFaces(images: readonly WiderImage[], values: EvaluateValues): Promise<Found> {
  const { predictions, images: folder } = values;
  if ((predictions === undefined) === (folder === undefined)) {
    throw new OptionError("--wider needs either --images FOLDER or --predictions FOLDER");
  }
  if (folder !== undefined) return detectFaces(images, folder, values);
  return { predictions: readWiderDetections(predictions!), problems: [] };
}

/** Makes sure that no result would replace a file, the submission's among them, and makes its folders. */
async function checkOutputs(
  images: readonly WiderImage[],
  { submission, json, plot, overwrite, weights, anchors }: EvaluateValues,
): Promise<Outputs> {
  const outputs = resultsOf({ overwrite }, [...(weights ?? []), anchors]);
  const files = submission === undefined ? [] : images.map((image) => widerFile(submission, image));
  for (const folder of new Set(files.map((file) => path.dirname(file)))) await makeFolder(folder);
  await outputs.check(json, plot, ...files);
  return outputs;
}

/** Evaluates by WIDER FACE's protocol: a detector on its images, or a submission that exists. */
export async function evaluateWiderFace(values: EvaluateValues & { wider: string }): Promise<void> {
  onlyWeights(values, "WIDER FACE's protocol");
  const images = readWiderValidation(values.wider);
  const { submission } = values;
  const outputs = await checkOutputs(images, values);
  const { predictions, problems, thresholds } = await findFaces(images, values);
  reportProblems(problems);
  const missing = images.filter((image) => !predictions.has(widerKey(image)));
  if (missing.length > 0) {
    say(
      `${missing.length} of ${images.length} images have no detections, such as ${widerKey(missing[0])}`,
    );
  }
  if (submission !== undefined) {
    for (const image of images) {
      const detections = predictions.get(widerKey(image));
      if (!detections) continue;
      const text = formatWiderDetections(image.name, detections);
      await outputs.writeText(widerFile(submission, image), text);
    }
  }
  const result = evaluateWider(images, predictions);
  say(
    formatTable(
      ["setting", "faces", "AP"],
      WIDER_SETTINGS.map((setting) => [setting, result[setting].faces, result[setting].ap]),
    ),
  );
  const curves = Object.fromEntries(WIDER_SETTINGS.map((s) => [s, result[s].curve]));
  const summary = {
    wider: values.wider,
    weights: values.weights?.[0] ?? null,
    predictions: values.predictions ?? null,
    images: images.length,
    missing: missing.length,
    protocol: thresholds ? describeProtocol(values, thresholds) : null,
    ...Object.fromEntries(
      WIDER_SETTINGS.map((s) => [s, { ap: result[s].ap, faces: result[s].faces }]),
    ),
  };
  if (values.plot) {
    await outputs.writeText(values.plot, precisionRecallPlot(curves, "WIDER FACE validation"));
  }
  if (values.json) {
    await outputs.writeText(values.json, `${JSON.stringify({ ...summary, curves })}\n`);
  }
  printJson(summary);
  if (missing.length > 0) process.exitCode = 1;
}
