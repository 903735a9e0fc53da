import { type Device, empty, keep, type Tensor } from "@retinaface-webgpu/tensor";
import { STEP_FIELDS } from "../objective/losses.js";

/** Figures of one optimizer step. */
export interface StepLosses {
  /** Counted from 0. */
  readonly step: number;
  readonly learningRate: number;
  readonly total: number;
  /**
   * The losses by their names (`classes`, `boxes`, `landmarks` of the published network), and `gradientNorm`, the norm of
   * all gradients before clipping, where there is clipping; with mixed precision `lossScale`.
   */
  readonly [figure: string]: number;
}

/** The losses of a step by their names, the total first. */
export function lossesOf(figures: Readonly<Record<string, unknown>>): Record<string, number> {
  const fields: readonly string[] = STEP_FIELDS;
  const named = Object.entries(figures).filter(
    ([name]) => name === "total" || !fields.includes(name),
  );
  return Object.fromEntries(named) as Record<string, number>;
}

/** Names of the values of a row, and where they lie. */
interface Row {
  readonly names: readonly string[];
  readonly at: number;
}

/** Values that a log begins with room for, for each row. */
const WIDTH = 4;

/**
 * Losses of recent steps, kept on the GPU until they are asked for: reading each at once would make the
 * host wait for the GPU at every step. A row is as wide as it has names.
 */
export class LossLog {
  readonly #device: Device;
  readonly #capacity: number;
  #values: Tensor;
  #rows: Row[] = [];
  #used = 0;

  /** @param capacity rows kept at most */
  constructor(device: Device, capacity: number) {
    this.#device = device;
    this.#capacity = capacity;
    this.#values = keep(empty(device, [capacity * WIDTH]));
  }

  /** Whether so many more rows fit in. */
  hasRoom(rows: number): boolean {
    return this.#rows.length + rows <= this.#capacity;
  }

  /** Appends a row of one-element tensors by their names. */
  add(values: Readonly<Record<string, Tensor>>): void {
    const names = Object.keys(values);
    const at = this.#used;
    this.#reserve(at + names.length);
    const target = this.#values.storage.buffer.buffer;
    for (const [column, name] of names.entries()) {
      const { buffer, offset } = values[name].storage;
      this.#device.copy(buffer.buffer, offset, target, (at + column) * 4, 4);
    }
    this.#used += names.length;
    this.#rows.push({ names, at });
  }

  /** Reads all rows and starts again. */
  async take(): Promise<Record<string, number>[]> {
    const [rows, used] = [this.#rows, this.#used];
    this.#rows = [];
    this.#used = 0;
    if (used === 0) return rows.map(() => ({}));
    const bytes = await this.#device.read(this.#values.storage.buffer.buffer, used * 4);
    const values = new Float32Array(bytes);
    return rows.map(({ names, at }) =>
      Object.fromEntries(names.map((name, column) => [name, values[at + column]])),
    );
  }

  dispose(): void {
    this.#values.dispose();
  }

  #reserve(size: number): void {
    if (size <= this.#values.size) return;
    const larger = keep(empty(this.#device, [size * 2]));
    const [from, to] = [this.#values, larger].map((tensor) => tensor.storage.buffer.buffer);
    this.#device.copy(from, 0, to, 0, this.#used * 4);
    this.#values.dispose();
    this.#values = larger;
  }
}
