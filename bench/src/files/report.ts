import { barChart } from "../chart.js";
import { type Environment, formatEnvironment } from "../environment.js";
import type { TaskResult } from "../peers/compare.js";
import { median, type Summary } from "../statistics.js";
import { formatBytes, formatNumber, formatTable } from "../table.js";
import type { Aim } from "./aims.js";
import { OURS, REFERENCE } from "./programs.js";

/** How a program did. */
export interface ProgramRow {
  readonly name: string;
  readonly group: string;
  /** Milliseconds of whole processes. */
  readonly whole: Summary;
  /** Milliseconds of passes in a process that runs already. */
  readonly warm: Summary;
  readonly peak: number;
  readonly faces: number;
}

/** What `bench:files` found. */
export interface FilesResult {
  readonly environment: Omit<Environment, "adapter">;
  readonly weights: string;
  readonly photos: string;
  readonly count: number;
  readonly maxSide: number;
  readonly rows: readonly ProgramRow[];
  readonly network: TaskResult | undefined;
  readonly firstFaces: number;
  readonly loadAverageAfter: number;
}

const ratioOf = ({ whole }: ProgramRow, rows: readonly ProgramRow[]): number | undefined => {
  const reference = rows.find(({ name }) => name === REFERENCE);
  return reference && whole.median / reference.whole.median;
};

/** The figures of issue and documentation, those of this run. */
export function aimsOf({ rows, network, firstFaces }: FilesResult): Aim[] {
  const aims: Aim[] = [];
  for (const [decoder, aim] of [
    ["sharp", 1.2],
    ["own", 2],
  ] as const) {
    const row = rows.find(({ name }) => name === `wasm, decoder ${decoder}`);
    const value = row && ratioOf(row, rows);
    const what = `whole process, decoder ${decoder}, over ${REFERENCE}`;
    if (value !== undefined) aims.push({ what, unit: "×", value, aim });
  }
  for (const [peer, aim] of [
    [OURS, 45],
    [`${OURS}, 1 thread`, 85],
  ] as const) {
    const time = network?.results.find((result) => result.peer === peer)?.time;
    const threads = peer === OURS ? "2 threads" : "1 thread";
    const what = `network at 640×640 on WebAssembly, ${threads}`;
    if (time) aims.push({ what, unit: "ms", value: time.median, aim });
  }
  aims.push({ what: "process start to first faces", unit: "ms", value: firstFaces, aim: 800 });
  return aims;
}

export function formatFiles(result: FilesResult): string {
  const { environment, weights, photos, count, maxSide, rows, network } = result;
  const [, ...machine] = formatEnvironment({
    ...environment,
    adapter: {} as Environment["adapter"],
  }).split("\n");
  const perSecond = ({ median: ms }: Summary) => (count * 1000) / ms;
  const table = rows.map((row) => [
    row.group === OURS ? `${OURS} ${row.name}` : row.name,
    row.whole.median / 1000,
    ratioOf(row, rows),
    perSecond(row.whole),
    perSecond(row.warm),
    formatBytes(row.peak),
    row.faces,
  ]);
  const networks = network?.results.map(({ peer, time, reason }) => [
    peer,
    time ? time.median : reason,
    time && `${Math.round(time.spread * 100)}%`,
  ]);
  const aims = aimsOf(result).map(({ what, unit, value, aim }) => [
    what,
    `${formatNumber(value)} ${unit}`,
    `${formatNumber(aim)} ${unit}`,
    value <= aim ? "yes" : "no",
  ]);
  return [
    ...machine,
    `weights  ${weights}`,
    `photos   ${count} of ${photos}, long side at most ${maxSide}`,
    "",
    formatTable(
      ["program", "process, s", "ratio", "photos/s", "warm, photos/s", "peak", "faces"],
      table,
    ),
    "",
    ...(networks ? [formatTable(["network at 640×640", "ms", "spread"], networks), ""] : []),
    formatTable(["aim", "measured", "at most", "met"], aims),
    "",
  ].join("\n");
}

/** Photos a second of whole processes. */
export function filesChart({ rows, count, maxSide, environment }: FilesResult): string {
  const bars = rows.map(({ name, group, whole, peak }) => ({
    label: group === OURS ? `ours: ${name}` : name,
    value: (count * 1000) / whole.median,
    note: formatBytes(peak),
    group,
  }));
  const subtitle = `${count} photos, long side at most ${maxSide}; ${environment.cores} × ${environment.cpu}, ${environment.date.slice(0, 10)}`;
  return barChart(
    "From files to faces: photos a second, whole processes",
    subtitle,
    "photos/s",
    bars,
  );
}

/** The memory of several processes of one program. */
export const peakOf = (peaks: readonly number[]): number => median(peaks);
