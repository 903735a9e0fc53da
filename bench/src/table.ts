/** A cell; numbers are shown with three significant digits and stand to the right. */
export type Cell = string | number | undefined;

/** A number in as few digits as say something. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}

/** Bytes in the unit that reads best. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${formatNumber(bytes / 1024)} KiB`;
  return `${formatNumber(bytes / 2 ** 20)} MiB`;
}

/** A share as a whole percentage. */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)}%` : "–";
}

/**
 * A plain-text table: columns as wide as their longest cell, numbers to the right, nothing for
 * `undefined`.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = header.map((_, i) =>
    rows.some((row) => typeof row[i] === "number" || /^[\d–]/.test(String(row[i] ?? ""))),
  );
  const text = [
    [...header],
    ...rows.map((row) =>
      header.map((_, i) => {
        const cell = row[i];
        return typeof cell === "number" ? formatNumber(cell) : (cell ?? "");
      }),
    ),
  ];
  const widths = header.map((_, i) => Math.max(...text.map((row) => row[i].length)));
  const lines = text.map((row) =>
    row
      .map((cell, i) => (numeric[i] && i > 0 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  const rule = widths
    .map((width) => "-".repeat(width))
    .join("  ")
    .trimEnd();
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}
