import {
  type DetectorConfig,
  type LoadOptions,
  OptionError,
  RetinaFace,
  resolveThresholds,
  type Thresholds,
  type Timings,
} from "retinaface-webgpu";
import { locateWeights, readNamedWeights } from "retinaface-webgpu/node";
import { keyOfWeights } from "../distill/sources.node.js";
import { packFaces } from "../evaluate/detections.js";
import type { DetectPass } from "../evaluate/test-scales.js";
import { say } from "./console.js";
import { DEFAULT } from "./train-start.js";

/** A loaded detector for an evaluation. */
export interface LoadedDetector {
  readonly pass: DetectPass;
  /** As asked for, else as stored with the weights, `visThreshold` too, which an evaluation does not apply. */
  readonly thresholds: Thresholds;
  /** Names of the classes that it tells apart. */
  readonly classes: readonly string[] | undefined;
  /** How its results compete. */
  readonly suppression: DetectorConfig["suppression"];
  /**
   * Milliseconds that passes took since this was last asked, from pixels to faces; without what a size that was not seen
   * lately takes to prepare.
   */
  milliseconds(): number;
  dispose(): void;
}

/** Where weights come from that no file is named for; says what was taken. */
async function sourceOf(weights: string | undefined): Promise<LoadOptions["weights"]> {
  if (weights === "") throw new OptionError("--weights needs a file name");
  if (weights !== undefined && weights !== DEFAULT) return weights;
  const { bytes, origin } = await locateWeights();
  say(`weights: the default, ${origin.path}`);
  return bytes;
}

/** Tells weights from others, by what they hold. */
export async function digestOf(weights: string): Promise<string> {
  const bytes =
    weights === DEFAULT ? (await locateWeights()).bytes : await readNamedWeights(weights);
  return keyOfWeights(bytes);
}

/** Loads weights; every face above the confidence threshold counts, whatever its score. */
export async function loadDetector(
  weights: string | undefined,
  options: LoadOptions,
): Promise<LoadedDetector> {
  const source = await sourceOf(weights);
  const detector = await RetinaFace.load({ ...options, weights: source, visThreshold: 0 });
  const { visThreshold } = resolveThresholds(detector.config.thresholds);
  let spent = 0;
  const onTimings = ({ total, prepare }: Timings) => {
    spent += Math.max(0, total - prepare);
  };
  return {
    milliseconds: () => {
      const taken = spent;
      spent = 0;
      return taken;
    },
    classes: detector.config.classes,
    suppression: detector.config.suppression,
    thresholds: { ...detector.thresholds, visThreshold: options.visThreshold ?? visThreshold },
    pass: async (image, sides) => packFaces(await detector.detect(image, { ...sides, onTimings })),
    dispose: () => detector.dispose(),
  };
}
