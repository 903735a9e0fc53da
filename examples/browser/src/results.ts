import { page } from "./page.js";
import type { Timing } from "./protocol.js";

/** The number of faces in large print. */
export function showFaceCount(count: number | undefined): void {
  page.count.textContent = count === undefined ? "" : String(count);
  page.countUnit.textContent =
    count === undefined ? "No picture yet" : count === 1 ? "face" : "faces";
}

/** A row for each stage and their sum. */
export function showTimings(timings: readonly Timing[]): void {
  const total = timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = [...timings, { stage: "Total", milliseconds: total }].map(row);
  page.timings.replaceChildren(...rows);
}

function row({ stage, milliseconds }: Timing): HTMLTableRowElement {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  const value = document.createElement("td");
  name.scope = "row";
  name.textContent = stage;
  value.textContent = `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  line.append(name, value);
  return line;
}
