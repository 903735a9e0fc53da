import {
  type BatchPlace,
  type CompiledStep,
  compileStep,
  type Device,
  isHostDevice,
  type optim,
  type Tensor,
  TensorError,
  tidy,
} from "@retinaface-webgpu/tensor";
import type { NetworkOutput } from "retinaface-webgpu";
import type { CompiledObjective, ObjectiveInput } from "../objective/objective.js";
import type { FrozenPrefix } from "./prefix.js";

/** Steps kept for shapes seen lately. */
const KEPT = 4;
/** Steps that may be compiled before it counts how seldom they were used again. */
const PATIENCE = 8;

/** The images' name among a step's inputs; no target has it. */
const IMAGES = "images";

/** What the steps of a trainer have in common. */
export interface StepContext {
  readonly device: Device;
  readonly objective: CompiledObjective;
  readonly optimizer: optim.Optimizer<optim.GroupOptions>;
  readonly average: optim.EMA | undefined;
  readonly clip: number | undefined;
  readonly scaler?: optim.GradScaler | undefined;
  /** The network from its images, or from where its frozen prefix ends. */
  readonly forward: (maps: readonly Tensor[]) => NetworkOutput;
}

/** A batch on its way. */
export interface StepBatch extends ObjectiveInput {
  readonly prefix: FrozenPrefix | undefined;
  /** Which batch of the step it is, and of how many. */
  readonly place: BatchPlace;
  /** What else the traced network depends on: the mode of its batch norm. */
  readonly mode: string;
}

/**
 * Compiled steps by the shapes of their batches: those used lately are kept. Where nearly every batch has another shape,
 * compiling costs more than it saves, and there is none any more.
 */
export class CompiledSteps {
  readonly #context: StepContext;
  readonly #onNotice: (text: string) => void;
  readonly #steps = new Map<string, CompiledStep>();
  #compiled = 0;
  #used = 0;
  #givenUp = false;
  #told = false;

  constructor(context: StepContext, onNotice: (text: string) => void) {
    this.#context = context;
    this.#onNotice = onNotice;
  }

  /** A step with the batch in its inputs; undefined where batches have to be trained on eagerly. */
  async take(batch: StepBatch): Promise<CompiledStep | undefined> {
    if (this.#givenUp) return undefined;
    const { objective, device } = this.#context;
    const targets = tidy(() => objective.targets(batch));
    try {
      const step = await this.#find(batch, targets);
      if (!step) return undefined;
      if (batch.prefix) batch.prefix.run(batch.images);
      else batch.images.fill(step.inputs[IMAGES]);
      for (const [name, tensor] of Object.entries(targets)) copy(device, tensor, step.inputs[name]);
      return step;
    } finally {
      for (const tensor of Object.values(targets)) tensor.dispose();
    }
  }

  /** Frees all steps. */
  clear(): void {
    for (const step of this.#steps.values()) step.dispose();
    this.#steps.clear();
  }

  async #find(
    batch: StepBatch,
    targets: Readonly<Record<string, Tensor>>,
  ): Promise<CompiledStep | undefined> {
    const key = keyOf(batch, targets, this.#context.objective.settings);
    this.#used++;
    const known = this.#steps.get(key);
    this.#steps.delete(key);
    if (known?.isCurrent) {
      this.#steps.set(key, known);
      return known;
    }
    known?.dispose();
    // A step that began compiled ends so: its gradients so far lie where eager mode does not look.
    this.#compiled++;
    if (batch.place.batch === 0 && this.#changesAllTheTime()) return undefined;
    const step = await this.#compile(batch, targets);
    if (!step) return undefined;
    this.#steps.set(key, step);
    for (const [oldest, dropped] of this.#steps) {
      if (this.#steps.size <= KEPT) break;
      this.#steps.delete(oldest);
      dropped.dispose();
    }
    return step;
  }

  #changesAllTheTime(): boolean {
    if (this.#compiled <= PATIENCE || this.#compiled * 2 <= this.#used) return false;
    if (isHostDevice(this.#context.device)) {
      this.#tellOfShapes();
      return false;
    }
    this.#giveUp("nearly every batch has a shape of its own: steps are no longer compiled");
    return true;
  }

  /** There is no other way for a device without a GPU. */
  #tellOfShapes(): void {
    if (this.#told) return;
    this.#told = true;
    this.#onNotice(
      "nearly every batch has a shape of its own, and each is compiled anew: batches of one size train faster",
    );
  }

  #giveUp(why: string): void {
    this.#givenUp = true;
    this.clear();
    this.#onNotice(why);
  }

  async #compile(
    { images, prefix, place }: StepBatch,
    targets: Readonly<Record<string, Tensor>>,
  ): Promise<CompiledStep | undefined> {
    const { device, objective, optimizer, average, clip, scaler, forward } = this.#context;
    const infos = Object.entries(targets).map(([name, { shape, dtype }]) => [
      name,
      { shape, dtype },
    ]);
    const image = prefix ? {} : { [IMAGES]: { shape: images.shape, dtype: "f32" } };
    try {
      return await compileStep(device, {
        inputs: { ...Object.fromEntries(infos), ...image },
        losses: ({ [IMAGES]: input, ...said }: Record<string, Tensor>) =>
          objective.losses(forward(prefix ? prefix.maps() : [input]), said),
        optimizer,
        average,
        clip,
        scaler,
        accumulate: place.of > 1,
      });
    } catch (error) {
      const readsValues = error instanceof TensorError && error.code === "TRACED";
      if (!readsValues || place.batch > 0 || isHostDevice(device)) throw error;
      this.#giveUp(`this step cannot be compiled, so that it trains more slowly: ${error.message}`);
      return undefined;
    }
  }
}

function keyOf(
  { images, prefix, place, mode }: StepBatch,
  targets: Readonly<Record<string, Tensor>>,
  settings: unknown,
): string {
  const shapes = Object.entries(targets).map(([name, { shape }]) => `${name} ${shape}`);
  return JSON.stringify([images.shape, prefix !== undefined, place.of > 1, mode, shapes, settings]);
}

/** Copies elements of 4 bytes between tensors of one size. */
function copy(device: Device, from: Tensor, to: Tensor): void {
  const [a, b] = [from.storage, to.storage];
  const bytes = from.size * 4;
  if (bytes > 0) device.copy(a.buffer.buffer, a.offset, b.buffer.buffer, b.offset, bytes);
}
