import { linePlot, type ThresholdFigures } from "@retinaface-webgpu/train";
import type { Environment } from "../environment.js";
import type { KindFigures } from "./kinds.js";

/** What one detector came to. */
export interface DetectorRow extends ThresholdFigures {
  readonly name: string;
  readonly engine: string;
  /** Median of a photo from pixels to faces. */
  readonly milliseconds: number;
  /** AP by the faces' least size, at more sizes than the table shows. */
  readonly apBySize: readonly { readonly from: number; readonly ap50: number }[];
  /** Tagged faces; none where no file of them was given. */
  readonly byKind: readonly KindFigures[];
}

/** Least sizes of faces in the chart, in pixels. */
export const CHART_SIZES: readonly number[] = [8, 10, 12, 16, 20, 24, 32, 40, 48, 64];

/** A whole comparison. */
export interface DetectorsResult {
  readonly environment: Omit<Environment, "adapter">;
  readonly data: string;
  readonly scale: string;
  readonly photos: number;
  readonly rows: readonly DetectorRow[];
}

const percent = (value: number | null) => (value === null ? "–" : (100 * value).toFixed(1));

/** A table that a document can show: AP and found share in percent, by the faces' least size. */
export function formatDetectors({
  rows,
  photos,
  data,
  scale,
  environment,
}: DetectorsResult): string {
  const sizes = rows[0].bySize.map(({ from }) => `≥ ${from}`);
  const head = [
    "detector",
    ...sizes.map((size) => `AP ${size}`),
    "at score",
    ...sizes.map((size) => `found ${size}`),
    "true",
    "false/photo",
    "ms",
    "runs on",
  ];
  const cells = rows.map(({ name, engine, threshold, bySize, withoutFaces, milliseconds }) => [
    name,
    ...bySize.map(({ ap50 }) => percent(ap50)),
    String(threshold),
    ...bySize.map(({ found }) => percent(found)),
    percent(bySize[0].precision),
    withoutFaces.falseFaces?.toFixed(3) ?? "–",
    milliseconds.toFixed(1),
    engine,
  ]);
  const { cpu, cores, commit, loadAverage, date } = environment;
  return [
    ...tableOf([head, ...cells]),
    "",
    ...kindsTable(rows),
    `${photos} photos of ${data}, size ${scale}; ${cpu}, ${cores} cores, load ${loadAverage} at the start, ` +
      `commit ${commit}, ${date.slice(0, 10)}.`,
    "",
  ].join("\n");
}

/** Lines of a table; all but its first column are numbers. */
function tableOf(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(" | ")} |`;
  const rule = `| ${widths.map((w, i) => (i === 0 ? "-".repeat(w) : `${"-".repeat(w - 1)}:`)).join(" | ")} |`;
  const [head, ...cells] = rows.map(line);
  return [head, rule, ...cells];
}

/** A row a kind of face: how many were tagged, and the share that each detector shows. */
function kindsTable(rows: readonly DetectorRow[]): string[] {
  const kinds = rows[0].byKind;
  if (kinds.length === 0) return [];
  const lines = kinds.map(({ kind, faces }, k) => [
    kind,
    String(faces),
    ...rows.map(({ byKind }) => percent(byKind[k].found / faces)),
  ]);
  return [...tableOf([["found of", "faces", ...rows.map(({ name }) => name)], ...lines]), ""];
}

/** AP by the faces' least size, a line a detector. */
export function detectorsChart({ rows }: DetectorsResult): string {
  return linePlot({
    title: "AP at IoU 0.5 by the least size of faces",
    x: {
      label: "faces of at least so many pixels",
      min: 0,
      max: CHART_SIZES[CHART_SIZES.length - 1],
    },
    y: { label: "AP", min: 0, max: 1 },
    series: rows.map(({ name, apBySize }, i) => ({
      name,
      points: apBySize.map(({ from, ap50 }) => [from, ap50] as const),
      dots: true,
      bold: i === 0,
    })),
  });
}
