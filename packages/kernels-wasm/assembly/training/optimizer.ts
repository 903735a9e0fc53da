/** Optimizers' updates in place, by PyTorch's formulas, four elements at a time. */
import { Optimizer, OptimizerKind } from "../../src/training/records";
import { loadLanes, storeLanes } from "../tail";
import { float, word } from "../team";

@inline
function constant(step: usize, index: i32): v128 {
  return f32x4.splat(float(step, Optimizer.constants + index));
}

export function optimizerChunk(step: usize, chunk: i32): void {
  const size = word(step, Optimizer.chunkElements);
  const first = chunk * size;
  const last = min(first + size, word(step, Optimizer.count));
  if (word(step, Optimizer.kind) >= OptimizerKind.adam) adam(step, first, last);
  else sgd(step, first, last);
}

/** Constants: learning rate, momentum, weight decay. */
function sgd(step: usize, first: i32, last: i32): void {
  const kind = word(step, Optimizer.kind);
  const rate = constant(step, 0);
  const momentum = constant(step, 1);
  const decay = constant(step, 2);
  const gradient = word(step, Optimizer.gradient);
  const parameter = word(step, Optimizer.parameter);
  const velocity = word(step, Optimizer.first);
  for (let i = first; i < last; i += 4) {
    const at = <usize>i << 2;
    const lanes = last - i;
    const w = loadLanes(parameter + at, lanes);
    const g = f32x4.add(loadLanes(gradient + at, lanes), f32x4.mul(decay, w));
    let change = g;
    if (kind != OptimizerKind.sgd) {
      const v = f32x4.add(f32x4.mul(momentum, loadLanes(velocity + at, lanes)), g);
      storeLanes(velocity + at, v, lanes);
      change = kind == OptimizerKind.sgdMomentum ? v : f32x4.add(g, f32x4.mul(momentum, v));
    }
    storeLanes(parameter + at, f32x4.sub(w, f32x4.mul(rate, change)), lanes);
  }
}

/** Constants: step size, root of the correction, β1, 1 − β1, β2, 1 − β2, ε, decay. */
function adam(step: usize, first: i32, last: i32): void {
  const decoupled = word(step, Optimizer.kind) == OptimizerKind.adamDecoupled;
  const gradient = word(step, Optimizer.gradient);
  const parameter = word(step, Optimizer.parameter);
  const firstMoment = word(step, Optimizer.first);
  const secondMoment = word(step, Optimizer.second);
  const decay = constant(step, 7);
  for (let i = first; i < last; i += 4) {
    const at = <usize>i << 2;
    const lanes = last - i;
    let w = loadLanes(parameter + at, lanes);
    let g = loadLanes(gradient + at, lanes);
    if (decoupled) w = f32x4.mul(w, decay);
    else g = f32x4.add(g, f32x4.mul(decay, w));
    const m = blend(firstMoment + at, constant(step, 2), constant(step, 3), g, lanes);
    const squares = f32x4.mul(constant(step, 5), g);
    const v = blend(secondMoment + at, constant(step, 4), squares, g, lanes);
    const root = f32x4.div(f32x4.sqrt(v), constant(step, 1));
    const change = f32x4.div(f32x4.mul(constant(step, 0), m), f32x4.add(root, constant(step, 6)));
    storeLanes(parameter + at, f32x4.sub(w, change), lanes);
  }
}

/** moment ← β · moment + share · g. */
@inline
function blend(at: usize, beta: v128, share: v128, g: v128, lanes: i32): v128 {
  const moment = f32x4.add(f32x4.mul(beta, loadLanes(at, lanes)), f32x4.mul(share, g));
  storeLanes(at, moment, lanes);
  return moment;
}
