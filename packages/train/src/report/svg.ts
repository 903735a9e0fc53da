import { escapeText } from "./escape.js";
import { formatTick, linearTicks, logTicks } from "./ticks.js";

/** One line of a plot. */
export interface Series {
  readonly name: string;
  /** x, y; a point that is not finite breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dots at the points. */
  readonly dots?: boolean;
  readonly dashed?: boolean;
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
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
  /** In pixels, 640 × 400 by default; the names of several lines come on top below. */
  readonly width?: number;
  readonly height?: number;
}

/** Okabe and Ito's colours, told apart by colour-blind people too. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

const LEGEND_ROW = 18;
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

function drawSeries(series: Series, colour: string, x: Scale, y: Scale, width: number): string {
  const runs = placePoints(series.points, x, y);
  const dash = series.dashed ? ' stroke-dasharray="6 4"' : "";
  const lines = drawLines(runs, `stroke="${colour}" stroke-width="2"${dash}`, width);
  const single = runs.filter((run) => run.length === 1).flat();
  const dots = (series.dots ? runs.flat() : single).map(
    ([px, py]) => `<circle cx="${at(px)}" cy="${at(py)}" r="3" fill="${colour}"/>`,
  );
  return [...lines, ...dots].join("");
}

function drawAxes(plot: LinePlot, x: Scale, y: Scale, width: number, height: number): string {
  const bottom = height - MARGIN.bottom;
  const right = width - MARGIN.right;
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
    `<text x="${width / 2}" y="20" text-anchor="middle" font-size="15">${escapeText(plot.title)}</text>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${height - 10}" text-anchor="middle">${escapeText(plot.x.label)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escapeText(plot.y.label)}</text>`,
  ].join("");
}

/** Names side by side under the plot, in as many rows as they need. */
function drawLegend(entries: readonly LegendEntry[], top: number): string {
  return entries
    .map(({ name, x, row }, i) => {
      const y = top + row * LEGEND_ROW;
      const colour = COLOURS[i % COLOURS.length];
      return (
        `<line x1="${x}" y1="${y}" x2="${x + 20}" y2="${y}" stroke="${colour}" stroke-width="3"/>` +
        `<text x="${x + 26}" y="${y}" dy="0.35em">${escapeText(name)}</text>`
      );
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
    .map((mark) => [x.place(mark.x), y.place(mark.y), mark.text] as const)
    .filter(([px, py]) => Number.isFinite(px) && Number.isFinite(py))
    .map(([px, py, text]) => {
      const hasRoom = px - MARGIN.left > 12 + text.length * 7;
      const [anchor, tx] = hasRoom ? ["end", px - 8] : ["start", px + 8];
      return (
        `<circle cx="${at(px)}" cy="${at(py)}" r="5" fill="none" stroke="#000" stroke-width="1.5"/>` +
        `<text x="${at(tx)}" y="${at(py - 8)}" text-anchor="${anchor}" paint-order="stroke" stroke="#fff" stroke-width="3">${escapeText(text)}</text>`
      );
    })
    .join("");
}

/** A line plot as a standalone SVG document. */
export function linePlot(plot: LinePlot): string {
  const { width = 640, height = 400 } = plot;
  const values = (column: 0 | 1) =>
    plot.series.flatMap(({ points, behind = [] }) =>
      [...points, ...behind].map((point) => point[column]),
    );
  const x = makeScale(plot.x, values(0), MARGIN.left, width - MARGIN.right);
  const y = makeScale(plot.y, values(1), height - MARGIN.bottom, MARGIN.top);
  const lines = [drawBehind, drawSeries].flatMap((draw) =>
    plot.series.map((series, i) => draw(series, COLOURS[i % COLOURS.length], x, y, width)),
  );
  const legend = layOutLegend(
    plot.series.map(({ name }) => name),
    width,
  );
  const total = height + (legend.length > 0 ? (legend[legend.length - 1].row + 1) * LEGEND_ROW : 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${total}" width="${width}" height="${total}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeText(plot.title)}">`,
    `<rect width="${width}" height="${total}" fill="#fff"/>`,
    drawAxes(plot, x, y, width, height),
    ...lines,
    drawMarks(plot.marks ?? [], x, y),
    drawLegend(legend, height + 4),
    "</svg>\n",
  ].join("\n");
}
