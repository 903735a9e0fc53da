import { linePlot, type Series } from "@retinaface-webgpu/train";
import { type Histogram, histogram, outline } from "./histogram.js";
import type { ClosedSet, OpenSet } from "./identification.js";
import type { PairScores, RocPoint, Verification } from "./verification.js";

/** Bins of a plot's similarities. */
const BINS = 80;

/** True accepts over false ones, on a logarithmic axis, as SVG; one line a name. */
export function rocPlot(curves: Readonly<Record<string, readonly RocPoint[]>>): string {
  return linePlot({
    title: "Verification: pairs of one identity that are accepted",
    x: { label: "false-accept rate", log: true, max: 1 },
    y: { label: "true-accept rate", min: 0, max: 1 },
    series: Object.entries(curves).map(([name, points]) => ({
      name,
      points: points.map(({ far, tar }) => [far, tar] as const),
    })),
  });
}

/** How similar pictures of one identity are, and those of two; as SVG. */
export function scoresPlot({ genuine, impostor }: PairScores, threshold?: number): string {
  const [lowest, highest] = rangeOf([genuine, impostor]);
  const bars = (scores: ArrayLike<number>): Histogram =>
    histogram(scores, { from: lowest, to: highest, bins: BINS });
  const [same, other] = [bars(genuine), bars(impostor)];
  const top = Math.max(...same.shares, ...other.shares);
  const line: Series[] =
    threshold === undefined
      ? []
      : [{ name: "equal error rate", points: verticalLine(threshold, top), dashed: true }];
  return linePlot({
    title: "Similarity of pairs",
    x: { label: "similarity (cosine)", min: lowest, max: highest },
    y: { label: "share of the pairs", min: 0, max: top },
    series: [
      { name: "of one identity", points: outline(same) },
      { name: "of two", points: outline(other) },
      ...line,
    ],
  });
}

const verticalLine = (x: number, height: number) =>
  [
    [x, 0],
    [x, height],
  ] as const;

/** Tenths around all scores. */
function rangeOf(lists: readonly ArrayLike<number>[]): [number, number] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const scores of lists) {
    for (let i = 0; i < scores.length; i++) {
      lowest = Math.min(lowest, scores[i]);
      highest = Math.max(highest, scores[i]);
    }
  }
  const from = Math.floor(lowest * 10) / 10;
  return [from, Math.max(from + 0.1, Math.ceil(highest * 10) / 10)];
}

/** Cumulative match characteristic as SVG. */
export function cmcPlot({ cmc }: Pick<ClosedSet, "cmc">): string {
  return linePlot({
    title: "Identification among those who are enrolled",
    x: { label: "matches that are looked at", min: 1, max: Math.max(2, cmc.length) },
    y: { label: "share of queries whose identity is among them", min: 0, max: 1 },
    series: [{ name: "rank", points: cmc.map((rate, k) => [k + 1, rate] as const), dots: true }],
  });
}

/** Identification over false accepts of strangers, as SVG. */
export function openSetPlot({ curve }: Pick<OpenSet, "curve">): string {
  return linePlot({
    title: "Identification where strangers come too",
    x: { label: "share of strangers taken for somebody", log: true, max: 1 },
    y: { label: "share of queries identified", min: 0, max: 1 },
    series: [{ name: "DIR", points: curve.map(({ far, dir }) => [far, dir] as const) }],
  });
}

/** The plots of a verification. */
export function verificationPlots(
  scores: PairScores,
  roc: readonly RocPoint[],
  { eerThreshold }: Verification,
): { readonly roc: string; readonly similarities: string } {
  return { roc: rocPlot({ pairs: roc }), similarities: scoresPlot(scores, eerThreshold) };
}
