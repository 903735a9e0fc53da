import { TensorError } from "../core/errors.js";
import { type StateDict, toFloat32 } from "../core/host-tensor.js";
import { readTensors } from "../core/read-tensors.js";
import { keep, tidy } from "../core/scope.js";
import { sameShape } from "../core/shape.js";
import { type Tensor, zeros } from "../core/tensor.js";
import type { Module } from "../nn/module.js";
import {
  copyElements,
  gatherTo,
  isLaidOut,
  type Layout,
  layOut,
  layoutOf,
  scatterFrom,
} from "./flat.js";
import { lerpUpdateOp } from "./updates.js";

/** Tensors that are averaged together. */
interface Region {
  readonly live: readonly Tensor[];
  readonly layout: Layout;
  /** The averages, at the layout's places. */
  readonly average: Tensor;
  /** The live tensors side by side, where a compiled step laid them out so. */
  readonly flat?: Tensor;
}

/** Tensors side by side in the memory of a flat one. */
export interface FlatTensors {
  readonly parameters: readonly Tensor[];
  /** First element of each in `values`. */
  readonly offsets: readonly number[];
  readonly values: Tensor;
}

/** What a compiled step needs of an average. */
export interface FlatAverage {
  /** Counts an update; before that of each run. */
  advance(): void;
  /** Calls the operations of the update, to be traced. */
  update(): void;
  /** Whether all this is still so. */
  isCurrent(): boolean;
}

/**
 * Exponential moving average of a module's parameters and buffers (Polyak and Juditsky 1992): smoother
 * weights, to evaluate and to ship.
 */
export class EMA {
  readonly decay: number;
  /** Updates so far; early ones use a smaller decay, (1 + n) / (10 + n), so that the start is forgotten. */
  updates = 0;
  readonly #names: readonly string[];
  readonly #live: readonly Tensor[];
  #regions: readonly Region[];
  /** What is averaged besides the optimizer's parameters, side by side. */
  #rest: Tensor[] = [];

  /** Starts from the module's present values. @throws TensorError `EMA` unless 0 ≤ decay < 1 */
  constructor(module: Module, decay = 0.999) {
    if (!(decay >= 0 && decay < 1)) {
      throw new TensorError("EMA", `The decay must be at least 0 and below 1, not ${decay}.`);
    }
    this.decay = decay;
    const members = [...module.namedParameters(), ...module.namedBuffers()];
    this.#names = members.map(([name]) => name);
    this.#live = members.map(([, tensor]) => tensor);
    const layout = layoutOf(this.#live);
    const average = keep(gatherTo(this.#live, layout));
    this.#regions = [{ live: this.#live, layout, average }];
  }

  /** Moves the average towards the module's values; call it after each step of the optimizer. */
  update(): void {
    const attrs = { weight: this.#advance() };
    for (const region of this.#regions) {
      tidy(() => {
        const live = isFlat(region) ? region.flat : gatherTo(region.live, region.layout);
        lerpUpdateOp([live, region.average], attrs);
      });
    }
  }

  /**
   * Prepares for compiled steps whose optimizer holds these tensors side by side: what else is averaged is laid
   * out so too. `update()` may still be called between compiled steps.
   *
   * @param updated tensors that each step writes (running statistics): apart from those that stay as they are
   */
  flatten(flats: readonly FlatTensors[], updated: ReadonlySet<Tensor>): FlatAverage {
    this.#arrange(flats, updated);
    const regions = this.#regions;
    let weight = 0;
    const attrs = {
      get weight() {
        return weight;
      },
    };
    return {
      advance: () => {
        weight = this.#advance();
      },
      update: () => {
        for (const { flat, average } of regions) lerpUpdateOp([flat!, average], attrs);
      },
      isCurrent: () => this.#regions === regions && regions.every(isFlat),
    };
  }

  /** Exchanges the module's values and the average; call it again to change back. */
  swap(): void {
    for (const { live, layout, average } of this.#regions) {
      tidy(() => {
        const held = gatherTo(live, layout);
        scatterFrom(average, live, layout);
        copyElements(held, 0, average, 0, held.size);
      });
    }
  }

  /** Reads the averages back, under the module's names. */
  async stateDict(): Promise<StateDict> {
    const averages = this.#regions.map(({ average }) => average);
    const host = await readTensors(averages[0].device, averages);
    const places = this.#places();
    return new Map(
      this.#live.map((tensor, i) => {
        const { average, offset } = places.get(tensor)!;
        const data = host.get(average)!.slice(offset, offset + tensor.size);
        return [this.#names[i], { dtype: "f32", shape: [...tensor.shape], data }];
      }),
    );
  }

  /** Sets the averages. @throws TensorError `EMA` where one is missing or has another shape */
  loadStateDict(state: StateDict): void {
    for (const [i, { shape }] of this.#live.entries()) {
      const given = state.get(this.#names[i]);
      if (given && sameShape(given.shape, shape)) continue;
      throw new TensorError(
        "EMA",
        `The saved averages do not fit this module: ${this.#names[i]} is missing or has another shape. Load the averages of this network.`,
      );
    }
    const names = new Map(this.#live.map((tensor, i) => [tensor, this.#names[i]]));
    for (const { live, layout, average } of this.#regions) {
      const values = new Float32Array(layout.size);
      for (const [i, tensor] of live.entries()) {
        values.set(toFloat32(state.get(names.get(tensor)!)!), layout.offsets[i]);
      }
      average.write(values);
    }
  }

  dispose(): void {
    for (const { average } of this.#regions) average.dispose();
    for (const tensor of this.#rest) tensor.dispose();
  }

  /** Counts an update, and tells its weight. */
  #advance(): number {
    const decay = Math.min(this.decay, (1 + this.updates) / (10 + this.updates));
    this.updates++;
    return 1 - decay;
  }

  #places(): Map<Tensor, { average: Tensor; offset: number }> {
    return new Map(
      this.#regions.flatMap(({ live, layout, average }) =>
        live.map((tensor, i) => [tensor, { average, offset: layout.offsets[i] }] as const),
      ),
    );
  }

  #arrange(flats: readonly FlatTensors[], updated: ReadonlySet<Tensor>): void {
    const known = new Set(this.#regions.map(({ flat }) => flat));
    const same = flats.every(({ values }) => known.has(values));
    if (same && this.#regions.every(isFlat)) return;
    const places = this.#places();
    const taken = new Set(flats.flatMap(({ parameters }) => parameters));
    const regions = flats.map(({ parameters, offsets, values: flat }) => {
      const averaged = parameters.map((tensor, i) => ({ tensor, offset: offsets[i] }));
      const mine = averaged.filter(({ tensor }) => places.has(tensor));
      const layout: Layout = { offsets: mine.map(({ offset }) => offset), size: flat.size };
      return { live: mine.map(({ tensor }) => tensor), layout, flat };
    });
    for (const tensor of this.#rest.splice(0)) tensor.dispose();
    const rest = this.#live.filter((tensor) => !taken.has(tensor));
    for (const live of [rest.filter((t) => updated.has(t)), rest.filter((t) => !updated.has(t))]) {
      if (live.length === 0) continue;
      const layout = layoutOf(live);
      const flat = layOut(live, layout);
      this.#rest.push(flat);
      regions.push({ live, layout, flat });
    }
    const before = this.#regions;
    this.#regions = regions.map((region) => {
      const average = keep(zeros(region.flat.device, [region.layout.size]));
      for (const [i, tensor] of region.live.entries()) {
        const place = places.get(tensor)!;
        copyElements(place.average, place.offset, average, region.layout.offsets[i], tensor.size);
      }
      return { ...region, average };
    });
    for (const { average } of before) average.dispose();
  }
}

/** Whether a region's tensors lie side by side in memory. */
function isFlat(region: Region): region is Region & { flat: Tensor } {
  const { flat, live, layout } = region;
  return flat !== undefined && isLaidOut(flat, live, layout);
}
