import { createRequire } from "node:module";
import { printable } from "../printable.js";
import type { Streams } from "./lines.js";

/** A progress bar on standard error; absent where that is no terminal. */
export interface Progress {
  update(value: number, label: string): void;
  /** Clears the bar, so that a line on a terminal does not run into it. */
  clear(): void;
  stop(): void;
}

const require = createRequire(import.meta.url);

const NONE: Progress = { update() {}, clear() {}, stop() {} };

/**
 * @param total of the unit that `update` counts.
 * @param format of cli-progress; `{label}` is the text given to `update`.
 */
export function startProgress(
  { stdout, stderr }: Streams,
  total: number,
  format: string,
): Progress {
  if (!stderr.isTTY) return NONE;
  // Loaded only for a terminal: it is a dozen modules.
  const { MultiBar, Presets }: typeof import("cli-progress") = require("cli-progress");
  // Not SingleBar: it restores the cursor's place at its start, where lines have scrolled since.
  const options = { format, stream: stderr, hideCursor: true, clearOnComplete: true };
  const bars = new MultiBar({ ...options, forceRedraw: true }, Presets.shades_classic);
  const bar = bars.create(total, 0, { label: "" });
  return {
    update: (value, label) => bar.update(value, { label: printable(label) }),
    clear: () => {
      if (stdout.isTTY) stderr.write("\r\x1b[K");
    },
    stop: () => bars.stop(),
  };
}
