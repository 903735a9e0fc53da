import { noGrad } from "../../core/grad-mode.js";
import { tidy } from "../../core/scope.js";
import type { Tensor } from "../../core/tensor.js";
import { add } from "../../ops/binary/forward.js";
import { sumSquares } from "../../ops/reduce/forward.js";
import { recordTrace, type Trace } from "../../ops/trace.js";
import { sqrt } from "../../ops/unary/forward.js";
import type { FlatAverage } from "../../optim/ema.js";
import type { FlatParameters, GradScaler } from "../../optim/index.js";
import { accumulateOp, clipByNormOp, unscaleOp } from "../../optim/updates.js";

/** What follows the gradients. */
export interface UpdateParts {
  readonly flats: readonly FlatParameters[];
  readonly average: FlatAverage | undefined;
  readonly clip: number | undefined;
}

/** The share of a batch in the gradients of a step, and whether it is the first. */
export interface BatchShare {
  share: number;
  fresh: boolean;
}

/** What follows a batch. */
export interface BatchParts {
  readonly flats: readonly FlatParameters[];
  /** Where the batch's gradients lie: in `FlatParameters.partial()`, to be added to those of the step, or in these. */
  readonly targets: readonly Tensor[];
  readonly batch: BatchShare;
  readonly scaler: GradScaler | undefined;
}

/** Undoes the loss's scale and adds the gradients of a batch to those of the step. @returns with a scaler their squares */
export function traceBatch({ flats, targets, batch, scaler }: BatchParts): {
  trace: Trace;
  squares: Tensor | undefined;
} {
  const record = () => {
    for (const [k, flat] of flats.entries()) {
      if (scaler) unscaleOp([scaler.seed, targets[k]], null);
      if (targets[k] !== flat.gradients) accumulateOp([targets[k], flat.gradients], batch);
    }
    return scaler && squaresOf(flats);
  };
  const { trace, result } = tidy(() => noGrad(() => recordTrace(record)));
  return { trace, squares: result };
}

/** The sum of the squares of all gradients. */
function squaresOf(flats: readonly FlatParameters[]): Tensor {
  const [first, ...rest] = flats.map(({ gradients }) => sumSquares(gradients));
  return rest.reduce((sum, part) => add(sum, part), first);
}

/** Clips, updates and averages. */
export function traceUpdate({ flats, average, clip }: UpdateParts): {
  trace: Trace;
  norm: Tensor | undefined;
} {
  const record = () => {
    const norm = clip === undefined ? undefined : clipGradients(flats, clip);
    for (const flat of flats) flat.update();
    average?.update();
    return norm;
  };
  const { trace, result } = tidy(() => noGrad(() => recordTrace(record)));
  return { trace, norm: result };
}

/** As `clipGradNorm`. @returns the norm before */
function clipGradients(flats: readonly FlatParameters[], maxNorm: number): Tensor {
  const total = squaresOf(flats);
  for (const { gradients } of flats) clipByNormOp([total, gradients], { maxNorm });
  return sqrt(total);
}
