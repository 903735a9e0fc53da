import { type Device, noGrad, type Tensor } from "@retinaface-webgpu/tensor";
import type { NetworkOutput } from "retinaface-webgpu";
import { uploadLabels } from "../distill/labels.js";
import { type DistillOptions, distillLoss, type LabelTensors } from "../distill/loss.js";
import { labelsBySimOta, uploadSimOtaLabels } from "../distill/simota-labels.js";
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
    return distillLoss(output, taught, this.#labels(output, this.#upload(input)), this.options);
  }

  targets(input: ObjectiveInput): Record<string, Tensor> {
    const taught = Object.entries(this.#teacher.run(input.images, this.maps));
    return {
      ...Object.fromEntries(taught.map(([name, tensor]) => [TAUGHT + name, tensor.detach()])),
      ...this.#upload(input),
    };
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    const entries = Object.entries(targets);
    const isTaught = ([name]: [string, Tensor]) => name.startsWith(TAUGHT);
    const taught = entries
      .filter(isTaught)
      .map(([name, tensor]) => [name.slice(TAUGHT.length), tensor] as const);
    const said = entries.filter((entry) => !isTaught(entry));
    return distillLoss(
      output,
      Object.fromEntries(taught) as unknown as NetworkOutput,
      this.#labels(output, said.length > 0 ? Object.fromEntries(said) : undefined),
      this.options,
    );
  }

  /** What the batch's labels say, or what SimOTA has to know of them. */
  #upload(input: ObjectiveInput): Readonly<Record<string, Tensor>> | undefined {
    const { samples, priors } = input;
    const { config } = this.#teacher;
    const { assignment } = this.options;
    if (assignment === "simota") return uploadSimOtaLabels(this.#device, input, config);
    const labels = uploadLabels(this.#device, samples, priors, config.variances, assignment);
    return labels && { ...labels };
  }

  #labels(
    output: NetworkOutput,
    said: Readonly<Record<string, Tensor>> | undefined,
  ): LabelTensors | undefined {
    if (!said || this.options.assignment !== "simota") return said as unknown as LabelTensors;
    const { variances } = this.#teacher.config;
    return noGrad(() => labelsBySimOta(output, said, variances));
  }
}
