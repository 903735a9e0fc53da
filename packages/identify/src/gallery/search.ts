import { Device, probeAdapter } from "@retinaface-webgpu/tensor/inference";
import type { WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { type Backend, type BackendChoice, OptionError } from "retinaface-webgpu";
import { type Answer, answerOf, checkMatch, type MatchOptions } from "./answer.js";
import { type Combine, type Gallery, type GalleryRows, unitVector } from "./gallery.js";
import { GpuProducts } from "./gpu-products.js";
import { MOST_QUERIES, type RowProducts } from "./products.js";
import { topMatches } from "./top.js";

export interface SearchOptions {
  /** As of detectors; default `auto`. */
  readonly backend?: BackendChoice | undefined;
  /** Threads for the WebAssembly engine. */
  readonly threads?: number | undefined;
  /** A device or an engine that is there already; it stays the caller's. */
  readonly device?: Device | undefined;
  readonly engine?: WasmEngine | undefined;
  /** Instead of what the gallery says. */
  readonly combine?: Combine | undefined;
}

/**
 * A gallery laid out for exact search: similarities to all rows as one matrix product on the engine, in pieces where its limits
 * ask for that. It answers for the gallery as it was when it was opened.
 */
export class GallerySearch {
  readonly backend: Backend;
  readonly #rows: GalleryRows;
  readonly #dimensions: number;
  readonly #threshold: number | undefined;
  readonly #products: RowProducts;
  readonly #close: () => void;

  /** Use {@link openSearch}. */
  constructor(
    gallery: Gallery,
    rows: GalleryRows,
    backend: Backend,
    products: RowProducts,
    close: () => void,
  ) {
    this.backend = backend;
    this.#rows = rows;
    this.#dimensions = gallery.dimensions;
    this.#threshold = gallery.threshold?.value;
    this.#products = products;
    this.#close = close;
  }

  /**
   * Who faces are.
   *
   * @param vectors one a face, of any length but 0
   * @throws OptionError, EmbeddingError; as the engine
   */
  async match(
    vectors: readonly ArrayLike<number>[],
    options: MatchOptions = {},
  ): Promise<Answer[]> {
    const { limit, threshold = this.#threshold } = checkMatch(options);
    const units = vectors.map((vector) => unitVector(vector, this.#dimensions));
    const answers: Answer[] = [];
    for (let from = 0; from < units.length; from += MOST_QUERIES) {
      const part = units.slice(from, from + MOST_QUERIES);
      const similarities = await this.#similarities(part);
      for (const query of part.keys()) {
        const choice = { query, queries: part.length, limit };
        answers.push(answerOf(topMatches(this.#rows, similarities, choice), threshold));
      }
    }
    return answers;
  }

  #similarities(part: readonly Float32Array[]): Promise<Float32Array> | Float32Array {
    if (this.#rows.owners.length === 0) return new Float32Array();
    const queries = new Float32Array(part.length * this.#dimensions);
    for (const [i, vector] of part.entries()) queries.set(vector, i * this.#dimensions);
    return this.#products.times(queries, part.length);
  }

  /** Gives the rows' memory back, and the engine that was started for them. */
  dispose(): void {
    this.#products.dispose();
    this.#close();
  }
}

/**
 * Lays a gallery out for search.
 *
 * @throws OptionError; WebGpuUnavailableError, WasmUnavailableError; GpuOutOfMemoryError, WasmOutOfMemoryError
 */
export async function openSearch(
  gallery: Gallery,
  options: SearchOptions = {},
): Promise<GallerySearch> {
  const rows = gallery.rows(options.combine);
  const input = { rows, dimensions: gallery.dimensions };
  const backend = await choose(options);
  if (backend === "webgpu") {
    const device = options.device ?? (await Device.create());
    const close = () => options.device ?? device.destroy();
    const products = await closingOnFailure(close, () => GpuProducts.create(device, input));
    return new GallerySearch(gallery, rows, backend, products, close);
  }
  const { WasmEngine } = await import("@retinaface-webgpu/tensor/wasm");
  const { WasmProducts } = await import("./wasm-products.js");
  const engine = options.engine ?? (await WasmEngine.create({ threads: options.threads }));
  const close = () => options.engine ?? engine.dispose();
  const products = await closingOnFailure(close, () => WasmProducts.create(engine, input));
  return new GallerySearch(gallery, rows, backend, products, close);
}

async function closingOnFailure<T>(close: () => void, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    close();
    throw error;
  }
}

/** What `auto` means here: what is given, else the GPU where there is a graphics card. */
async function choose({ backend = "auto", device, engine }: SearchOptions): Promise<Backend> {
  if ((device && engine) || (device && backend === "wasm") || (engine && backend === "webgpu")) {
    throw new OptionError("give the device for webgpu, or the engine for wasm");
  }
  if (backend !== "auto") return backend;
  if (device) return "webgpu";
  if (engine) return "wasm";
  const adapter = await probeAdapter();
  return adapter && !adapter.software ? "webgpu" : "wasm";
}
