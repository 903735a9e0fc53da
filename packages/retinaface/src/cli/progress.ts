import { Presets, SingleBar } from "cli-progress";
import type { Streams } from "./lines.js";

/** A progress bar on standard error; absent where that is no terminal. */
export interface Progress {
  update(value: number, label: string): void;
  /** Clears the bar, so that a line on a terminal does not run into it. */
  clear(): void;
  stop(): void;
}

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
  const options = { format, stream: stderr, clearOnComplete: true, hideCursor: true };
  const bar = new SingleBar({ ...options, forceRedraw: true }, Presets.shades_classic);
  bar.start(total, 0, { label: "" });
  return {
    update: (value, label) => bar.update(value, { label }),
    clear: () => {
      if (stdout.isTTY) stderr.write("\r\x1b[K");
    },
    stop: () => bar.stop(),
  };
}
