import type { Device } from "@retinaface-webgpu/tensor";
import type { NetworkOutput } from "retinaface-webgpu";
import { uploadLabels } from "../distill/labels.js";
import { type DistillOptions, distillLoss } from "../distill/loss.js";
import type { Teacher } from "../distill/teacher.js";
import type { LossParts } from "./losses.js";
import type { Objective, ObjectiveInput } from "./objective.js";

/** A teacher's outputs on the very images that the student sees, with labels where there are some. */
export class DistillObjective implements Objective {
  readonly #device: Device;
  readonly #teacher: Teacher;
  /** Of the next loss. */
  options: DistillOptions;

  /** The teacher stays the caller's to dispose of. */
  constructor(device: Device, teacher: Teacher, options: DistillOptions) {
    this.#device = device;
    this.#teacher = teacher;
    this.options = options;
  }

  prepare(shape: readonly number[]): Promise<void> {
    return this.#teacher.prepare(shape);
  }

  loss(output: NetworkOutput, { samples, images, priors }: ObjectiveInput): LossParts {
    const taught = this.#teacher.run(images);
    const labels = uploadLabels(this.#device, samples, priors, this.#teacher.config.variances);
    return distillLoss(output, taught, labels, this.options);
  }
}
