import { type AnchorConfig, DEFAULT_CONFIG, OptionError } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import { scaleFactor, type TestScale } from "../evaluate/test-scales.js";
import { seededRandom } from "../random.js";
import { linePlot } from "../report/svg.js";
import { type Clustering, clusterSizes, elbow, type Size } from "./k-means.js";
import { type AnchorRecall, anchorRecall, type PlacedFace } from "./recall.js";

/** Options of {@link searchAnchors}. */
export interface AnchorSearchOptions {
  /** Number of anchor sizes; by default the elbow's, at least one a level. */
  readonly k?: number | undefined;
  /** Largest k of the search. Default 12. */
  readonly maxK?: number | undefined;
  /** How images are scaled for detection. Default: as they are. */
  readonly scale?: TestScale | undefined;
  /** Widths over heights; by default the faces' own typical one. */
  readonly ratios?: readonly number[] | undefined;
  readonly seed?: number | undefined;
  /** To compare with, and whose strides are kept. Default: the published model's. */
  readonly present?: AnchorConfig | undefined;
}

/** The shapes of the faces: width over height. */
export interface AspectSummary {
  /** Geometric mean. */
  readonly typical: number;
  /** At 5, 25, 50, 75 and 95 per cent of the faces. */
  readonly quantiles: readonly number[];
  /** Share of faces whose shape is closest to 1:2, 1:1 and 2:1. */
  readonly closest: Readonly<Record<"1:2" | "1:1" | "2:1", number>>;
}

/** What {@link searchAnchors} found. */
export interface AnchorSearch {
  readonly faces: number;
  readonly aspect: AspectSummary;
  /** For k = 1, 2, … */
  readonly search: readonly (Clustering & { readonly k: number })[];
  readonly elbow: number;
  readonly k: number;
  readonly config: AnchorConfig;
  readonly recall: { readonly present: AnchorRecall[]; readonly proposed: AnchorRecall[] };
}

/** k-means looks at no more faces than this, a seeded choice of them. */
const MAX_FACES = 20_000;

const DEFAULT_SCALE: TestScale = { kind: "original" };

/** The faces of records in pixels of the network's input; records without a size are refused. */
export function placeFaces(records: readonly FaceRecord[], scale: TestScale): PlacedFace[] {
  return records.flatMap((record) => {
    const { id, width, height, boxes, ignored } = record;
    if (!width || !height)
      throw new OptionError(
        `the size of the image ${id} is not known: pass the records through withSizes first`,
      );
    const factor = scaleFactor(scale, width, height);
    const faces: PlacedFace[] = [];
    for (let f = 0; f < ignored.length; f++) {
      if (ignored[f]) continue;
      const [x1, y1, x2, y2] = boxes.subarray(f * 4, f * 4 + 4).map((value) => value * factor);
      faces.push({
        cx: (x1 + x2) / 2,
        cy: (y1 + y2) / 2,
        width: x2 - x1,
        height: y2 - y1,
        inputWidth: Math.round(width * factor),
        inputHeight: Math.round(height * factor),
      });
    }
    return faces;
  });
}

function summariseAspects(faces: readonly PlacedFace[]): AspectSummary {
  const ratios = faces.map(({ width, height }) => width / height).sort((a, b) => a - b);
  const share = (keep: (ratio: number) => boolean) => ratios.filter(keep).length / ratios.length;
  const quantile = (q: number) => ratios[Math.round(q * (ratios.length - 1))];
  const logMean = ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length;
  return {
    typical: Math.exp(logMean),
    quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(quantile),
    closest: {
      "1:2": share((ratio) => ratio < Math.SQRT1_2),
      "1:1": share((ratio) => ratio >= Math.SQRT1_2 && ratio <= Math.SQRT2),
      "2:1": share((ratio) => ratio > Math.SQRT2),
    },
  };
}

/**
 * An anchor's side should be at least and at most so many strides of its level. At 4, the worst place
 * of a face between cells still leaves an IoU of 0.62, at 2 only 0.39.
 */
const SIDE_IN_STRIDES = [4, 16] as const;

/** Octaves by which a side lies outside its level's range. */
function misfit(side: number, step: number): number {
  const [low, high] = SIDE_IN_STRIDES;
  return Math.max(0, Math.log2((low * step) / side), Math.log2(side / (high * step)));
}

/** All ways to cut `count` items in order into `levels` groups that are not empty, by their lengths. */
function partitions(count: number, levels: number): number[][] {
  if (levels === 1) return [[count]];
  return Array.from({ length: count - levels + 1 }, (_, i) => i + 1).flatMap((first) =>
    partitions(count - first, levels - 1).map((rest) => [first, ...rest]),
  );
}

/**
 * Spreads group centres over the levels, in order of size and at least one a level: sides of 4 to
 * 16 strides, as far as that goes, and of equally good ways the one with the fewest priors. (A small
 * anchor on a coarse grid lies too far from most faces of its size.)
 *
 * @throws {OptionError} with fewer centres than levels.
 */
export function assignAnchors(
  centres: readonly Size[],
  steps: readonly number[],
  ratios: readonly number[],
): AnchorConfig {
  if (centres.length < steps.length) {
    throw new OptionError(
      `${steps.length} levels need k ≥ ${steps.length}, not ${centres.length}: ask for more anchors`,
    );
  }
  const sides = centres.map(([w, h]) => Number(Math.sqrt(w * h).toFixed(1)));
  sides.sort((a, b) => a - b);
  let best = { minSizes: [] as number[][], misfit: Number.POSITIVE_INFINITY, priors: 0 };
  for (const lengths of partitions(sides.length, steps.length)) {
    const minSizes = lengths.map((length, level) => {
      const start = lengths.slice(0, level).reduce((sum, n) => sum + n, 0);
      return sides.slice(start, start + length);
    });
    const total = (cost: (side: number, step: number) => number) =>
      minSizes.reduce(
        (sum, level, i) => level.reduce((part, side) => part + cost(side, steps[i]), sum),
        0,
      );
    const found = { minSizes, misfit: total(misfit), priors: total((_, step) => 1 / step ** 2) };
    const gain = best.misfit - found.misfit;
    if (gain > 1e-9 || (gain > -1e-9 && found.priors < best.priors)) best = found;
  }
  return { minSizes: best.minSizes, steps: [...steps], ratios: [...ratios], clip: false };
}

/**
 * Searches anchors for a data set: k-means over the sizes of its faces as the network sees them, for
 * every k up to a limit, and the recall that the proposed anchors allow beside the present ones'.
 *
 * @throws {OptionError} without faces, for records of unknown size, or with k below the number of levels.
 */
export function searchAnchors(
  records: readonly FaceRecord[],
  options: AnchorSearchOptions = {},
): AnchorSearch {
  const { maxK = 12, scale = DEFAULT_SCALE, seed = 1, present = DEFAULT_CONFIG.anchors } = options;
  const faces = placeFaces(records, scale);
  if (faces.length === 0)
    throw new OptionError(
      "there are no faces to search anchors for: give labelled images with faces that are not ignored",
    );
  const random = seededRandom(seed);
  const order = Array.from({ length: faces.length }, (_, i) => i);
  const chosen = random.shuffle(order).slice(0, MAX_FACES);
  const sizes = chosen.map((i): Size => [faces[i].width, faces[i].height]);
  const ks = Array.from({ length: Math.max(maxK, options.k ?? 0) }, (_, i) => i + 1);
  const search = ks.map((k) => ({ k, ...clusterSizes(sizes, k, seededRandom(seed, k)) }));
  const bend = elbow(search.slice(0, maxK).map(({ meanIou }) => meanIou));
  const k = options.k ?? Math.max(bend, present.steps.length);
  const aspect = summariseAspects(faces);
  const ratios = options.ratios ?? [Number(aspect.typical.toFixed(2))];
  const config = assignAnchors(search[k - 1].centres, present.steps, ratios);
  return {
    faces: faces.length,
    aspect,
    search,
    elbow: bend,
    k,
    config,
    recall: {
      present: anchorRecall(faces, present),
      proposed: anchorRecall(faces, config),
    },
  };
}

/** The search's curve of mean IoU over k, the elbow and the choice marked. */
export function plotAnchorSearch({ search, elbow, k }: AnchorSearch): string {
  const mark = (at: number, text: string) => ({ x: at, y: search[at - 1].meanIou, text });
  return linePlot({
    title: "k-means over face sizes",
    x: { label: "number of anchor sizes k" },
    y: { label: "mean IoU with the closest" },
    series: [
      { name: "mean IoU", points: search.map((s) => [s.k, s.meanIou] as const), dots: true },
    ],
    marks: elbow === k ? [mark(k, "elbow")] : [mark(elbow, "elbow"), mark(k, "chosen")],
  });
}
