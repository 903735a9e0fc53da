import type { Device, Tensor } from "@retinaface-webgpu/tensor";
import type { NetworkOutput } from "retinaface-webgpu";
import { uploadLabels } from "../distill/labels.js";
import { type DistillOptions, distillLoss, type LabelTensors } from "../distill/loss.js";
import type { Teacher } from "../distill/teacher.js";
import type { LossParts } from "./losses.js";
import type { CompiledObjective, ObjectiveInput } from "./objective.js";

/** Before the names of a teacher's outputs among the targets. */
const TAUGHT = "taught.";

/** A teacher's outputs on the very images that the student sees, with labels where there are some. */
export class DistillObjective implements CompiledObjective {
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
    return this.#teacher.prepare(shape, this.maps);
  }

  get settings(): unknown {
    return this.options;
  }

  get maps(): readonly string[] {
    return this.options.hints ?? [];
  }

  loss(output: NetworkOutput, input: ObjectiveInput): LossParts {
    const taught = this.#teacher.run(input.images, this.maps);
    return distillLoss(output, taught, this.#labels(input), this.options);
  }

  targets(input: ObjectiveInput): Record<string, Tensor> {
    const taught = Object.entries(this.#teacher.run(input.images, this.maps));
    return {
      ...Object.fromEntries(taught.map(([name, tensor]) => [TAUGHT + name, tensor.detach()])),
      ...this.#labels(input),
    };
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    const entries = Object.entries(targets);
    const isTaught = ([name]: [string, Tensor]) => name.startsWith(TAUGHT);
    const taught = entries
      .filter(isTaught)
      .map(([name, tensor]) => [name.slice(TAUGHT.length), tensor] as const);
    const labels = entries.filter((entry) => !isTaught(entry));
    return distillLoss(
      output,
      Object.fromEntries(taught) as unknown as NetworkOutput,
      labels.length > 0 ? (Object.fromEntries(labels) as unknown as LabelTensors) : undefined,
      this.options,
    );
  }

  #labels({ samples, priors }: ObjectiveInput): LabelTensors | undefined {
    const { variances } = this.#teacher.config;
    const { assignment } = this.options;
    return uploadLabels(this.#device, samples, priors, variances, assignment);
  }
}
