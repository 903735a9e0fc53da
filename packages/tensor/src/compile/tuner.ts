/**
 * Measures convolution variants on the user's own adapter and remembers the fastest.
 *
 * The kernels' chooser picks by shape and limits, which is right for adapters it was written on. A tuner
 * replaces it by measurement: for every convolution of a network it times all variants that can run it,
 * in turn over several rounds so that a busy moment hits all alike, and keeps the one with the best
 * median. Results are stored by adapter name, so they are measured once.
 *
 * Variants differ in rounding: the same weights on another adapter may give other last digits.
 */
import {
  bindConv2d,
  type Conv2dParts,
  type Conv2dSpec,
  conv2d,
  conv2dOutputSize,
  conv2dVariants,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";
import type { BufferBinding } from "../device/recorder.js";
import { conv2dTraits } from "../ops/conv2d.js";
import { Storage } from "../tensor.js";
import type { VariantChooser } from "./steps.js";

/** Keeps a tuner's results between runs, as text. */
export interface TunerStore {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

type Choices = Record<string, string>;

const ROUNDS = 5;
/** Dispatches a round should last at least this long, so that the wait for the device does not count. */
const ROUND_MILLISECONDS = 4;
const MOST_REPEATS = 64;

/** Picks convolution variants by measurement. */
export class ConvTuner {
  readonly #device: Device;
  readonly #store: TunerStore | undefined;
  readonly #all: Record<string, Choices>;
  readonly #choices: Choices;

  private constructor(device: Device, store: TunerStore | undefined, all: Record<string, Choices>) {
    this.#device = device;
    this.#store = store;
    this.#all = all;
    all[device.adapter.name] ??= {};
    this.#choices = all[device.adapter.name];
  }

  /** Opens a tuner with what the store remembers; a damaged store counts as empty. */
  static async open(device: Device, store?: TunerStore): Promise<ConvTuner> {
    return new ConvTuner(device, store, parse(await store?.read()));
  }

  /** The measured choice, for `compile`; undefined (the kernels' own choice) where nothing is known. */
  readonly choose: VariantChooser = (spec) => {
    const name = this.#choices[keyOf(spec)];
    return name && this.#variants(spec).includes(name) ? name : undefined;
  };

  /**
   * Measures the convolutions that are not known yet and stores the result.
   * @returns how many were measured
   */
  async tune(specs: readonly Conv2dSpec[]): Promise<number> {
    const unknown = new Map(
      specs.filter((spec) => !(keyOf(spec) in this.#choices)).map((spec) => [keyOf(spec), spec]),
    );
    for (const [key, spec] of unknown) {
      const variants = this.#variants(spec);
      this.#choices[key] = variants.length > 1 ? await this.#fastest(spec, variants) : variants[0];
    }
    if (unknown.size > 0) await this.#store?.write(JSON.stringify(this.#all));
    return unknown.size;
  }

  #variants(spec: Conv2dSpec): string[] {
    return conv2dVariants(spec, conv2dTraits(this.#device));
  }

  async #fastest(spec: Conv2dSpec, variants: readonly string[]): Promise<string> {
    const runs = variants.map((name) => makeRun(this.#device, spec, name));
    const times = variants.map((): number[] => []);
    try {
      for (const run of runs) await run.prepare();
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, run] of runs.entries()) times[i].push(await run.time());
      }
    } finally {
      for (const run of runs) run.release();
    }
    const medians = times.map(median);
    return variants[medians.indexOf(Math.min(...medians))];
  }
}

function parse(text: string | undefined): Record<string, Choices> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return value !== null && typeof value === "object" ? (value as Record<string, Choices>) : {};
  } catch {
    return {};
  }
}

/** What the time depends on: everything but the activation, which is a parameter of all variants. */
function keyOf(spec: Conv2dSpec): string {
  const { activation: _, ...rest } = spec;
  return JSON.stringify(rest, Object.keys(rest).concat("order", "height", "width").sort());
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** One variant with buffers of its own, ready to be timed. */
function makeRun(device: Device, spec: Conv2dSpec, variant: string) {
  const launch = conv2d(spec, conv2dTraits(device), variant);
  const [height, width] = conv2dOutputSize(spec);
  const inputs = spec.batch * spec.inHeight * spec.inWidth * (spec.inStride ?? spec.inChannels);
  const outputs = spec.batch * height * width * (spec.outStride ?? spec.outChannels);
  const { residual } = spec;
  const added = residual ? spec.batch * residual.height * residual.width * spec.outChannels : 0;
  const storages = [inputs, launch.packedLength, added, outputs].map((elements) => {
    const storage = new Storage(device, Math.max(1, elements) * 4, `tuning ${variant}`);
    storage.retain();
    device.clear(storage.buffer);
    return storage;
  });
  const [input, packed, addend, output] = storages.map(({ buffer }) => ({
    buffer: buffer.buffer,
    size: buffer.bytes,
  }));
  const parts: Conv2dParts<BufferBinding> = {
    input,
    output,
    residual: residual && addend,
    packed: (offset, size) => ({ buffer: packed.buffer, offset: offset * 4, size: size * 4 }),
  };
  let repeats = 1;
  const dispatch = () => {
    for (const one of launch.dispatches) device.run(one.kernel, bindConv2d(one, parts));
  };
  const measure = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) dispatch();
    await device.sync();
    return performance.now() - start;
  };
  return {
    async prepare() {
      await measure();
      const once = await measure();
      repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(ROUND_MILLISECONDS / once)));
    },
    time: async () => (await measure()) / repeats,
    release: () => {
      for (const storage of storages) storage.release();
    },
  };
}
