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

/** When something went on, in milliseconds. */
export type Span = readonly [from: number, to: number];

/** Milliseconds in which at least one of the spans went on. */
export function covered(spans: readonly Span[]): number {
  let total = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return total;
}

/** Collects where photos' time went, for `--timings`. */
export class TimingsReport {
  readonly #start = performance.now();
  readonly #photos: Record<Part, number>[] = [];
  readonly #decoding: Span[] = [];
  readonly #network: Span[] = [];

  /** Called when a photo has been decoded. */
  decoded(milliseconds: number): void {
    const now = performance.now();
    this.#decoding.push([now - milliseconds, now]);
  }

  /**
   * Called when its faces are there.
   * @param decode milliseconds, which the detector did not see
   */
  add(timings: Timings, decode: number): void {
    const { prepare, gpu, faces, total } = timings;
    this.#photos.push({ decode, prepare, gpu, faces, total: total + decode });
    const end = performance.now() - faces;
    this.#network.push([end - gpu, end]);
  }

  /** To standard error: what it ran on and the medians; of several photos how much went on at a time. */
  print(streams: Streams, { backend, threads }: Timed): void {
    const where = backend === "wasm" ? `wasm, ${threads} thread(s)` : backend;
    const parts = (Object.keys(NAMES) as Part[]).map(
      (part) => `${NAMES[part]} ${median(this.#photos.map((photo) => photo[part])).toFixed(1)}`,
    );
    const medians = `${this.#photos.length} photo(s), median ms: ${parts.join(", ")}`;
    streams.stderr.write(`retinaface: ${where}: ${medians}\n`);
    if (this.#photos.length > 1) streams.stderr.write(`retinaface: ${this.#overlap()}\n`);
  }

  #overlap(): string {
    const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
    const [decoding, network] = [covered(this.#decoding), covered(this.#network)];
    const both = decoding + network - covered([...this.#decoding, ...this.#network]);
    return (
      `${this.#photos.length} photos in ${seconds(performance.now() - this.#start)}: ` +
      `decoding went on for ${seconds(decoding)} of it, the network for ${seconds(network)}, ` +
      `both at once for ${seconds(both)}`
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
