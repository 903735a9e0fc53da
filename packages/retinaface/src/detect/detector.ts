import {
  type Device,
  DeviceLostError,
  GpuOutOfMemoryError,
  type Precision,
} from "@retinaface-webgpu/tensor/inference";
import { checkDecoder, findWeights, toPixelSource } from "#platform";
import { parseDetectorConfig } from "../config.js";
import { resolveThresholds } from "../decode/thresholds.js";
import { NumericError, OptionError, RetinaFaceError } from "../errors.js";
import { capture } from "../image/capture.js";
import type { Size } from "../image/fit.js";
import type { BytesSource, ImageInput } from "../image/input.js";
import { checkDecodeOptions } from "../image/raw.js";
import { closeFrames, gatherSources, type PixelSource } from "../image/source.js";
import type { NetworkSource } from "../model/load.js";
import type { NetworkConfig } from "../model/network.js";
import type { KernelTuning } from "../tune/measure-kernels.js";
import type { DetectorConfig, Face, Thresholds } from "../types.js";
import type { Backend, BackendChoice, DetectorRuntime } from "./backend.js";
import type { DetectFilesOptions, detectFiles, FileResult } from "./files.js";
import { needMesh } from "./need-mesh.js";
import { type BackendOptions, checkBackend, openRuntime } from "./open-runtime.js";
import type { DetectCallOptions, DetectOptions } from "./options.js";
import { CallQueue } from "./queue.js";
import type { RuntimeParts } from "./runtime.js";
import { clipBoxes, groupBySize, type SizeGroup } from "./sizes.js";
import { sourceOf } from "./source.js";
import { FaceStream } from "./stream.js";
import type { detectAllAugmented } from "./test-time.js";
import { lap, noTimings, type Timings } from "./timings.js";
import { untilAborted } from "./until-aborted.js";

/** Options of `RetinaFace.load`. */
export interface LoadOptions extends DetectOptions {
  /**
   * A checkpoint: path or bytes in Node, URL or bytes in browsers, or `"light"` for the package's own light one; in Node an
   * ONNX model of RetinaFace's outputs too, where `@retinaface-webgpu/onnx` is installed. Default: in Node the file named by
   * `RETINAFACE_WEIGHTS`, then the bundled weights, then what `retinaface pull` fetched.
   */
  weights?: BytesSource | undefined;
  /** Run on this device; it stays the caller's to destroy. Default: a device of the detector's own. */
  device?: Device | undefined;
  /**
   * What to run on: `webgpu`, `wasm` (the processors, by WebAssembly), or `auto`, the default: WebGPU where there is a
   * graphics card or an option asks for what only it has (`device`, `tune`, `f16`), else WebAssembly.
   */
  backend?: BackendChoice | undefined;
  /** Threads for `wasm`; default as many as there are processors, at most 8. One in pages without isolation. */
  threads?: number | undefined;
  /** Anchors, variances, thresholds; default those stored with the weights, else the published ones. */
  config?: Partial<DetectorConfig> | undefined;
  /**
   * How activations are stored between convolutions: `f16` halves their memory and needs the adapter's `shader-f16`.
   * Sums, weights and the heads' outputs are f32 either way. Default `f32`.
   */
  precision?: Precision | undefined;
  /** `measureKernels()`: choose convolution kernels by measuring them on this adapter. Default: by rules. */
  tune?: KernelTuning | undefined;
}

/** Calls under way at a time: while the GPU works for one, the next is decoded and uploaded. */
const CALLS_IN_FLIGHT = 2;

/**
 * Finds faces and their landmarks.
 *
 *     const detector = await RetinaFace.load();
 *     const faces = await detector.detect("photo.jpg");
 *     detector.dispose();
 */
export class RetinaFace {
  readonly config: DetectorConfig;
  readonly network: NetworkConfig;
  /** What calls go by that give none: of `load`'s options, else stored with the weights, else the published ones. */
  readonly thresholds: Readonly<Thresholds>;
  readonly #parts: RuntimeParts;
  readonly #defaults: DetectOptions;
  readonly #options: BackendOptions;
  readonly #queue = new CallQueue(CALLS_IN_FLIGHT);
  #runtime: DetectorRuntime;
  #disposed = false;

  private constructor(
    runtime: DetectorRuntime,
    parts: RuntimeParts,
    defaults: DetectOptions,
    options: BackendOptions,
  ) {
    this.#runtime = runtime;
    this.config = parts.config;
    this.network = parts.network;
    this.thresholds = resolveThresholds(defaults, resolveThresholds(parts.config.thresholds));
    this.#parts = parts;
    this.#defaults = defaults;
    this.#options = options;
  }

  /**
   * Reads weights and prepares a detector.
   *
   * @throws WeightsNotFoundError, CheckpointError, StateDictMismatchError for weights;
   * WebGpuUnavailableError for `webgpu` without an adapter, WasmUnavailableError where WebAssembly does not run;
   * RetinaFaceError `PRECISION_UNAVAILABLE` for `f16` without `shader-f16`; OptionError for options out of range.
   */
  static async load(options: LoadOptions = {}): Promise<RetinaFace> {
    const { weights, device, backend = "auto", threads, ...others } = options;
    const { config: overrides, precision = "f32", tune, ...rest } = others;
    resolveThresholds(rest);
    if (precision !== "f32" && precision !== "f16") {
      throw new OptionError(`precision must be f32 or f16, got ${precision}`);
    }
    if (tune && typeof tune !== "function") throw new OptionError("tune takes measureKernels()");
    const where = { backend, threads, device };
    const kernels = { precision, tune };
    checkBackend(where, kernels);
    await checkDecoder(rest.decoder);
    const reading = readNetwork(weights, overrides);
    const runtime = await openRuntime(where, kernels, reading);
    return new RetinaFace(runtime, { ...(await reading), ...kernels }, rest, where);
  }

  /** What the detector runs on; after a loss without a new adapter another than before. */
  get backend(): Backend {
    return this.#runtime.backend;
  }

  /** Threads of the WebAssembly engine; 0 on a GPU. */
  get threads(): number {
    return this.#runtime.threads;
  }

  /** The device in use, another one after a loss; with `wasm` one that holds parameters and computes nothing. */
  get device(): Device {
    return this.#runtime.device;
  }

  /**
   * Finds the faces of one image. Its pixels or bytes are taken before the promise is returned: the caller may
   * use their memory again at once. Those that `toRawImage` decoded are not copied and must stay as they are.
   *
   * @returns faces scoring at least `visThreshold`, best first, in pixels of the upright original.
   * @throws ImageError for an image that cannot be used, OptionError, RetinaFaceError
   * `GPU_OUT_OF_MEMORY` for one too large for the GPU, `HALF_OVERFLOW` for numbers too large for `f16` and `NO_MESH` for
   * `mesh` with weights that have no branch for it,
   * DeviceLostError (the next call works again), the signal's reason when aborted.
   */
  async detect(image: ImageInput, options: DetectCallOptions = {}): Promise<Face[]> {
    const [faces] = await this.detectBatch([image], options);
    return faces;
  }

  /** Finds the faces of several images; those of equal size go through the network together. */
  async detectBatch(
    images: readonly ImageInput[],
    options: DetectCallOptions = {},
  ): Promise<Face[][]> {
    const settings = this.#settings(options);
    if (options.testTime) {
      return augmentedLater(this, images.map(capture), options, settings.thresholds);
    }
    const { signal, onTimings } = options;
    signal?.throwIfAborted();
    const { timings } = settings;
    const captured = images.map(capture);
    const called = performance.now();
    const call = this.#queue.run(
      async () => {
        signal?.throwIfAborted();
        this.#assertUsable();
        const start = performance.now();
        const { truncated, decode, decoder, maxSide, minSide } = settings;
        const decoding = { signal, truncated, decode, decoder, maxSide, minSide };
        const sources = await gatherSources(captured.map((one) => toPixelSource(one, decoding)));
        lap(timings, "decode", start);
        return sources;
      },
      async (sources) => {
        try {
          signal?.throwIfAborted();
          this.#assertUsable();
          const start = performance.now();
          await this.#recover();
          lap(timings, "prepare", start);
          return await this.#submit(sources, settings, signal);
        } finally {
          closeFrames(sources);
        }
      },
    );
    const faces = await untilAborted(call, signal);
    lap(timings, "total", called);
    onTimings?.(timings);
    return faces;
  }

  /** For video: finds faces in frames as they come, and drops those it has no time for. */
  stream(options: DetectCallOptions = {}): FaceStream {
    this.#settings(options);
    return new FaceStream(this, options);
  }

  /**
   * Finds the faces of many images one after the other, in their order: reading and decoding (in threads, in Node) go
   * on beside the network, and no more images are held than are under way. An image that fails is a result with an
   * `error` in place of `faces`, and does not stop the others.
   *
   *     for await (const { file, faces, error } of detector.detectFiles(paths, { maxSide: 640 })) …
   *
   * @param files may be an asynchronous iterable, and endless
   * @throws OptionError; the signal's reason when aborted. Leaving the loop ends what was begun.
   */
  detectFiles(
    files: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: DetectFilesOptions = {},
  ): AsyncGenerator<FileResult, void, undefined> {
    const { maxSide, minSide, truncated, decode, decoder } = this.#settings(options);
    const decoding = { maxSide, minSide, truncated, decode, decoder };
    return filesLater(this, files, { ...options, ...decoding });
  }

  /** Frees the weights and, if the detector made it, the device; pending calls are rejected. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#runtime.dispose();
  }

  #settings(options: DetectCallOptions): Settings {
    const thresholds = resolveThresholds(options, this.thresholds);
    const { maxSide = this.#defaults.maxSide, minSide = this.#defaults.minSide } = options;
    for (const [name, side] of Object.entries({ maxSide, minSide })) {
      if (side === undefined || (Number.isSafeInteger(side) && side >= 1)) continue;
      throw new OptionError(`${name} must be a whole number of at least 1, got ${side}`);
    }
    const { clip = this.#defaults.clip ?? false, profile = false, mesh = false } = options;
    if (mesh) this.#checkMesh(options);
    const truncated = options.truncated ?? this.#defaults.truncated;
    const decode = options.decode ?? this.#defaults.decode;
    const decoder = options.decoder ?? this.#defaults.decoder;
    const decoding = { truncated, decode, decoder };
    checkDecodeOptions(decoding);
    const free = maxSide === undefined && minSide === undefined;
    const sides = { maxSide, minSide, within: free ? this.#parts.within : undefined };
    return { thresholds, ...sides, clip, ...decoding, profile, mesh, timings: noTimings() };
  }

  #checkMesh({ testTime }: DetectCallOptions): void {
    needMesh(this.network);
    if (!testTime) return;
    throw new OptionError("meshes are of one look at the image: leave testTime out, or mesh");
  }

  #assertUsable(): void {
    if (this.#disposed) {
      throw new RetinaFaceError("DISPOSED", "The detector was disposed: load another one.");
    }
  }

  /** Moves to a fresh device or engine when the present one is gone. */
  async #recover(): Promise<void> {
    const { backend, isLost } = this.#runtime;
    if (!isLost) return;
    if (this.#options.device) throw new DeviceLostError("unknown", "the device given to load()");
    const runtime = await openRuntime(this.#options, this.#parts, Promise.resolve(this.#parts));
    if (this.#disposed) runtime.dispose();
    this.#assertUsable();
    this.#runtime.dispose();
    this.#runtime = runtime;
    if (runtime.backend !== backend) {
      console.warn(
        `RetinaFace: no GPU after the loss of the last one: it runs on ${runtime.backend}.`,
      );
    }
  }

  /** Says what to do, and lets go of what ran out of memory. */
  #failed({ width, height, images }: SizeGroup, error: unknown): never {
    if (error instanceof NumericError && this.#parts.precision === "f16") {
      throw new RetinaFaceError(
        "HALF_OVERFLOW",
        `a number exceeds the 65504 of f16: load the detector with precision f32 (${error.message})`,
        { cause: error },
      );
    }
    const gpu = error instanceof GpuOutOfMemoryError;
    const wasm = (error as { code?: unknown }).code === "WASM_OUT_OF_MEMORY";
    if (!(gpu || wasm) || this.#runtime.isLost) throw error;
    this.#runtime.reset();
    this.device.trim();
    const remedy = images.length > 1 ? "pass fewer images at once, or a smaller" : "pass a smaller";
    const whose = gpu ? "the GPU's memory" : "the memory of the WebAssembly engine";
    throw new RetinaFaceError(
      gpu ? "GPU_OUT_OF_MEMORY" : "OUT_OF_MEMORY",
      `${images.length} image(s) of ${width}×${height} do not fit ${whose}: ${remedy} maxSide. ` +
        (error as Error).message,
      { cause: error },
    );
  }

  /** Submits images in groups of one size; the function returned waits for the faces. */
  async #submit(
    sources: readonly PixelSource[],
    settings: Settings,
    signal?: AbortSignal,
  ): Promise<() => Promise<Face[][]>> {
    const result = new Array<Face[]>(sources.length);
    let rest = async () => {};
    for (const group of groupBySize(sources, settings)) {
      signal?.throwIfAborted();
      const found = await this.#start(group, settings);
      await rest();
      rest = async () => {
        const faces = await found();
        for (const [i, index] of group.indices.entries()) {
          const named = nameClasses(faces[i], this.config.classes);
          result[index] = settings.clip ? clipBoxes(named, sources[index]) : named;
        }
      };
    }
    return async () => {
      await rest();
      return result;
    };
  }

  /** Submits a group. */
  async #start(group: SizeGroup, settings: Settings): Promise<() => Promise<Face[][]>> {
    const { width, height, images } = group;
    const { thresholds, timings, profile, mesh } = settings;
    try {
      const start = performance.now();
      const engine = await this.#runtime.engine(images.length, height, width, mesh);
      await engine.prepare(images);
      lap(timings, "prepare", start);
      const run = profile ? engine.profile : engine.run;
      const faces = run
        .call(engine, images, thresholds, timings)
        .catch((error) => this.#failed(group, error));
      faces.catch(() => undefined);
      return () => faces;
    } catch (error) {
      return this.#failed(group, error);
    }
  }
}

/** Reads a detector's network. @throws WeightsNotFoundError, CheckpointError, OptionError */
async function readNetwork(
  weights: BytesSource | undefined,
  overrides: Partial<DetectorConfig> | undefined,
): Promise<NetworkSource> {
  const bytes = await findWeights(weights);
  return sourceOf(bytes, overrides ? parseDetectorConfig(overrides) : {});
}

/** `testTime`, whose code is taken when it is used. */
async function augmentedLater(
  ...args: Parameters<typeof detectAllAugmented>
): ReturnType<typeof detectAllAugmented> {
  const augmented = await import("./test-time.js");
  return augmented.detectAllAugmented(...args);
}

/** `detectFiles`, whose code is taken when it is used: pages of one picture at a time go without. */
async function* filesLater(
  ...args: Parameters<typeof detectFiles>
): ReturnType<typeof detectFiles> {
  const files = await import("./files.js");
  yield* files.detectFiles(...args);
}

/** Gives faces the names of their classes; with one class it is that of all. */
function nameClasses(faces: Face[], classes?: readonly string[]): Face[] {
  if (classes) for (const face of faces) face.class = classes[(face.label ?? 1) - 1];
  return faces;
}

interface Settings {
  readonly thresholds: Thresholds;
  readonly maxSide: number | undefined;
  readonly within: Size | undefined;
  readonly minSide: number | undefined;
  readonly clip: boolean;
  readonly truncated: DetectOptions["truncated"];
  readonly decode: DetectOptions["decode"];
  readonly decoder: DetectOptions["decoder"];
  readonly profile: boolean;
  readonly mesh: boolean;
  readonly timings: Timings;
}
