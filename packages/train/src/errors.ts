import { RetinaFaceError } from "retinaface-webgpu";
import type { Sample } from "./augment/sample.js";
import { lossesOf, type StepLosses } from "./trainer/loss-log.js";

/** A data set, its SPEC string or one of its files cannot be used at all. */
export class DataError extends RetinaFaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("DATA", message, options);
  }
}

/** A file is damaged or not in the format its reader expects. */
export class FormatError extends RetinaFaceError {
  constructor(message: string, options?: ErrorOptions) {
    super("FORMAT", message, options);
  }
}

/** A loss or gradient is NaN or infinite: training cannot go on. `samples` are the step's images. */
export class NonFiniteLossError extends RetinaFaceError {
  readonly losses: StepLosses;
  readonly samples: readonly Sample[];

  constructor(losses: StepLosses, samples: readonly Sample[]) {
    const { step, gradientNorm, lossScale } = losses;
    const { total, ...named } = lossesOf(losses);
    const parts = Object.entries(named).map(([name, value]) => `${name} ${value}`);
    if (gradientNorm !== undefined) parts.push(`norm of the gradients ${gradientNorm}`);
    super(
      "LOSS_NOT_FINITE",
      `The loss of step ${step} is ${total} (${parts.join(", ")}): resume from the last checkpoint ` +
        "with a lower learning rate or with gradient clipping." +
        (lossScale === undefined
          ? ""
          : " Activations beyond 65504 are infinite in mixed precision: f32 has room."),
    );
    this.losses = losses;
    this.samples = samples;
  }
}
