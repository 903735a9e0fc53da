import { type Device, optim, type StateDict, toFloat32 } from "@retinaface-webgpu/tensor";
import { OptionError, type RetinaFaceNetwork } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import type { TrainerOptions } from "./options.js";
import { Trainer } from "./trainer.js";

/** How new data pull at one part of a network. */
export interface PartGradient {
  /** Norm of the batches' mean gradient over the norm of the weights. */
  readonly ratio: number;
  /**
   * The squared norm of the mean gradient over the one that batches without anything in common would have by chance, which
   * is their variance divided by their number: about 1 where they agree on nothing.
   */
  readonly agreement: number;
}

/** By part in the order of the forward pass; `heads` comes last. */
export type PartGradients = Readonly<Record<string, PartGradient>>;

/** Batches that are measured. */
export const AUTO_FREEZE_BATCHES = 8;

/**
 * Agreement from which a part trains: there the gradient that the batches share is as large as the noise that is left in
 * their mean.
 */
const LEAST_AGREEMENT = 2;

const HEADS = "heads";

/** Sums over batches and parameters of one part. */
interface Sums {
  /** Squared norms of the batches' gradients. */
  squares: number;
  /** Of the weights, squared. */
  weight: number;
  /** Of the sum of the gradients, squared. */
  common: number;
}

/**
 * Measures by part what gradients some batches have at a network's weights.
 *
 * Each gradient is read off one step of plain SGD at a rate of 1, from the same weights, since a device without a GPU trains by
 * compiled steps alone.
 *
 * @param batches of one size; two at least
 * @throws {OptionError} for fewer batches
 * @throws {NonFiniteLossError} where the loss of a batch is not finite
 */
export async function partGradients(
  device: Device,
  network: RetinaFaceNetwork,
  { config, fixedNorm, match, loss, recompute, onNotice }: TrainerOptions,
  batches: readonly (readonly Sample[])[],
): Promise<PartGradients> {
  if (batches.length < 2)
    throw new OptionError("what batches agree on takes two of them at least: give more");
  const trainer = new Trainer(device, network, {
    ...{ config, fixedNorm, match, loss, recompute, onNotice },
    frozen: [],
    optimizer: (parameters) => new optim.SGD(parameters, { lr: 1 }),
    schedule: () => 1,
  });
  try {
    const start = await trainer.state();
    const measured = new Measured(network, start.network);
    for (const samples of batches) {
      await trainer.step([samples]);
      await trainer.losses();
      measured.add(await network.stateDict());
      trainer.load(start);
    }
    return measured.result();
  } finally {
    trainer.dispose();
  }
}

/** Gradients by part, batch after batch; of each parameter only their sum is kept. */
class Measured {
  readonly #before: StateDict;
  readonly #names: readonly string[];
  /** The part of each parameter. */
  readonly #parts = new Map<string, string>();
  readonly #totals = new Map<string, Float64Array>();
  readonly #sums: ReadonlyMap<string, Sums>;
  #batches = 0;

  constructor(network: RetinaFaceNetwork, before: StateDict) {
    const parts = network.parts();
    const partOf = new Map(
      parts.flatMap(({ name, modules }) =>
        modules.flatMap((module) => [...module.parameters()].map((one) => [one, name] as const)),
      ),
    );
    this.#before = before;
    this.#names = [...parts.map(({ name }) => name), HEADS];
    this.#sums = new Map(this.#names.map((name) => [name, { squares: 0, weight: 0, common: 0 }]));
    for (const [name, parameter] of network.namedParameters()) {
      const part = partOf.get(parameter) ?? HEADS;
      this.#parts.set(name, part);
      this.#totals.set(name, new Float64Array(parameter.size));
      for (const weight of toFloat32(before.get(name)!))
        this.#sums.get(part)!.weight += weight ** 2;
    }
  }

  /** @param after the weights after a step of SGD at a rate of 1 */
  add(after: StateDict): void {
    this.#batches++;
    for (const [name, total] of this.#totals) {
      const sums = this.#sums.get(this.#parts.get(name)!)!;
      const [old, now] = [this.#before, after].map((state) => toFloat32(state.get(name)!));
      for (let i = 0; i < total.length; i++) {
        const gradient = old[i] - now[i];
        total[i] += gradient;
        sums.squares += gradient ** 2;
      }
    }
  }

  result(): PartGradients {
    const n = this.#batches;
    for (const [name, total] of this.#totals) {
      const sums = this.#sums.get(this.#parts.get(name)!)!;
      for (const value of total) sums.common += value ** 2;
    }
    const partOf = ({ squares, weight, common }: Sums): PartGradient => {
      const mean = common / n ** 2;
      const noise = Math.max(squares - n * mean, 0) / (n - 1) / n;
      const agreement = mean / Math.max(noise, Number.MIN_VALUE);
      return {
        ratio: Math.sqrt(mean / Math.max(weight, Number.MIN_VALUE)),
        agreement: Math.min(agreement, Number.MAX_VALUE),
      };
    };
    return Object.fromEntries(this.#names.map((name) => [name, partOf(this.#sums.get(name)!)]));
  }
}

/**
 * The parts at the start of the network that new data say nothing about: those before the first whose gradients agree
 * at least to 2. What stands before them costs no backward pass, and training it would follow the noise of batches.
 *
 * The ratio of gradients to weights alone ("relative gradient norm", Lee et al., "Surgical Fine-Tuning Improves
 * Adaptation to Distribution Shifts", 2023) does not tell: it is largest for the stem, which has few weights and is under every
 * pixel, also on data that the weights have learnt already (measured in docs/fine-tuning.md).
 *
 * @param parts in the order of the forward pass, without the heads
 */
export function chooseFrozen(gradients: PartGradients, parts: readonly string[]): string[] {
  const first = parts.findIndex((name) => !(gradients[name].agreement < LEAST_AGREEMENT));
  return parts.slice(0, first === -1 ? parts.length : first);
}

/** For people: `stem 0.54 (agreement 1.1), …`. */
export function describeGradients(gradients: PartGradients): string {
  return Object.entries(gradients)
    .map(
      ([name, { ratio, agreement }]) =>
        `${name} ${ratio.toPrecision(2)} (agreement ${agreement.toPrecision(2)})`,
    )
    .join(", ");
}
