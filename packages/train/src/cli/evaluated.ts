import type { BackendChoice, Thresholds } from "retinaface-webgpu";
import { readConfigFile } from "retinaface-webgpu/node";
import { detectAtScales, formatTestScale, type TestScale } from "../evaluate/test-scales.js";
import { loadDetector } from "./detector.js";
import type { ThresholdValues } from "./options.js";

/** What `evaluate` was asked for. */
export interface EvaluateValues extends ThresholdValues {
  readonly data?: string;
  readonly wider?: string;
  readonly images?: string;
  readonly predictions?: string;
  readonly submission?: string;
  readonly weights?: string;
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly anchors?: string;
  readonly scale?: TestScale[];
  readonly mirror?: boolean;
  readonly json?: string;
  readonly plot?: string;
  readonly overwrite?: boolean;
}

const DEFAULT_SCALES: readonly TestScale[] = [{ kind: "original" }];

/** How the images were looked at: part of every result, since figures differ by tens of points. */
export function describeProtocol(values: EvaluateValues, thresholds: Thresholds) {
  const { mirror = false } = values;
  const { confidenceThreshold, topK, nmsThreshold, keepTopK } = thresholds;
  const scales = (values.scale ?? DEFAULT_SCALES).map(formatTestScale);
  return { scales, mirror, confidenceThreshold, topK, nmsThreshold, keepTopK };
}

/** The detector of an evaluation, over all its scales. */
export async function loadEvaluated(values: EvaluateValues) {
  const {
    weights,
    anchors,
    confidenceThreshold,
    topK,
    nmsThreshold,
    keepTopK,
    mirror = false,
    backend,
    threads,
  } = values;
  const thresholds = { confidenceThreshold, topK, nmsThreshold, keepTopK };
  const config = anchors === undefined ? undefined : await readConfigFile(anchors);
  const detector = await loadDetector(weights, { ...thresholds, config, backend, threads });
  const scales = {
    scales: values.scale ?? DEFAULT_SCALES,
    mirror,
    voteThreshold: detector.thresholds.nmsThreshold,
  };
  return {
    thresholds: detector.thresholds,
    detect: (image: Parameters<typeof detector.pass>[0]) =>
      detectAtScales(detector.pass, image, scales),
    dispose: detector.dispose,
  };
}
