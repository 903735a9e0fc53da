import type { ThresholdFigures } from "../evaluate/by-size.js";
import type { Evaluation } from "../evaluate/evaluate.js";
import { formatTable, say } from "./console.js";

/** What one detector of an evaluation came to. */
export interface Measured {
  /** As it was named, or `default`. */
  readonly name: string;
  readonly evaluation: Evaluation;
  readonly atThreshold: ThresholdFigures;
  /** Median of a photo from pixels to faces; null where there is none. */
  readonly milliseconds: number | null;
}

function sayAverages(result: Evaluation): void {
  say(
    formatTable(
      ["images", "faces", "AP 0.5", "AP 0.5 (11 points)", "AP 0.5:0.95", "best F1", "at score"],
      [
        [
          result.images,
          result.faces,
          result.ap50,
          result.ap50ElevenPoint,
          result.ap,
          result.bestF1?.f1 ?? null,
          result.bestF1?.threshold ?? null,
        ],
      ],
    ),
  );
}

function sayOperatingPoints(result: Evaluation): void {
  say(
    formatTable(
      ["precision", "recall", "at score"],
      result.recallAtPrecision.map(({ atLeast, point }) => [
        atLeast,
        point?.recall ?? null,
        point?.threshold ?? null,
      ]),
    ),
  );
  say("");
  say(
    formatTable(
      ["size", "faces", "recall at best F1"],
      result.bySize.map(({ from, to, faces, found }) => [
        to === null ? `${from}–` : `${from}–${to}`,
        faces,
        faces === 0 ? null : found / faces,
      ]),
    ),
  );
}

/** Where the data tell classes apart: how many of each are found, in all and by size. */
function sayClasses({ byClass, classAp50 }: Evaluation): void {
  if (byClass.length < 2) return;
  if (classAp50 !== undefined) sayTold(byClass, classAp50);
  const share = ({ faces, found }: { faces: number; found: number }) =>
    faces === 0 ? null : found / faces;
  const sizes = byClass[0].bySize.map(({ from, to }) =>
    to === null ? `${from}–` : `${from}–${to}`,
  );
  say("");
  say(
    formatTable(
      ["class", "faces", "recall at best F1", ...sizes],
      byClass.map((row) => [row.label, row.faces, share(row), ...row.bySize.map(share)]),
    ),
  );
}

/** Where the detector tells classes apart too: what it finds as each. */
function sayTold(byClass: Evaluation["byClass"], mean: number): void {
  const rows = byClass.map(({ label, faces, found, told, ap50, ap }) => [
    label,
    faces,
    ap50 ?? null,
    ap ?? null,
    told === undefined || found === 0 ? null : told / found,
  ]);
  say("");
  say(formatTable(["class", "faces", "AP 0.5", "AP 0.5:0.95", "found as it"], rows));
  say(`mean AP 0.5 of the classes ${mean.toFixed(4)}; of those found at best F1, "found as it"`);
}

function sayAtThreshold({ threshold, bySize, withoutFaces }: ThresholdFigures): void {
  say(
    formatTable(
      ["faces from", "faces", "AP 0.5", `found at ${threshold}`, "precision"],
      bySize.map(({ from, faces, ap50, found, precision }) => [
        `${from} px`,
        faces,
        ap50,
        found,
        precision,
      ]),
    ),
  );
  const { photos, falseFaces } = withoutFaces;
  if (falseFaces !== null) {
    say(`${falseFaces.toFixed(3)} false faces a photo at ${threshold} on ${photos} without a face`);
  }
}

/** One detector's figures, for people. */
export function sayMeasured({ evaluation, atThreshold, milliseconds }: Measured): void {
  sayAverages(evaluation);
  say("");
  sayOperatingPoints(evaluation);
  sayClasses(evaluation);
  say("");
  sayAtThreshold(atThreshold);
  if (milliseconds !== null) say(`${milliseconds.toFixed(1)} ms a photo (median)`);
  const { landmarks } = evaluation;
  if (landmarks) {
    const error = `${landmarks.byEyes.toFixed(4)} of the eyes' distance`;
    say(
      `\nlandmark error ${error}, ${landmarks.byBox.toFixed(4)} of the box, ${landmarks.faces} faces`,
    );
  }
}

const percent = (value: number | null) => (value === null ? null : (100 * value).toFixed(1));

/** Several detectors' figures in one table, a row each, in percent. */
export function comparisonTable(measured: readonly Measured[]): string {
  const sizes = measured[0].atThreshold.bySize.map(({ from }) => `≥ ${from}`);
  const head = [
    "detector",
    ...sizes.map((size) => `AP ${size}`),
    "at score",
    ...sizes.map((size) => `found ${size}`),
    `true ${sizes[0]}`,
    "false/photo",
    "ms",
  ];
  const rows = measured.map(({ name, atThreshold, milliseconds }) => {
    const { threshold, bySize, withoutFaces } = atThreshold;
    return [
      name,
      ...bySize.map(({ ap50 }) => percent(ap50)),
      String(threshold),
      ...bySize.map(({ found }) => percent(found)),
      percent(bySize[0].precision),
      withoutFaces.falseFaces?.toFixed(3) ?? null,
      milliseconds?.toFixed(1) ?? null,
    ];
  });
  return formatTable(head, rows);
}
