import { escapeText } from "retinaface-webgpu";

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.8rem; border-bottom: 1px solid #ddd; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; margin-top: 0.5rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; } .row svg { flex: 1 1 28rem; min-width: 0; max-width: 40rem; }
figure { margin: 0; max-width: 22rem; } figure img { max-width: 100%; } figcaption { font-size: 0.85rem; overflow-wrap: anywhere; }
`;

/** A whole number as it is, others with four digits. */
function format(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
}

function cell(value: string | number): string {
  return typeof value === "number"
    ? `<td class="number">${format(value)}</td>`
    : `<td>${escapeText(value)}</td>`;
}

/** A table; numbers that are not whole have four digits. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const header = head.map((name) => `<th>${escapeText(name)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
  const top = head.length > 0 ? `<thead><tr>${header}</tr></thead>` : "";
  return `<table>${top}<tbody>\n${body}\n</tbody></table>`;
}

/** Settings and figures, a row each. */
export function factTable(facts: Readonly<Record<string, string | number>>): string {
  const shown = Object.entries(facts).map(([name, value]) => [
    name,
    typeof value === "number" ? format(value) : value,
  ]);
  return table([], shown);
}

/** A part of the page under a heading of its own. @param parts HTML */
export function section(heading: string, ...parts: readonly string[]): string {
  return `<section><h2>${escapeText(heading)}</h2>\n${parts.join("\n")}\n</section>`;
}

/** One HTML document without scripts or anything fetched. @param sections HTML */
export function reportPage(heading: string, sections: readonly string[]): string {
  const title = escapeText(heading);
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>`,
    `<body><h1>${title}</h1>`,
    ...sections,
    "</body></html>\n",
  ].join("\n");
}
