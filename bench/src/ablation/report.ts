import type { RunResult } from "./results.js";
import { baseOf, CLAIMS, type Row } from "./rows.js";
import { judge, type Spread, spreadOf } from "./verdict.js";

const points = (value: number) => (100 * value).toFixed(1);
const signed = (value: number) => `${value < 0 ? "−" : "+"}${points(Math.abs(value))}`;

const withSpread = (mean: string, { n, deviation }: Spread) =>
  n > 1 ? `${mean} ± ${points(deviation)}` : mean;

/** AP 0.5 by seed. */
function apBySeed(results: readonly RunResult[], row: string, validation: string) {
  const own = results.filter((result) => result.row === row);
  return new Map(own.map(({ seed, validations }) => [seed, validations[validation]?.ap50 ?? 0]));
}

/** What the first row has more than the second, for each seed that both have. */
export function differencesOf(
  results: readonly RunResult[],
  [row, other]: readonly [row: string, other: string],
  validation: string,
): number[] {
  const [a, b] = [row, other].map((name) => apBySeed(results, name, validation));
  return [...a].flatMap(([seed, ap]) => (b.has(seed) ? [ap - b.get(seed)!] : []));
}

/** Frozen parts where rows of the same name may differ in them. */
function frozenText(own: readonly RunResult[]): string {
  const all = new Set(own.map(({ frozen }) => frozen.join(", ") || "nothing"));
  return [...all].join("; ");
}

function rowCells(results: readonly RunResult[], row: Row, validations: readonly string[]) {
  const own = results.filter((result) => result.row === row.name);
  if (own.length === 0)
    return [row.name, "0", ...validations.flatMap(() => ["–", "–"]), "–", "–", "–"];
  const base = baseOf(row).name;
  const figures = validations.flatMap((validation) => {
    const ap = spreadOf([...apBySeed(results, row.name, validation).values()]);
    const differences = differencesOf(results, [row.name, base], validation);
    const more = spreadOf(differences);
    const isCompared = row.name !== base && differences.length > 0;
    return [
      withSpread(points(ap.mean), ap),
      isCompared ? withSpread(signed(more.mean), more) : "–",
    ];
  });
  const steps = [...new Set(own.map((result) => result.steps))].join(", ");
  const mmac = [...new Set(own.map((result) => result.mmac ?? "–"))].join(", ");
  return [row.name, String(own.length), ...figures, steps, mmac, frozenText(own)];
}

/** A Markdown table: a row each, AP 0.5 in percent with mean and standard deviation over the seeds. */
export function formatTable(
  results: readonly RunResult[],
  rows: readonly Row[],
  validations: readonly string[],
): string {
  const columns = validations.flatMap((name) => [`AP 0.5, ${name}`, "against base"]);
  const head = ["row", "seeds", ...columns, "steps", "MMAC", "frozen"];
  const body = rows.map((row) => rowCells(results, row, validations));
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((cells) => cells[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)].join("\n");
}

/** A sentence for each claim both of whose rows are among those asked for. */
export function formatClaims(
  results: readonly RunResult[],
  rows: readonly Row[],
  validations: readonly string[],
): string {
  const names = new Set(rows.map(({ name }) => name));
  return CLAIMS.filter(({ better, than }) => names.has(better) && names.has(than))
    .map(({ text, better, than }) => {
      const told = validations.map((validation) => {
        const differences = differencesOf(results, [better, than], validation);
        if (differences.length === 0) return `not measured on ${validation}`;
        const more = spreadOf(differences);
        const seeds = more.n === 1 ? "1 seed" : `${more.n} seeds`;
        const figure = withSpread(signed(more.mean), more);
        return `${judge(differences)} on ${validation} (${figure}, ${seeds})`;
      });
      return `- ${text}: ${told.join("; ")}.`;
    })
    .join("\n");
}
