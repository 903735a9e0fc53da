import { escapeText } from "retinaface-webgpu";
import type { Evaluation } from "../evaluate/evaluate.js";
import { factTable, reportPage, section, table } from "./page.js";
import { linePlot, type Series } from "./svg.js";

/** One training step's figures. */
export interface StepFigures {
  readonly step: number;
  readonly learningRate: number;
  /** The total under `total`, and its parts by name. */
  readonly losses: Readonly<Record<string, number>>;
}

/** Average precision on validation data after a number of steps. */
export interface ValidationFigures {
  readonly step: number;
  readonly ap50: number;
  readonly ap: number;
  /** Where the network tells classes apart: the mean over classes of their AP at IoU 0.5. */
  readonly classAp50?: number;
  /** The training's losses on the validation images, whole and in inference mode: `total` and its parts. */
  readonly losses?: Readonly<Record<string, number>>;
}

/** By what the best of several validations is chosen. */
export function worthOf({ ap50, classAp50 }: ValidationFigures): number {
  return classAp50 ?? ap50;
}

/** An image to look at, its labelled faces drawn in yellow and those found in green. */
export interface ReportImage {
  readonly id: string;
  /** A `data:` URI or a path relative to the report. */
  readonly source: string;
  readonly caption: string;
}

/** All that a training report shows; what is absent is left out. */
export interface ReportData {
  readonly title: string;
  /** Settings and figures, shown as a table. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly steps?: readonly StepFigures[];
  readonly validations?: readonly ValidationFigures[];
  /** Whether the first validation is of weights that others had trained: a line then shows what they reached. */
  readonly startsTrained?: boolean;
  /** By name, such as "before" and "after". */
  readonly evaluations?: Readonly<Record<string, Evaluation>>;
  readonly worst?: readonly ReportImage[];
}

/** Points of a loss curve whose mean is drawn as one, as a share of the whole run. */
const SMOOTHED = 1 / 40;

/** Each value's mean with the `window - 1` before it. */
function movingMean(points: Series["points"], window: number): Series["points"] {
  return points.map(([x], i) => {
    const values = points.slice(Math.max(0, i + 1 - window), i + 1).map(([, y]) => y);
    return [x, values.reduce((sum, value) => sum + value, 0) / values.length];
  });
}

function lossPlots(steps: readonly StepFigures[]): string {
  const names = [...new Set(steps.flatMap(({ losses }) => Object.keys(losses)))];
  const window = Math.max(1, Math.round(steps.length * SMOOTHED));
  const series = names
    .map((name): Series => {
      const points = steps.map(({ step, losses }) => [step, losses[name] ?? Number.NaN] as const);
      return { name, points: movingMean(points, window), behind: window > 1 ? points : [] };
    })
    .filter(({ points }) => points.some(([, value]) => value > 0));
  const losses = linePlot({
    title: window > 1 ? `Loss, mean of ${window} steps` : "Loss",
    x: { label: "step" },
    y: { label: "loss", log: true },
    series,
  });
  const rate = linePlot({
    title: "Learning rate",
    x: { label: "step" },
    y: { label: "learning rate", min: 0 },
    series: [
      { name: "learning rate", points: steps.map((s) => [s.step, s.learningRate] as const) },
    ],
  });
  return `<div class="row">${losses}${rate}</div>`;
}

/** What the weights that a run started from reach, as a line over the whole plot. */
function startLine(validations: readonly ValidationFigures[]): Series {
  const [{ ap50 }] = validations;
  const points = validations.map(({ step }) => [step, ap50] as const);
  return { name: "AP at IoU 0.5 of the starting weights", points, dashed: true };
}

function validationPlot({ validations = [], startsTrained = false }: ReportData): string {
  const points = (key: "ap50" | "ap" | "classAp50") =>
    validations.map((v) => [v.step, v[key] ?? 0] as const);
  const tells = validations.some(({ classAp50 }) => classAp50 !== undefined);
  return linePlot({
    title: "Validation",
    x: { label: "step" },
    y: { label: "average precision", min: 0, max: 1 },
    series: [
      { name: "AP at IoU 0.5", points: points("ap50"), dots: true, bold: true },
      { name: "AP 0.5:0.95", points: points("ap"), dots: true },
      ...(tells
        ? [{ name: "mean AP at IoU 0.5 of the classes", points: points("classAp50"), dots: true }]
        : []),
      ...(startsTrained ? [startLine(validations)] : []),
    ],
  });
}

/** The losses in validation beside those of the training; null where no validation has them. */
function validationLossPlot({ steps = [], validations = [] }: ReportData): string | null {
  const points = validations.flatMap(({ step, losses }) =>
    losses?.total === undefined ? [] : [[step, losses.total] as const],
  );
  if (points.length === 0) return null;
  const window = Math.max(1, Math.round(steps.length * SMOOTHED));
  const training = steps.map(({ step, losses }) => [step, losses.total] as const);
  return linePlot({
    title: "Loss in training and in validation",
    x: { label: "step" },
    y: { label: "loss", log: true },
    series: [
      { name: "training, augmented", points: movingMean(training, window) },
      { name: "validation, whole images", points, dots: true },
    ],
  });
}

function validationSection(data: ReportData): string {
  const plots = [validationPlot(data), validationLossPlot(data)].filter((plot) => plot !== null);
  return section("Validation", `<div class="row">${plots.join("")}</div>`);
}

/** Precision–recall curves, one line a name. */
export function precisionRecallPlot(
  curves: Readonly<Record<string, readonly { precision: number; recall: number }[]>>,
  title = "Precision and recall",
): string {
  return linePlot({
    title,
    x: { label: "recall", min: 0, max: 1 },
    y: { label: "precision", min: 0, max: 1 },
    series: Object.entries(curves).map(([name, curve]) => ({
      name,
      points: curve.map(({ precision, recall }) => [recall, precision] as const),
    })),
  });
}

/** AP of each class, where the detector tells classes apart. */
function classPrecision(entries: readonly [string, Evaluation][]): string[] {
  const [, { byClass = [] } = { byClass: [] }] = entries[0] ?? [];
  if (entries.every(([, evaluation]) => evaluation.classAp50 === undefined)) return [];
  const rows = byClass.map(({ label, faces }) => [
    label,
    faces,
    ...entries.map(([, other]) => other.byClass.find((row) => row.label === label)?.ap50 ?? "–"),
  ]);
  return [
    "<h3>AP at IoU 0.5 by class: box and class must be right</h3>",
    table(["class", "faces", ...entries.map(([name]) => name)], rows),
  ];
}

function evaluationSection(evaluations: Readonly<Record<string, Evaluation>>): string {
  const entries = Object.entries(evaluations);
  const row = (name: string, value: (e: Evaluation) => number | string) => [
    name,
    ...entries.map(([, evaluation]) => value(evaluation)),
  ];
  const rows = [
    row("images", (e) => e.images),
    row("faces", (e) => e.faces),
    row("AP at IoU 0.5", (e) => e.ap50),
    row("AP 0.5:0.95", (e) => e.ap),
    ...(entries.some(([, e]) => e.classAp50 !== undefined)
      ? [row("mean AP at IoU 0.5 of the classes", (e) => e.classAp50 ?? "–")]
      : []),
    row("best F1", (e) => e.bestF1?.f1 ?? "–"),
    row("at score", (e) => e.bestF1?.threshold ?? "–"),
    row("landmark error by eyes", (e) => e.landmarks?.byEyes ?? "–"),
  ];
  const curves = Object.fromEntries(entries.map(([name, { curve }]) => [name, curve]));
  const sizes = (entries[0]?.[1].bySize ?? [])
    .map(({ from, to, faces }, bin) => [
      to === null ? `from ${from}` : `${from} to ${to}`,
      faces,
      ...entries.map(([, { bySize }]) => bySize[bin].found / Math.max(1, bySize[bin].faces)),
    ])
    .filter(([, faces]) => faces !== 0);
  const classes = (entries[0]?.[1].byClass ?? []).map(({ label, faces }) => [
    label,
    faces,
    ...entries.map(([, { byClass }]) => {
      const found = byClass?.find((row) => row.label === label)?.found ?? 0;
      return found / Math.max(1, faces);
    }),
  ]);
  const names = entries.map(([name]) => name);
  return section(
    "Evaluation",
    table(["", ...names], rows),
    precisionRecallPlot(curves, "Precision and recall at IoU 0.5"),
    "<h3>Recall by face size, at the score of the best F1</h3>",
    table(["size in pixels", "faces", ...names], sizes),
    ...(classes.length > 1
      ? [
          "<h3>Recall by class, at the same score</h3>",
          table(["class", "faces", ...names], classes),
          ...classPrecision(entries),
        ]
      : []),
  );
}

function isSafeSource(source: string): boolean {
  return source.startsWith("data:image/") || !/^[a-z][a-z0-9+.-]*:|^\/\//i.test(source);
}

function worstSection(images: readonly ReportImage[]): string {
  const figures = images
    .filter(({ source }) => isSafeSource(source))
    .map(
      ({ id, source, caption }) =>
        `<figure><img src="${escapeText(source)}" alt="${escapeText(id)}" loading="lazy">` +
        `<figcaption>${escapeText(id)}: ${escapeText(caption)}</figcaption></figure>`,
    );
  return section(
    "Worst images: labelled yellow, found green",
    `<div class="row">${figures.join("\n")}</div>`,
  );
}

/** A training report as one HTML document without scripts or anything fetched. */
export function renderReport(data: ReportData): string {
  const { steps, validations, evaluations, worst } = data;
  const sections = [
    section("Settings and figures", factTable(data.facts)),
    steps?.length ? section("Training", lossPlots(steps)) : "",
    validations?.length ? validationSection(data) : "",
    evaluations && Object.keys(evaluations).length > 0 ? evaluationSection(evaluations) : "",
    worst?.length ? worstSection(worst) : "",
  ];
  return reportPage(
    data.title,
    sections.filter((part) => part !== ""),
  );
}
