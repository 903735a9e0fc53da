import { requireOptions } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import { keep, tidy } from "../core/scope.js";
import type { Tensor } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import { mul } from "../ops/binary/forward.js";
import { full } from "../ops/create.js";
import { sumSquares } from "../ops/reduce/forward.js";
import { gather, scatter } from "./flat.js";
import { type GroupOptions, type Optimizer, requireOption } from "./optimizer.js";
import { unscaleOp } from "./updates.js";

/** Options of `GradScaler`, PyTorch's names and defaults. */
export interface GradScalerOptions {
  /** The first scale; default 65536. */
  readonly initScale?: number;
  /** By which the scale grows after `growthInterval` steps without an overflow; default 2. */
  readonly growthFactor?: number;
  /** By which it shrinks after a step with one; default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
}

/** What a resumed run needs of a scaler. */
export interface GradScalerState {
  readonly scale: number;
  /** Steps without an overflow since the scale last changed. */
  readonly growthTracker: number;
}

const OPTIONS = ["initScale", "growthFactor", "backoffFactor", "growthInterval"];

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, "Mixed precision training"), as PyTorch's `GradScaler`: gradients
 * stored as f16 would vanish below 6e-8, so the loss is scaled up, and the gradients of the parameters, which are f32, are
 * scaled down again. A step whose gradients are not finite is left out, and the scale halved.
 *
 *     scaler.scale(loss).backward();
 *     await scaler.unscale(optimizer); // only where gradients are looked at or clipped before the step
 *     await scaler.step(optimizer);
 *     scaler.update();
 *
 * Whether a gradient overflowed is read back, once a step.
 */
export class GradScaler {
  /** The scale on the device, `[]`: the gradient that a backward pass from the loss itself starts with. */
  readonly seed: Tensor;
  readonly #options: Required<GradScalerOptions>;
  #scale: number;
  #growthTracker = 0;
  /** Of the step under way: whether its gradients are finite, once they are unscaled. */
  #finite: boolean | undefined;

  /** @throws TensorError `OPTIMIZER` for an option out of range, `ARGUMENT` for an unknown one */
  constructor(device: Device, options: GradScalerOptions = {}) {
    requireOptions("GradScaler", options, OPTIONS);
    const {
      initScale = 65536,
      growthFactor = 2,
      backoffFactor = 0.5,
      growthInterval = 2000,
    } = options;
    requireOption("initScale", initScale, initScale > 0 && initScale < Infinity, "above 0");
    requireOption("growthFactor", growthFactor, growthFactor > 1, "above 1");
    requireOption(
      "backoffFactor",
      backoffFactor,
      backoffFactor > 0 && backoffFactor < 1,
      "in 0..1",
    );
    requireOption("growthInterval", growthInterval, growthInterval >= 1, "1 or more");
    this.#options = { initScale, growthFactor, backoffFactor, growthInterval };
    this.#scale = initScale;
    this.seed = keep(full(device, [], initScale));
  }

  /** The scale as it is now. */
  getScale(): number {
    return this.#scale;
  }

  /** The loss times the scale. */
  scale(loss: Tensor): Tensor {
    return mul(loss, this.seed);
  }

  /**
   * Divides the gradients of an optimizer's parameters by the scale, once a step.
   * @returns whether all of them are finite
   * @throws TensorError `OPTIMIZER` where that was done since the last `update()`
   */
  async unscale<O extends GroupOptions>(optimizer: Optimizer<O>): Promise<boolean> {
    if (this.#finite !== undefined) {
      throw new TensorError(
        "OPTIMIZER",
        "unscale(): the gradients are unscaled already: call update() once a step, after step().",
      );
    }
    const parameters = optimizer.groups.flatMap((group) => group.parameters);
    const gradients = parameters.flatMap(({ grad }) => grad ?? []);
    this.#finite = true;
    if (gradients.length === 0) return true;
    const total = tidy(() => {
      const flat = gather(gradients);
      unscaleOp([this.seed, flat], null);
      scatter(flat, gradients);
      return keep(sumSquares(flat));
    });
    this.#finite = Number.isFinite(await total.item());
    total.dispose();
    return this.#finite;
  }

  /** `optimizer.step()`, unless gradients are not finite. @returns whether it was done */
  async step<O extends GroupOptions>(optimizer: Optimizer<O>): Promise<boolean> {
    const finite = this.#finite ?? (await this.unscale(optimizer));
    if (finite) optimizer.step();
    return finite;
  }

  /**
   * Adjusts the scale after a step.
   * @param finite whether the step's gradients were; by default what `unscale()` or `step()` found
   */
  update(finite: boolean | undefined = this.#finite): void {
    if (finite === undefined) {
      throw new TensorError(
        "OPTIMIZER",
        "update(): no gradients were unscaled since the last one: call step() before it.",
      );
    }
    this.#finite = undefined;
    const { growthFactor, backoffFactor, growthInterval } = this.#options;
    this.#growthTracker = finite ? this.#growthTracker + 1 : 0;
    if (!finite) this.#set(this.#scale * backoffFactor);
    else if (this.#growthTracker === growthInterval) {
      this.#growthTracker = 0;
      this.#set(this.#scale * growthFactor);
    }
  }

  stateDict(): GradScalerState {
    return { scale: this.#scale, growthTracker: this.#growthTracker };
  }

  /** @throws TensorError `OPTIMIZER` for a scale that is none */
  loadStateDict({ scale, growthTracker }: GradScalerState): void {
    requireOption("scale", scale, scale > 0 && scale < Infinity, "above 0");
    requireOption("growthTracker", growthTracker, growthTracker >= 0, "0 or more");
    this.#growthTracker = growthTracker;
    this.#finite = undefined;
    this.#set(scale);
  }

  dispose(): void {
    this.seed.dispose();
  }

  #set(scale: number): void {
    this.#scale = scale;
    this.seed.write([scale]);
  }
}
