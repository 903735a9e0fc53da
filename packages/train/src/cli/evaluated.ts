import { type BackendChoice, OptionError, TEST_TIME, type Thresholds } from "retinaface-webgpu";
import { readConfigFile } from "retinaface-webgpu/node";
import {
  detectAtScales,
  formatTestScale,
  TEST_TIME_SCALES,
  type TestScale,
} from "../evaluate/test-scales.js";
import { loadDetector } from "./detector.js";
import type { ThresholdValues } from "./options.js";

/** What `evaluate` was asked for. */
export interface EvaluateValues extends ThresholdValues {
  readonly data?: string;
  readonly wider?: string;
  readonly images?: string;
  readonly predictions?: string;
  readonly submission?: string;
  /** Several are measured side by side. */
  readonly weights?: readonly string[];
  readonly backend?: BackendChoice;
  readonly threads?: number;
  readonly anchors?: string;
  readonly scale?: TestScale[];
  readonly mirror?: boolean;
  readonly testTime?: boolean;
  readonly visThreshold?: number;
  readonly sizes?: number[];
  readonly json?: string;
  readonly plot?: string;
  readonly overwrite?: boolean;
}

const DEFAULT_SCALES: readonly TestScale[] = [{ kind: "original" }];

/** The sizes that images are looked at, and whether mirrored too. */
function passesFor({ scale, mirror = false, testTime }: EvaluateValues) {
  if (testTime) return { scales: TEST_TIME_SCALES, mirror: TEST_TIME.mirror };
  return { scales: scale ?? DEFAULT_SCALES, mirror };
}

/** How the images were looked at: part of every result, since figures differ by tens of points. */
export function describeProtocol(values: EvaluateValues, thresholds: Thresholds) {
  const { scales, mirror } = passesFor(values);
  const { confidenceThreshold, topK, nmsThreshold, keepTopK, visThreshold } = thresholds;
  return {
    scales: scales.map(formatTestScale),
    mirror,
    confidenceThreshold,
    topK,
    nmsThreshold,
    keepTopK,
    visThreshold,
  };
}

/** The only weights of an evaluation that takes one set. @throws {OptionError} for several */
export function onlyWeights({ weights = [] }: EvaluateValues, why: string): string | undefined {
  if (weights.length < 2) return weights[0];
  throw new OptionError(`${why} takes one --weights: run it once for each`);
}

/** The detector of an evaluation, over all its scales. */
export async function loadEvaluated(values: EvaluateValues, weights: string | undefined) {
  const {
    anchors,
    confidenceThreshold,
    topK,
    nmsThreshold,
    keepTopK,
    visThreshold,
    backend,
    threads,
  } = values;
  const thresholds = { confidenceThreshold, topK, nmsThreshold, keepTopK, visThreshold };
  const config = anchors === undefined ? undefined : await readConfigFile(anchors);
  const detector = await loadDetector(weights, { ...thresholds, config, backend, threads });
  const scales = {
    ...passesFor(values),
    voteThreshold: values.testTime ? TEST_TIME.voteThreshold : detector.thresholds.nmsThreshold,
  };
  return {
    thresholds: detector.thresholds,
    classes: detector.classes,
    milliseconds: detector.milliseconds,
    detect: (image: Parameters<typeof detector.pass>[0]) =>
      detectAtScales(detector.pass, image, scales),
    dispose: detector.dispose,
  };
}
