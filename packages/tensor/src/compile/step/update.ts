import { noGrad } from "../../core/grad-mode.js";
import { tidy } from "../../core/scope.js";
import type { Tensor } from "../../core/tensor.js";
import { add } from "../../ops/binary/forward.js";
import { sumSquares } from "../../ops/reduce/forward.js";
import { recordTrace, type Trace } from "../../ops/trace.js";
import { sqrt } from "../../ops/unary/forward.js";
import type { FlatAverage } from "../../optim/ema.js";
import type { FlatParameters } from "../../optim/index.js";
import { accumulateOp, clipByNormOp } from "../../optim/updates.js";

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

/** Adds the gradients of a batch, which lie in `FlatParameters.partial()`, to those of the step. */
export function traceAccumulation(flats: readonly FlatParameters[], batch: BatchShare): Trace {
  const record = () => {
    for (const flat of flats) accumulateOp([flat.partial(), flat.gradients], batch);
  };
  return tidy(() => noGrad(() => recordTrace(record))).trace;
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
  const [first, ...rest] = flats.map(({ gradients }) => sumSquares(gradients));
  const total = rest.reduce((sum, part) => add(sum, part), first);
  for (const { gradients } of flats) clipByNormOp([total, gradients], { maxNorm });
  return sqrt(total);
}
