/** Columns that stand first, in this order, where the metrics have them. */
const FIRST = ["kind", "step", "learningRate", "total"];

/** RFC 4180: quoted where it must be. */
const field = (value: unknown) => {
  const text = value === undefined || value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A line of figures without objects inside: `losses.total` of `{ losses: { total } }`. */
function flatten(metric: object): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(metric)) {
    if (typeof value !== "object" || value === null) flat.set(name, value);
    else for (const [inner, number] of flatten(value)) flat.set(`${name}.${inner}`, number);
  }
  return flat;
}

/**
 * The lines of `metrics.jsonl` as CSV (RFC 4180): a column for every figure that any line has, empty where a line does not.
 */
export function metricsCsv(metrics: readonly object[]): string {
  if (metrics.length === 0) return "";
  const rows = metrics.map(flatten);
  const names = new Set(rows.flatMap((row) => [...row.keys()]));
  const columns = [
    ...FIRST.filter((name) => names.has(name)),
    ...[...names].filter((name) => !FIRST.includes(name)),
  ];
  const lines = [columns, ...rows.map((row) => columns.map((name) => row.get(name)))];
  return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}
