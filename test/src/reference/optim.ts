/** Optimizer updates in float64, one parameter, from the papers' and PyTorch's formulas. */

export interface SgdReference {
  lr: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

/** A step of SGD; `velocity` is undefined before the first. Returns the velocity. */
export function sgdStep(
  weights: Float64Array,
  gradient: ArrayLike<number>,
  velocity: Float64Array | undefined,
  { lr, momentum = 0, nesterov = false, weightDecay = 0 }: SgdReference,
): Float64Array {
  const g = weights.map((w, i) => gradient[i] + weightDecay * w);
  const v = velocity ? velocity.map((old, i) => momentum * old + g[i]) : g.slice();
  for (let i = 0; i < weights.length; i++) {
    const direction = momentum === 0 ? g[i] : nesterov ? g[i] + momentum * v[i] : v[i];
    weights[i] -= lr * direction;
  }
  return v;
}

export interface AdamReference {
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  decoupled: boolean;
}

/** Adam's memory of one parameter. */
export interface Moments {
  t: number;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** A step of Adam or AdamW, in place. */
export function adamStep(
  weights: Float64Array,
  gradient: ArrayLike<number>,
  state: Moments,
  { lr, betas: [b1, b2], eps, weightDecay, decoupled }: AdamReference,
): void {
  state.t++;
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i] + (decoupled ? 0 : weightDecay * weights[i]);
    if (decoupled) weights[i] -= lr * weightDecay * weights[i];
    state.m[i] = b1 * state.m[i] + (1 - b1) * g;
    state.v[i] = b2 * state.v[i] + (1 - b2) * g * g;
    const mHat = state.m[i] / (1 - b1 ** state.t);
    const vHat = state.v[i] / (1 - b2 ** state.t);
    weights[i] -= (lr * mHat) / (Math.sqrt(vHat) + eps);
  }
}
