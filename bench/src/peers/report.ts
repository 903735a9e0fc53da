import { barChart } from "../chart.js";
import { type Environment, formatEnvironment } from "../environment.js";
import { type Cell, formatNumber, formatShare, formatTable } from "../table.js";
import { CONTESTANTS, type PeerStart, type TaskResult } from "./compare.js";

/** Everything a comparison measured. */
export interface PeersResult {
  readonly environment: Environment;
  readonly weights: string;
  readonly rounds: number;
  readonly tasks: readonly TaskResult[];
  readonly starts: readonly PeerStart[];
  readonly goals: readonly Goal[];
  /** One-minute load average as the run ended. */
  readonly loadAverageAfter: number;
}

/** What is aimed at, and what was reached. */
export interface Goal {
  readonly task: string;
  readonly against: string;
  readonly wanted: number;
  /** `undefined` where there was nothing to compare with. */
  readonly reached: number | undefined;
}

/** Compares the ratios with the tasks' goals. */
export function goalsOf(tasks: readonly TaskResult[]): Goal[] {
  const scale = new Set(CONTESTANTS.filter(({ forScale }) => forScale).map(({ name }) => name));
  return tasks.flatMap(({ task, results }) =>
    Object.entries(task.goal ?? {}).map(([against, wanted]): Goal => {
      const ratios = results
        .filter(({ peer }) => (against === "fastest peer" ? !scale.has(peer) : peer === against))
        .map(({ ratio }) => ratio)
        .filter((ratio) => ratio !== undefined);
      const reached = ratios.length > 0 ? Math.min(...ratios) : undefined;
      return { task: task.name, against, wanted, reached };
    }),
  );
}

function taskTable({ task, results }: TaskResult): string {
  const header = [task.name, "ms", "±", "GFLOP/s", "of ours", "first ms", "difference", ""];
  const rows = results.map((result): Cell[] => {
    const { peer, time, gflops, ratio, first, difference, reason } = result;
    return [
      peer,
      time?.median,
      time && formatShare(time.spread),
      gflops,
      ratio === undefined ? undefined : `${formatNumber(ratio)}×`,
      first,
      difference?.toExponential(0),
      reason && `not compared: ${reason}`,
    ];
  });
  return formatTable(header, rows);
}

/** The whole comparison as text. */
export function formatPeers(result: PeersResult): string {
  const { tasks, starts, goals } = result;
  const sections = [
    `${formatEnvironment(result.environment)}\nweights  ${result.weights}; ` +
      `medians of ${result.rounds} rounds in turn, load average at the end ${result.loadAverageAfter}`,
    ...tasks.map(taskTable),
    formatTable(
      ["fresh process, empty shader cache", "version", "s to first answer", ""],
      starts.map(({ peer, version, firstAnswer, reason }) => [
        peer,
        version,
        firstAnswer === undefined ? undefined : firstAnswer / 1000,
        reason,
      ]),
    ),
    formatTable(
      ["goal", "against", "wanted", "reached", ""],
      goals.map(({ task, against, wanted, reached }) => [
        task,
        against,
        `${wanted}×`,
        reached === undefined ? "–" : `${formatNumber(reached)}×`,
        reached === undefined ? "not measured" : reached >= wanted ? "yes" : "no",
      ]),
    ),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** Times of all peers on all shared tasks, as an SVG chart. */
export function peersChart({ environment, tasks }: PeersResult): string {
  const bars = tasks.flatMap(({ task, results }) =>
    results
      .filter(({ time }) => time !== undefined)
      .map(({ peer, time, ratio }) => ({
        label: `${task.name.replace("RetinaFace ", "").replace("training step", "train")}: ${peer}`,
        value: time!.median,
        note: ratio === undefined ? undefined : `${formatNumber(ratio)}× ours`,
        group: peer,
      })),
  );
  const where = `${environment.adapter.name}, ${environment.commit}, ${environment.date.slice(0, 10)}`;
  return barChart("The same work on the same adapter", where, "ms", bars);
}
