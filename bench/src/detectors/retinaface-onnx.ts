/**
 * RetinaFace as ONNX: outputs of 4, 2 and 10 numbers a prior, whatever their names, for B, G, R minus the mean. Decoded by
 * the library's own plain post-processing with the published thresholds.
 */
import { type Detections, packFaces } from "@retinaface-webgpu/train";
import {
  anchorCount,
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type DetectorConfig,
  postprocess,
  priorBoxes,
  publishedConfig,
  type RawImage,
  type WantedSides,
} from "retinaface-webgpu";
import { UsageError } from "../options.js";
import { framePicture } from "./frame.js";
import type { OnnxModel, OrtTensor } from "./ort.js";

const MEAN_BGR = [104, 117, 123] as const;

/** Anchors that published networks have. */
const CONFIGS: readonly DetectorConfig[] = [DEFAULT_CONFIG, publishedConfig("slim")];

/** The output with `width` numbers a prior. */
function outputOf(outputs: Record<string, OrtTensor>, width: number): Float32Array | undefined {
  return Object.values(outputs).find(({ dims }) => dims.at(-1) === width)?.data;
}

/** The faces' probabilities from pairs of logits, or of probabilities. */
function scoresOf(pairs: Float32Array): Float32Array {
  const areProbabilities = pairs.every((value) => value >= 0 && value <= 1);
  return Float32Array.from({ length: pairs.length / 2 }, (_, i) => {
    const [none, face] = [pairs[i * 2], pairs[i * 2 + 1]];
    return areProbabilities ? face : 1 / (1 + Math.exp(none - face));
  });
}

/** A RetinaFace-shaped model's faces of a picture, in its pixels. @throws UsageError for a model of another shape */
export async function detectRetinaFaceOnnx(
  model: OnnxModel,
  image: RawImage,
  sides: WantedSides | undefined,
): Promise<Detections> {
  const frame = framePicture(image, { sides, size: model.size, mean: MEAN_BGR });
  const { width, height, scaleX, scaleY } = frame;
  const outputs = await model.run(frame.planes, width, height);
  const [loc, conf, landms] = [4, 2, 10].map((numbers) => outputOf(outputs, numbers));
  const count = (loc?.length ?? 0) / 4;
  const config = CONFIGS.find(({ anchors }) => anchorCount(height, width, anchors) === count);
  if (!loc || !conf || !landms || !config) {
    const shapes = Object.entries(outputs).map(([name, { dims }]) => `${name} [${dims}]`);
    throw new UsageError(
      `this ONNX model is neither YuNet nor shaped as RetinaFace: it gives ${shapes.join(", ")} for ` +
        `${width}×${height}, expected 4, 2 and 10 numbers for each of the published priors`,
    );
  }
  const { visThreshold: _, ...thresholds } = DEFAULT_THRESHOLDS;
  const faces = postprocess({
    loc,
    scores: scoresOf(conf),
    landms,
    priors: priorBoxes(height, width, config.anchors),
    variances: config.variances,
    frame: { width, height, scaleX, scaleY },
    thresholds,
  });
  return packFaces(faces);
}
