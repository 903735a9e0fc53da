import {
  Device,
  DeviceLostError,
  GpuOutOfMemoryError,
  type Precision,
} from "@retinaface-webgpu/tensor/inference";
import { findWeights, toPixelSource } from "#platform";
import { parseDetectorConfig } from "../config.js";
import { resolveThresholds } from "../decode/postprocess.js";
import { NumericError, OptionError, RetinaFaceError } from "../errors.js";
import type { BytesSource, ImageInput } from "../image/input.js";
import { closeFrames, gatherSources, type PixelSource } from "../image/source.js";
import { inferNetwork } from "../model/infer.js";
import type { NetworkConfig } from "../model/network.js";
import type { KernelTuning } from "../tune/measure-kernels.js";
import type { DetectorConfig, Face, Thresholds } from "../types.js";
import { DEFAULT_CONFIG } from "../types.js";
import { readCheckpointConfig } from "../weights/config.js";
import { readCheckpoint } from "../weights/index.js";
import type { DetectCallOptions, DetectOptions } from "./options.js";
import { CallQueue } from "./queue.js";
import { Runtime, type RuntimeParts } from "./runtime.js";
import { FaceStream } from "./stream.js";
import { lap, noTimings, type Timings } from "./timings.js";

/** Options of `RetinaFace.load`. */
export interface LoadOptions extends DetectOptions {
  /**
   * A checkpoint: path or bytes in Node, URL or bytes in browsers. Default: in Node the file named by
   * `RETINAFACE_WEIGHTS`, then the bundled weights, then what `retinaface pull` fetched.
   */
  weights?: BytesSource;
  /** Run on this device; it stays the caller's to destroy. Default: a device of the detector's own. */
  device?: Device;
  /** Anchors and variances; default those stored with the weights, else the published ones. */
  config?: Partial<DetectorConfig>;
  /**
   * How activations are stored between convolutions: `f16` halves their memory and needs the adapter's `shader-f16`.
   * Sums, weights and the heads' outputs are f32 either way. Default `f32`.
   */
  precision?: Precision;
  /** `measureKernels()`: choose convolution kernels by measuring them on this adapter. Default: by rules. */
  tune?: KernelTuning;
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
  readonly #parts: RuntimeParts;
  readonly #defaults: DetectOptions;
  readonly #ownsDevice: boolean;
  readonly #queue = new CallQueue(CALLS_IN_FLIGHT);
  #runtime: Runtime;
  #disposed = false;

  private constructor(
    runtime: Runtime,
    parts: RuntimeParts,
    defaults: DetectOptions,
    ownsDevice: boolean,
  ) {
    this.#runtime = runtime;
    this.config = parts.config;
    this.network = parts.network;
    this.#parts = parts;
    this.#defaults = defaults;
    this.#ownsDevice = ownsDevice;
  }

  /**
   * Reads weights and prepares a detector.
   *
   * @throws WeightsNotFoundError, CheckpointError, StateDictMismatchError for weights;
   * WebGpuUnavailableError without an adapter; RetinaFaceError `PRECISION_UNAVAILABLE` for `f16` without `shader-f16`;
   * OptionError for options out of range.
   */
  static async load(options: LoadOptions = {}): Promise<RetinaFace> {
    const { weights, device: given, config: overrides, precision = "f32", tune, ...rest } = options;
    resolveThresholds(rest);
    if (precision !== "f32" && precision !== "f16") {
      throw new OptionError(`precision must be f32 or f16, got ${precision}`);
    }
    if (tune && typeof tune !== "function") throw new OptionError("tune takes measureKernels()");
    const bytes = await findWeights(weights);
    const state = readCheckpoint(bytes);
    const config = {
      ...DEFAULT_CONFIG,
      ...readCheckpointConfig(bytes),
      ...(overrides && parseDetectorConfig(overrides)),
    };
    const network = inferNetwork(state, config.heads);
    const device = given ?? (await Device.create());
    try {
      const parts = { config, network, state, precision, tune };
      const runtime = new Runtime(device, parts);
      await device.sync();
      return new RetinaFace(runtime, parts, rest, given === undefined);
    } catch (error) {
      if (!given) device.destroy();
      throw error;
    }
  }

  /** The device in use; another one after a loss. */
  get device(): Device {
    return this.#runtime.device;
  }

  /**
   * Finds the faces of one image.
   *
   * @returns faces scoring at least `visThreshold`, best first, in pixels of the upright original.
   * @throws ImageError for an image that cannot be used, OptionError, RetinaFaceError
   * `GPU_OUT_OF_MEMORY` for one too large for the GPU and `HALF_OVERFLOW` for numbers too large for `f16`,
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
    const { signal, onTimings } = options;
    signal?.throwIfAborted();
    const { timings } = settings;
    const called = performance.now();
    const call = this.#queue.run(
      async () => {
        signal?.throwIfAborted();
        this.#assertUsable();
        const start = performance.now();
        const sources = await gatherSources(images.map((image) => toPixelSource(image)));
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

  /** Frees the weights and, if the detector made it, the device; pending calls are rejected. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#runtime.device.isLost) this.#runtime.dispose();
    if (this.#ownsDevice) this.#runtime.device.destroy();
  }

  #settings(options: DetectCallOptions): Settings {
    const thresholds = resolveThresholds(options, resolveThresholds(this.#defaults));
    const maxSide = options.maxSide ?? this.#defaults.maxSide;
    if (maxSide !== undefined && !(Number.isSafeInteger(maxSide) && maxSide >= 1)) {
      throw new OptionError(`maxSide must be a whole number of at least 1, got ${maxSide}`);
    }
    return { thresholds, maxSide, profile: options.profile ?? false, timings: noTimings() };
  }

  #assertUsable(): void {
    if (this.#disposed) {
      throw new RetinaFaceError("DISPOSED", "The detector was disposed: load another one.");
    }
  }

  /** Moves to a fresh device when the present one is gone. */
  async #recover(): Promise<void> {
    if (!this.#runtime.device.isLost) return;
    if (!this.#ownsDevice) throw new DeviceLostError("unknown", "the device given to load()");
    const device = await Device.create();
    try {
      this.#runtime = new Runtime(device, this.#parts);
    } catch (error) {
      device.destroy();
      throw error;
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
    if (!(error instanceof GpuOutOfMemoryError) || this.device.isLost) throw error;
    this.#runtime.reset();
    this.device.trim();
    const remedy = images.length > 1 ? "pass fewer images at once, or a smaller" : "pass a smaller";
    throw new RetinaFaceError(
      "GPU_OUT_OF_MEMORY",
      `${images.length} image(s) of ${width}×${height} do not fit the GPU's memory: ${remedy} maxSide. ` +
        error.message,
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
    for (const group of groupBySize(sources, settings.maxSide)) {
      signal?.throwIfAborted();
      const found = await this.#start(group, settings);
      await rest();
      rest = async () => {
        const faces = await found();
        for (const [i, index] of group.indices.entries()) result[index] = faces[i];
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
    const { thresholds, timings, profile } = settings;
    try {
      const start = performance.now();
      const engine = await this.#runtime.engine(images.length, height, width);
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

interface Settings {
  readonly thresholds: Thresholds;
  readonly maxSide: number | undefined;
  readonly profile: boolean;
  readonly timings: Timings;
}

interface SizeGroup {
  readonly width: number;
  readonly height: number;
  readonly images: PixelSource[];
  readonly indices: number[];
}

/** Images by the size at which the network sees them. */
function groupBySize(images: readonly PixelSource[], maxSide: number | undefined): SizeGroup[] {
  const groups = new Map<string, SizeGroup>();
  for (const [i, image] of images.entries()) {
    const scale = Math.min(
      1,
      (maxSide ?? Number.POSITIVE_INFINITY) / Math.max(image.width, image.height),
    );
    const width = Math.max(1, Math.round(image.width * scale));
    const height = Math.max(1, Math.round(image.height * scale));
    const key = `${width}x${height}`;
    const group = groups.get(key) ?? { width, height, images: [], indices: [] };
    group.images.push(image);
    group.indices.push(i);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Gives up waiting when the signal comes; what was submitted runs out by itself. */
function untilAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
