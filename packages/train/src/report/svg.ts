import { escapeText } from "retinaface-webgpu";
import { formatTick, linearTicks, logTicks } from "./ticks.js";

/** One line of a plot. */
export interface Series {
  readonly name: string;
  /** x, y; a point that is not finite breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dots at the points. */
  readonly dots?: boolean;
  readonly dashed?: boolean;
  /** Drawn thick and on top, its name in bold. */
  readonly bold?: boolean;
  /** Drawn thin and pale behind the line, such as the noisy values that it is the mean of. */
  readonly behind?: readonly (readonly [x: number, y: number])[];
}

/** An axis: its range grows to whole ticks unless it is given. */
export interface Axis {
  readonly label: string;
  readonly min?: number;
  readonly max?: number;
  /** Logarithmic; values that are not positive are left out. */
  readonly log?: boolean;
}

/** A point to be pointed at. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  /** The text stands below the point, where a curve falls, instead of above it. */
  readonly below?: boolean;
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
  /** Names at the ends of the lines instead of a legend: for lines of which there are more than colours. */
  readonly direct?: boolean;
  /** In pixels, 640 × 400 by default; the names of several lines come on top below, or to the right of it. */
  readonly width?: number;
  readonly height?: number;
}

/** Okabe and Ito's colours, told apart by colour-blind people too. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/** Of the lines that come after those who had all colours once, and so on. */
const DASHES = ["", "8 3", "2 3", "9 3 2 3"];

const LEGEND_ROW = 18;
/** Between names at the ends of lines, and how far these are from the plot. */
const LABEL_ROW = 15;
const LEADER = 28;
const MARGIN = { left: 80, right: 16, top: 36, bottom: 48 };
/** Points a line may have for every pixel of width before it is thinned. */
const POINTS_PER_PIXEL = 4;

interface Scale {
  readonly ticks: readonly number[];
  /** Position of a value in pixels, NaN if it has none. */
  place(value: number): number;
}

function makeScale(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const usable = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0));
  const fallback = axis.log ? 1 : 0;
  const low = axis.min ?? usable.reduce((a, b) => Math.min(a, b), usable[0] ?? fallback);
  const high = axis.max ?? usable.reduce((a, b) => Math.max(a, b), usable[0] ?? fallback + 1);
  const ticks = axis.log ? logTicks(low, high) : linearTicks(low, high);
  const measure = axis.log ? (value: number) => (value > 0 ? Math.log(value) : Number.NaN) : Number;
  const first = measure(axis.min ?? ticks[0]);
  const last = measure(axis.max ?? ticks[ticks.length - 1]);
  return {
    ticks: ticks.filter((tick) => measure(tick) >= first && measure(tick) <= last),
    place: (value) => from + ((measure(value) - first) / (last - first)) * (to - from),
  };
}

const at = (value: number) => String(Number(value.toFixed(2)));

/** Keeps the lowest and the highest of the points that share a pixel column. */
function thin(points: readonly (readonly [number, number])[], width: number) {
  if (points.length <= width * POINTS_PER_PIXEL) return points;
  const kept: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; ) {
    let end = start;
    let low = start;
    let high = start;
    while (end < points.length && Math.floor(points[end][0]) === Math.floor(points[start][0])) {
      if (points[end][1] < points[low][1]) low = end;
      if (points[end][1] > points[high][1]) high = end;
      end++;
    }
    const columns = [...new Set([start, low, high, end - 1])].sort((a, b) => a - b);
    kept.push(...columns.map((i) => points[i]));
    start = end;
  }
  return kept;
}

/** The points in pixels, cut where one has no place. */
function placePoints(points: Series["points"], x: Scale, y: Scale) {
  const runs: (readonly [number, number])[][] = [[]];
  for (const [px, py] of points) {
    const point = [x.place(px), y.place(py)] as const;
    if (point.every(Number.isFinite)) runs[runs.length - 1].push(point);
    else runs.push([]);
  }
  return runs;
}

function drawLines(runs: ReturnType<typeof placePoints>, style: string, width: number): string[] {
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const points = thin(run, width).map(([px, py]) => `${at(px)},${at(py)}`);
      return `<polyline points="${points.join(" ")}" fill="none" ${style}/>`;
    });
}

function drawBehind(series: Series, colour: string, x: Scale, y: Scale, width: number): string {
  const style = `stroke="${colour}" stroke-width="1" opacity="0.25"`;
  return drawLines(placePoints(series.behind ?? [], x, y), style, width).join("");
}

/** How a line looks: no two of 28 are alike. */
function styleOf({ dashed, bold }: Series, index: number) {
  const round = Math.floor(index / COLOURS.length) % DASHES.length;
  const dash = dashed ? "6 4" : DASHES[round];
  return {
    colour: COLOURS[index % COLOURS.length],
    width: bold ? 4 : 2,
    dash: dash === "" ? "" : ` stroke-dasharray="${dash}"`,
  };
}

type LineStyle = ReturnType<typeof styleOf>;

function drawSeries(series: Series, style: LineStyle, x: Scale, y: Scale, width: number): string {
  const { colour, dash } = style;
  const runs = placePoints(series.points, x, y);
  const lines = drawLines(runs, `stroke="${colour}" stroke-width="${style.width}"${dash}`, width);
  const single = runs.filter((run) => run.length === 1).flat();
  const dots = (series.dots ? runs.flat() : single).map(
    ([px, py]) => `<circle cx="${at(px)}" cy="${at(py)}" r="3" fill="${colour}"/>`,
  );
  return [...lines, ...dots].join("");
}

function drawAxes(plot: LinePlot, x: Scale, y: Scale, right: number, height: number): string {
  const bottom = height - MARGIN.bottom;
  const vertical = x.ticks.map((tick) => {
    const px = at(x.place(tick));
    return (
      `<line x1="${px}" y1="${MARGIN.top}" x2="${px}" y2="${bottom}" stroke="#ddd"/>` +
      `<text x="${px}" y="${bottom + 18}" text-anchor="middle">${formatTick(tick)}</text>`
    );
  });
  const horizontal = y.ticks.map((tick) => {
    const py = at(y.place(tick));
    return (
      `<line x1="${MARGIN.left}" y1="${py}" x2="${right}" y2="${py}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${py}" dy="0.35em" text-anchor="end">${formatTick(tick)}</text>`
    );
  });
  const middle = (MARGIN.top + bottom) / 2;
  return [
    ...vertical,
    ...horizontal,
    `<rect x="${MARGIN.left}" y="${MARGIN.top}" width="${right - MARGIN.left}" height="${bottom - MARGIN.top}" fill="none" stroke="#888"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="20" text-anchor="middle" font-size="15">${escapeText(plot.title)}</text>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${height - 10}" text-anchor="middle">${escapeText(plot.x.label)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escapeText(plot.y.label)}</text>`,
  ].join("");
}

const sample = ({ colour, width, dash }: LineStyle, x1: number, x2: number, y: number) =>
  `<line x1="${x1}" y1="${at(y)}" x2="${x2}" y2="${at(y)}" stroke="${colour}" stroke-width="${width}"${dash}/>`;

/** Names side by side under the plot, in as many rows as they need. */
function drawLegend(
  entries: readonly LegendEntry[],
  styles: readonly LineStyle[],
  top: number,
): string {
  return entries
    .map(({ name, x, row }, i) => {
      const y = top + row * LEGEND_ROW;
      const text = `<text x="${x + 26}" y="${y}" dy="0.35em">${escapeText(name)}</text>`;
      return sample(styles[i], x, x + 20, y) + text;
    })
    .join("");
}

/** Heights of names beside the plot: each as near to its own as the others leave room, in the same order. */
function spread(heights: readonly number[], top: number, bottom: number): number[] {
  const order = [...heights.keys()].sort((a, b) => heights[a] - heights[b]);
  const placed = [...heights];
  let lowest = top;
  for (const i of order) {
    placed[i] = Math.max(lowest, placed[i]);
    lowest = placed[i] + LABEL_ROW;
  }
  let highest = bottom;
  for (const i of order.reverse()) {
    placed[i] = Math.min(highest, placed[i]);
    highest = placed[i] - LABEL_ROW;
  }
  return placed;
}

/** A name for each line at its end, with a thin line that leads there. */
function drawLabels(
  series: readonly Series[],
  styles: readonly LineStyle[],
  x: Scale,
  y: Scale,
  right: number,
  bottom: number,
): string {
  const ends = series.map(({ points }) => placePoints(points, x, y).flat().at(-1));
  const shown = [...series.keys()].filter((i) => ends[i] !== undefined);
  const heights = spread(
    shown.map((i) => ends[i]![1]),
    MARGIN.top + LABEL_ROW / 2,
    bottom,
  );
  return shown
    .map((i, n) => {
      const [px, py] = ends[i]!;
      const { colour } = styles[i];
      const tx = right + LEADER;
      const leader = `<polyline points="${at(px)},${at(py)} ${right + 6},${at(heights[n])} ${tx - 24},${at(heights[n])}" fill="none" stroke="${colour}" stroke-width="0.75"/>`;
      const weight = series[i].bold ? ' font-weight="bold"' : "";
      const text = `<text x="${tx + 4}" y="${at(heights[n])}" dy="0.35em"${weight}>${escapeText(series[i].name)}</text>`;
      return leader + sample(styles[i], tx - 24, tx, heights[n]) + text;
    })
    .join("");
}

interface LegendEntry {
  readonly name: string;
  readonly x: number;
  readonly row: number;
}

/** Places the names of several lines; one line needs none. */
function layOutLegend(names: readonly string[], width: number): LegendEntry[] {
  if (names.length < 2) return [];
  let x = MARGIN.left;
  let row = 0;
  return names.map((name) => {
    const needed = 44 + name.length * 7;
    if (x + needed > width - MARGIN.right && x > MARGIN.left) {
      x = MARGIN.left;
      row++;
    }
    const entry = { name, x, row };
    x += needed;
    return entry;
  });
}

/** Circles with their text on the left, where rising curves leave room, or on the right at the edge. */
function drawMarks(marks: readonly Mark[], x: Scale, y: Scale): string {
  return marks
    .map(({ below = false, ...mark }) => ({
      ...mark,
      px: x.place(mark.x),
      py: y.place(mark.y),
      below,
    }))
    .filter(({ px, py }) => Number.isFinite(px) && Number.isFinite(py))
    .map(({ px, py, text, below }) => {
      const hasRoom = px - MARGIN.left > 12 + text.length * 7;
      const [anchor, tx] = hasRoom ? ["end", px - 8] : ["start", px + 8];
      return (
        `<circle cx="${at(px)}" cy="${at(py)}" r="5" fill="none" stroke="#000" stroke-width="1.5"/>` +
        `<text x="${at(tx)}" y="${at(below ? py + 20 : py - 8)}" text-anchor="${anchor}" paint-order="stroke" stroke="#fff" stroke-width="3">${escapeText(text)}</text>`
      );
    })
    .join("");
}

/** Room to the right of a plot for the names at the ends of its lines. */
function labelMargin({ series, direct }: LinePlot): number {
  if (!direct) return MARGIN.right;
  return LEADER + 12 + 7 * Math.max(0, ...series.map(({ name }) => name.length));
}

/** A line plot as a standalone SVG document. */
export function linePlot(plot: LinePlot): string {
  const { width = 640, height = 400, series, direct = false } = plot;
  const values = (column: 0 | 1) =>
    series.flatMap(({ points, behind = [] }) =>
      [...points, ...behind].map((point) => point[column]),
    );
  const right = width - labelMargin(plot);
  const bottom = height - MARGIN.bottom;
  const x = makeScale(plot.x, values(0), MARGIN.left, right);
  const y = makeScale(plot.y, values(1), bottom, MARGIN.top);
  const styles = series.map(styleOf);
  const onTop = [...series.keys()].sort(
    (a, b) => Number(series[a].bold ?? false) - Number(series[b].bold ?? false),
  );
  const lines = [
    ...series.map((line, i) => drawBehind(line, styles[i].colour, x, y, width)),
    ...(direct ? [drawLabels(series, styles, x, y, right, bottom)] : []),
    ...onTop.map((i) => drawSeries(series[i], styles[i], x, y, width)),
  ];
  const names = direct ? [] : series.map(({ name }) => name);
  const legend = layOutLegend(names, width);
  const total = height + (legend.length > 0 ? (legend[legend.length - 1].row + 1) * LEGEND_ROW : 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeText(plot.title)}">`,
    `<rect width="${width}" height="${total}" fill="#fff"/>`,
    drawAxes(plot, x, y, right, height),
    ...lines,
    drawMarks(plot.marks ?? [], x, y),
    drawLegend(legend, styles, height + 4),
    "</svg>\n",
  ].join("\n");
}
