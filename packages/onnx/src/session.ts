import { Device, type Precision, type TensorInfo } from "@retinaface-webgpu/tensor/inference";
import { readFileBytes } from "#platform";
import { OnnxError } from "./errors.js";
import { type Feeds, type OnnxInput, readFeeds } from "./feeds.js";
import { checkOperators } from "./import/evaluate.js";
import { type OnnxModel, type OnnxValueInfo, readOnnx } from "./model/model.js";
import { chooseBackend, openGpu, openWasm, type Prepared, type Runner } from "./runner.js";

/** Options of {@link loadOnnx}. */
export interface OnnxOptions {
  /**
   * What computes: `webgpu`, `wasm` (the processors, by WebAssembly), or `auto`, the default: WebGPU where there is a
   * graphics card or an option asks for what only it has, else WebAssembly.
   */
  readonly backend?: "auto" | "webgpu" | "wasm" | undefined;
  /** Threads for `wasm`; default as many as there are processors, at most 8. */
  readonly threads?: number | undefined;
  /** Run on this device; it stays the caller's to destroy. */
  readonly device?: Device | undefined;
  /** `f16` halves the memory of activations between convolutions; needs `shader-f16`. Default `f32`. */
  readonly precision?: Precision | undefined;
}

/** An output. */
export interface OnnxOutput {
  /** Row by row; floats of any width as Float32Array, integers and booleans as Int32Array. */
  readonly data: Float32Array | Float64Array | Int32Array | Uint32Array;
  readonly shape: readonly number[];
}

/** What a model is: the bytes of an ONNX file, its path in Node or its address in browsers. */
export type OnnxSource = Uint8Array | ArrayBuffer | string | URL;

/** Plans kept for shapes seen before. */
const MOST_PLANS = 4;

/**
 * A model that runs. For each new set of input shapes a plan is compiled, and the last few are kept.
 *
 *     const model = await loadOnnx("model.onnx");
 *     const { scores } = await model.run({ input: { data: pixels, shape: [1, 3, 240, 320] } });
 *     model.dispose();
 */
export class OnnxSession {
  readonly model: OnnxModel;
  readonly #options: OnnxOptions;
  readonly #plans = new Map<string, Promise<Prepared>>();
  #runner: Runner;
  #turn: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(model: OnnxModel, runner: Runner, options: OnnxOptions) {
    this.model = model;
    this.#runner = runner;
    this.#options = options;
  }

  /** Inputs that `run` takes. */
  get inputs(): readonly OnnxValueInfo[] {
    return this.model.inputs;
  }

  get outputs(): readonly OnnxValueInfo[] {
    return this.model.outputs;
  }

  get backend(): "webgpu" | "wasm" {
    return this.#runner.backend;
  }

  /**
   * Computes the outputs. Calls wait for one another. Inputs of int64 with up to sixteen numbers in at most one axis, such
   * as shapes, are part of the plan: another plan is compiled for others.
   *
   * @param inputs by name; numbers alone where the model states all sides
   * @throws OnnxError `ONNX_INPUT` for other inputs than the model takes, `ONNX_INVALID` for a model whose shapes do not
   * fit, OnnxUnsupportedError naming what lacks; WasmUnsupportedError with `wasm`; GpuOutOfMemoryError
   */
  run(inputs: Readonly<Record<string, OnnxInput>>): Promise<Record<string, OnnxOutput>> {
    const feeds = readFeeds(this.model, inputs);
    const result = this.#turn.then(() => this.#run(feeds));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** The shapes that the outputs have for inputs of these shapes; nothing runs. @throws as `run` */
  async outputShapes(
    shapes: Readonly<Record<string, readonly number[]>>,
  ): Promise<Record<string, readonly number[]>> {
    const inputs = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const count = shape.reduce((a, b) => a * b, 1);
        return [name, { data: new Float32Array(count), shape }];
      }),
    );
    const { outputs } = await this.#prepared(readFeeds(this.model, inputs));
    return Object.fromEntries(outputs.map(({ name, shape }) => [name, shape]));
  }

  /** Frees weights, plans and the device or engine that it made. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#forget();
    this.#runner.dispose();
  }

  async #run(feeds: Feeds): Promise<Record<string, OnnxOutput>> {
    const prepared = await this.#prepared(feeds);
    const results = await prepared.run(feeds.computed.map(({ data }) => data));
    return Object.fromEntries(
      prepared.outputs.map(({ name, shape, known }, i) => [
        name,
        { data: known ? known.data : results[i]!, shape },
      ]),
    );
  }

  #prepared(feeds: Feeds): Promise<Prepared> {
    if (this.#disposed) {
      throw new OnnxError("ONNX_DISPOSED", "The model was disposed: load it again.");
    }
    const known = this.#plans.get(feeds.key);
    const plan = known ?? this.#prepare(feeds);
    this.#plans.delete(feeds.key);
    this.#plans.set(feeds.key, plan);
    plan.catch(() => this.#plans.delete(feeds.key));
    for (const [key, old] of this.#plans) {
      if (this.#plans.size <= MOST_PLANS) break;
      this.#plans.delete(key);
      old.then((each) => each.dispose());
    }
    return plan;
  }

  async #prepare(feeds: Feeds): Promise<Prepared> {
    const infos = feeds.computed.map(({ info }): TensorInfo => info);
    try {
      return await this.#runner.prepare(feeds.order, infos);
    } catch (error) {
      const { code } = error as { code?: unknown };
      const { backend = "auto" } = this.#options;
      if (code !== "WASM_UNSUPPORTED" || backend !== "auto") throw error;
      const device = await Device.create().catch(() => undefined);
      if (!device) throw error;
      console.warn(`loadOnnx: it runs on webgpu, as ${(error as Error).message}`);
      this.#forget();
      this.#runner.dispose();
      this.#runner = openGpu(this.model, device, true, this.#options.precision);
      return this.#runner.prepare(feeds.order, infos);
    }
  }

  #forget(): void {
    for (const plan of this.#plans.values()) {
      plan.then(
        (each) => each.dispose(),
        () => undefined,
      );
    }
    this.#plans.clear();
  }
}

async function bytesOf(source: OnnxSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source === "string" || source instanceof URL) return readFileBytes(source);
  throw new OnnxError("ONNX_INPUT", "A model is bytes, or the path or address of an ONNX file.");
}

/**
 * Loads an ONNX model: float models of ONNX's own operators, opset 7 to 26.
 *
 * @throws OnnxError `ONNX_FORMAT`, `ONNX_INVALID`, `ONNX_EXTERNAL_DATA`; OnnxUnsupportedError naming all operators that
 * lack; WebGpuUnavailableError for `webgpu` without an adapter, WasmUnavailableError; the system's errors for files
 */
export async function loadOnnx(
  source: OnnxSource,
  options: OnnxOptions = {},
): Promise<OnnxSession> {
  const model = readOnnx(await bytesOf(source));
  checkOperators(model);
  const backend = await chooseBackend(options);
  if (backend === "wasm") {
    return new OnnxSession(model, await openWasm(model, options.threads), options);
  }
  const device = options.device ?? (await Device.create());
  const runner = openGpu(model, device, options.device === undefined, options.precision);
  return new OnnxSession(model, runner, options);
}

/**
 * Runs a model once: loads it, computes, and gives everything back.
 *
 * @param inputs by name; numbers alone where the model states all sides
 * @throws as {@link loadOnnx} and `OnnxSession.run`
 */
export async function runOnnx(
  source: OnnxSource,
  inputs: Readonly<Record<string, OnnxInput>>,
  options: OnnxOptions = {},
): Promise<Record<string, OnnxOutput>> {
  const session = await loadOnnx(source, options);
  try {
    return await session.run(inputs);
  } finally {
    session.dispose();
  }
}
