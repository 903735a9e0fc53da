/**
 * Measures convolution variants on the user's own adapter and remembers the fastest.
 *
 * The kernels' chooser picks by shape and limits, which is right for adapters it was written on. A tuner
 * replaces it by measurement: for every convolution of a network it times all variants that can run it,
 * in turn over several rounds so that a busy moment hits all alike, and keeps the one with the best
 * median. One that takes twice as long as another in its first run is out at once: on some adapters it would take
 * minutes. Results are stored by adapter, by the convolution and the order of magnitude of its pixels, and by the texts of
 * the kernels, so they are measured once, and again when a driver that gives its version or the kernels have changed.
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
  offerMeasuredConv2d,
} from "@retinaface-webgpu/kernels-wgsl";
import { bytesPerElement, type DType } from "../core/dtype.js";
import { Storage } from "../core/storage.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { conv2dTraits, packedSlice } from "../ops/conv2d/forward.js";
import type { VariantChooser } from "./steps.js";

/** Keeps a tuner's results between runs, as text. */
export interface TunerStore {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

/** A measured choice, and the fingerprint of the variants it was made among. */
interface Choice {
  readonly variant: string;
  readonly among: string;
}

/** Choices by convolution. */
type Choices = Record<string, Choice>;

const ROUNDS = 5;
/** Dispatches a round should last at least this long, so that the wait for the device does not count. */
const ROUND_MILLISECONDS = 4;
const MOST_REPEATS = 64;
/** A first run this many times longer than the shortest is not measured further. */
const HOPELESS = 2;

/** Picks convolution variants by measurement. */
export class ConvTuner {
  readonly #device: Device;
  readonly #store: TunerStore | undefined;
  readonly #adapter: string;
  readonly #choices: Choices;
  readonly #candidates = new Map<string, Candidates>();

  private constructor(device: Device, store: TunerStore | undefined, all: Record<string, Choices>) {
    this.#device = device;
    this.#store = store;
    const { vendor, architecture, name } = device.adapter;
    this.#adapter = [vendor, architecture, name].join(" | ");
    this.#choices = all[this.#adapter] ?? {};
  }

  /** Opens a tuner with what the store remembers; a damaged store counts as empty. */
  static async open(device: Device, store?: TunerStore): Promise<ConvTuner> {
    offerMeasuredConv2d();
    return new ConvTuner(device, store, parse(await store?.read()));
  }

  /** The measured choice, for `compile`; undefined (the kernels' own choice) where nothing is known. */
  readonly choose: VariantChooser = (spec) => {
    const key = keyOf(spec);
    const choice = this.#choices[key];
    if (!choice) return undefined;
    const { variants, fingerprint } = this.#candidatesOf(key, spec);
    const { variant, among } = choice;
    return among === fingerprint && variants.includes(variant) ? variant : undefined;
  };

  /**
   * Measures the convolutions that are not known yet, and stores each result at once: an end halfway loses none.
   * @param onMeasure called before there is anything to measure, with how many
   * @returns how many were measured
   */
  async tune(
    specs: readonly Conv2dSpec[],
    onMeasure?: (convolutions: number) => void,
  ): Promise<number> {
    const unknown = new Map(
      specs.filter((spec) => !this.choose(spec)).map((spec) => [keyOf(spec), spec]),
    );
    if (unknown.size > 0) onMeasure?.(unknown.size);
    for (const [key, spec] of unknown) {
      const { variants, fingerprint } = this.#candidatesOf(key, spec);
      const variant = variants.length > 1 ? await this.#fastest(spec, variants) : variants[0];
      this.#choices[key] = { variant, among: fingerprint };
      await this.#remember();
    }
    return unknown.size;
  }

  /** Adds the choices to what is stored by now: others may have written meanwhile. */
  async #remember(): Promise<void> {
    if (!this.#store) return;
    const all = parse(await this.#store.read());
    all[this.#adapter] = { ...all[this.#adapter], ...this.#choices };
    await this.#store.write(JSON.stringify(all));
  }

  #candidatesOf(key: string, spec: Conv2dSpec): Candidates {
    const known = this.#candidates.get(key);
    if (known) return known;
    const traits = conv2dTraits(this.#device);
    // In the order of their names: the kernels' own order depends on sizes that the key leaves out.
    const variants = conv2dVariants(spec, traits).sort();
    const texts = variants.map((name) => conv2d(spec, traits, name).dispatches[0].kernel.wgsl);
    const candidates = { variants, fingerprint: hash([...variants, ...texts].join("\n")) };
    this.#candidates.set(key, candidates);
    return candidates;
  }

  async #fastest(spec: Conv2dSpec, variants: readonly string[]): Promise<string> {
    const owned: Storage[] = [];
    const allocate = (bytes: number): BufferBinding => {
      const storage = new Storage(this.#device, Math.max(16, bytes), "tuning");
      storage.retain();
      owned.push(storage);
      this.#device.clear(storage.buffer);
      return { buffer: storage.buffer.buffer, size: storage.buffer.bytes };
    };
    try {
      const operands = operandsOf(spec, allocate);
      const all = variants.map((name) => makeRun(this.#device, spec, name, operands, allocate));
      const first: number[] = [];
      for (const run of all) first.push(await run.prepare());
      const most = Math.min(...first) * HOPELESS;
      const runs = all.filter((_, i) => first[i] <= most);
      const times = new Map(runs.map((run): [typeof run, number[]] => [run, []]));
      for (let round = 0; runs.length > 1 && round < ROUNDS; round++) {
        for (const [run, list] of times) list.push(await run.time());
      }
      const medians = runs.map((run) => median(times.get(run)!));
      return runs.length === 1
        ? runs[0].variant
        : runs[medians.indexOf(Math.min(...medians))].variant;
    } finally {
      for (const storage of owned) storage.release();
    }
  }
}

interface Candidates {
  readonly variants: readonly string[];
  readonly fingerprint: string;
}

/** What a store holds, as far as it makes sense. */
function parse(text: string | undefined): Record<string, Choices> {
  const all: Record<string, Choices> = {};
  try {
    for (const [adapter, choices] of entriesOf(JSON.parse(text ?? "{}"))) {
      all[adapter] = {};
      for (const [key, choice] of entriesOf(choices)) {
        const { variant, among } = Object(choice) as Partial<Choice>;
        if (typeof variant === "string" && typeof among === "string") {
          all[adapter][key] = { variant, among };
        }
      }
    }
  } catch {
    return {};
  }
  return all;
}

function entriesOf(value: unknown): [string, unknown][] {
  return value !== null && typeof value === "object" ? Object.entries(value) : [];
}

/** 32 bits of a text (FNV-1a), in hexadecimal. */
function hash(text: string): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(16);
}

/**
 * What the choice depends on. The activation is a parameter of all variants; of the sizes, which no kernel's text depends
 * on, it is the order of magnitude: photos of another shape need no measuring of their own.
 */
function keyOf(spec: Conv2dSpec): string {
  const { activation: _, batch, inHeight, inWidth, residual, ...rest } = spec;
  const pixels = 2 ** Math.round(Math.log2(batch * inHeight * inWidth));
  const added = residual && { order: residual.order, type: residual.type };
  const key = { ...rest, pixels, residual: added };
  // Of a residual, and of a second output.
  const further = ["order", "type", "from"];
  return JSON.stringify(key, [...Object.keys(key), ...further].sort());
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

type Operands = Omit<Conv2dParts<BufferBinding>, "packed">;

/** What all variants read and write: as much memory as the convolution itself needs. */
function operandsOf(spec: Conv2dSpec, allocate: (bytes: number) => BufferBinding): Operands {
  const [height, width] = conv2dOutputSize(spec);
  const { batch, residual, inChannels, second } = spec;
  const outChannels = second?.from ?? spec.outChannels;
  const buffer = (type: DType = "f32", ...sizes: readonly number[]) =>
    allocate(sizes.reduce((a, b) => a * b, bytesPerElement(type)));
  return {
    input: buffer(spec.inType, batch, spec.inHeight, spec.inWidth, spec.inStride ?? inChannels),
    output: buffer(spec.outType, batch, height, width, spec.outStride ?? outChannels),
    residual:
      residual && buffer(residual.type, batch, residual.height, residual.width, outChannels),
    second: second && buffer(spec.outType, batch, height, width, second.outStride),
  };
}

/** One variant with weights of its own, ready to be timed. */
function makeRun(
  device: Device,
  spec: Conv2dSpec,
  variant: string,
  operands: Operands,
  allocate: (bytes: number) => BufferBinding,
) {
  const launch = conv2d(spec, conv2dTraits(device), variant);
  const packed = allocate(launch.packedLength * 4);
  const parts: Conv2dParts<BufferBinding> = {
    ...operands,
    packed: (offset, size) => packedSlice({ buffer: packed.buffer }, offset, size),
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
    variant,
    /** Compiles; milliseconds of the run after that. */
    async prepare(): Promise<number> {
      await measure();
      const once = await measure();
      repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(ROUND_MILLISECONDS / once)));
      return once;
    },
    time: async () => (await measure()) / repeats,
  };
}
