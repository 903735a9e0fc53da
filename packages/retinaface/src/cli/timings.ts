import type { Timings } from "../detect/timings.js";
import type { Streams } from "./lines.js";

/** What a detector that can be timed tells of itself. */
export interface Timed {
  readonly backend: string;
  readonly threads: number;
}

/** Parts of a photo's time that are worth a word, in milliseconds. */
type Part = "decode" | "prepare" | "gpu" | "faces" | "total";

const NAMES: Readonly<Record<Part, string>> = {
  decode: "decode",
  prepare: "prepare",
  gpu: "network",
  faces: "faces",
  total: "total",
};

/** Collects where photos' time went, for `--timings`. */
export class TimingsReport {
  readonly #photos: Record<Part, number>[] = [];

  /** @param decode milliseconds, which the detector did not see */
  add(timings: Timings, decode: number): void {
    const { prepare, gpu, faces, total } = timings;
    this.#photos.push({ decode, prepare, gpu, faces, total: total + decode });
  }

  /** One line to standard error: what it ran on, and the medians. */
  print(streams: Streams, { backend, threads }: Timed): void {
    const where = backend === "wasm" ? `wasm, ${threads} thread(s)` : backend;
    const parts = (Object.keys(NAMES) as Part[]).map(
      (part) => `${NAMES[part]} ${median(this.#photos.map((photo) => photo[part])).toFixed(1)}`,
    );
    const medians = `${this.#photos.length} photo(s), median ms: ${parts.join(", ")}`;
    streams.stderr.write(`retinaface: ${where}: ${medians}\n`);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
