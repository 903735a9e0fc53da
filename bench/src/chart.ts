import { escapeText } from "retinaface-webgpu";
import { formatNumber } from "./table.js";

/** One bar of a chart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Shown behind the value, for instance a rate. */
  readonly note?: string;
  /** Picks the colour; bars of one group share it. */
  readonly group?: string;
}

/** Okabe and Ito's colours, told apart by colour-blind people too. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
const ROW = 18;
/** Of a letter of a label, at most on average. */
const LETTER_WIDTH = 7;
const BAR_WIDTH = 320;
const NOTE_WIDTH = 180;

/**
 * Horizontal bars, one a row, as a standalone SVG document.
 *
 * @param subtitle what was measured where; stands below the title
 */
export function barChart(
  title: string,
  subtitle: string,
  unit: string,
  bars: readonly Bar[],
): string {
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const groups = [...new Set(bars.map(({ group }) => group ?? ""))];
  const top = 56;
  const height = top + bars.length * ROW + 12;
  const labelWidth = 20 + LETTER_WIDTH * Math.max(0, ...bars.map(({ label }) => label.length));
  const width = labelWidth + BAR_WIDTH + NOTE_WIDTH;
  const rows = bars.map(({ label, value, note, group = "" }, i) => {
    const y = top + i * ROW;
    const length = Math.max(1, (value / longest) * BAR_WIDTH);
    const colour = COLOURS[groups.indexOf(group) % COLOURS.length];
    const text = [`${formatNumber(value)} ${unit}`, note].filter(Boolean).join(" · ");
    return (
      `<text x="${labelWidth - 8}" y="${y + 12}" text-anchor="end">${escapeText(label)}</text>` +
      `<rect x="${labelWidth}" y="${y + 2}" width="${length.toFixed(1)}" height="${ROW - 5}" fill="${colour}"/>` +
      `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${y + 12}" fill="#444">${escapeText(text)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeText(title)}">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="22" font-size="15">${escapeText(title)}</text>`,
    `<text x="12" y="42" fill="#666">${escapeText(subtitle)}</text>`,
    ...rows,
    "</svg>\n",
  ].join("\n");
}
