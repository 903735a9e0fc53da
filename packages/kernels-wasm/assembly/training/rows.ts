/** Cross-entropy of logits by rows, logarithms of softmax, and their gradients. */
import { RowLoss, RowLossKind } from "../../src/training/records";
import { exp, loadLanes, storeLanes } from "../tail";
import { word } from "../team";
import { log } from "./logarithms";

export function rowLossChunk(step: usize, chunk: i32): void {
  const size = word(step, RowLoss.chunkRows);
  const last = min(chunk * size + size, word(step, RowLoss.rows));
  const width = word(step, RowLoss.width);
  const kind = word(step, RowLoss.kind);
  for (let row = chunk * size; row < last; row++) {
    const at = <usize>(row * width) << 2;
    if (kind >= RowLossKind.softmaxGradient) softmaxGradient(step, kind, at, width);
    else ofLogits(step, kind, row, width);
  }
}

/** Σ e^(x − highest) of a row. */
function totalOf(x: usize, width: i32, highest: f32): f32 {
  let total: f32 = 0;
  for (let i = 0; i < width; i += 4) {
    const lanes = width - i;
    const y = exp(f32x4.sub(loadLanes(x + (<usize>i << 2), lanes), f32x4.splat(highest)));
    total += f32x4.extract_lane(y, 0);
    if (lanes > 1) total += f32x4.extract_lane(y, 1);
    if (lanes > 2) total += f32x4.extract_lane(y, 2);
    if (lanes > 3) total += f32x4.extract_lane(y, 3);
  }
  return total;
}

@inline
function logarithm(x: f32): f32 {
  return f32x4.extract_lane(log(f32x4.splat(x)), 0);
}

function ofLogits(step: usize, kind: i32, row: i32, width: i32): void {
  const at = <usize>(row * width) << 2;
  const x = word(step, RowLoss.logits) + at;
  const to = word(step, RowLoss.output);
  let highest: f32 = -Infinity;
  for (let i = 0; i < width; i++) highest = max<f32>(highest, load<f32>(x + (<usize>i << 2)));
  const total = totalOf(x, width, highest);
  if (kind == RowLossKind.logSoftmax) {
    const shift = f32x4.splat(highest + logarithm(total));
    for (let i = 0; i < width; i += 4) {
      const place = <usize>i << 2;
      const value = f32x4.sub(loadLanes(x + place, width - i), shift);
      storeLanes(to + at + place, value, width - i);
    }
    return;
  }
  const label = load<i32>(word(step, RowLoss.labels) + (<usize>row << 2));
  const ignored = label == word(step, RowLoss.ignore);
  const valid = <u32>label < <u32>width;
  if (kind == RowLossKind.crossEntropy) {
    let loss: f32 = NaN;
    if (valid) loss = logarithm(total) + highest - load<f32>(x + (<usize>label << 2));
    store<f32>(to + (<usize>row << 2), ignored ? 0 : loss);
    return;
  }
  const gradient = load<f32>(word(step, RowLoss.gradient) + (<usize>row << 2));
  const scale: f32 = valid ? gradient : NaN;
  for (let i = 0; i < width; i += 4) {
    const place = <usize>i << 2;
    const lanes = width - i;
    const y = exp(f32x4.sub(loadLanes(x + place, lanes), f32x4.splat(highest)));
    const part = f32x4.div(y, f32x4.splat(total));
    const value = f32x4.mul(f32x4.splat(scale), part);
    storeLanes(to + at + place, ignored ? f32x4.splat(0) : value, lanes);
  }
  if (ignored || !valid) return;
  // (e^x / Σ − 1) and not e^x / Σ and then − 1, so that it rounds once.
  const hit = to + at + (<usize>label << 2);
  const own = f32x4.splat(load<f32>(x + (<usize>label << 2)) - highest);
  store<f32>(hit, scale * (f32x4.extract_lane(exp(own), 0) / total - 1));
}

/** From the result y: y · (g − Σ g·y), or of its logarithm g − e^y · Σ g. */
function softmaxGradient(step: usize, kind: i32, at: usize, width: i32): void {
  const y = word(step, RowLoss.logits) + at;
  const g = word(step, RowLoss.gradient) + at;
  const to = word(step, RowLoss.output) + at;
  const isLog = kind == RowLossKind.logSoftmaxGradient;
  let total: f32 = 0;
  for (let i = 0; i < width; i++) {
    const place = <usize>i << 2;
    total += load<f32>(g + place) * (isLog ? <f32>1 : load<f32>(y + place));
  }
  for (let i = 0; i < width; i++) {
    const place = <usize>i << 2;
    const value = load<f32>(y + place);
    const slope = load<f32>(g + place);
    const part = f32x4.extract_lane(exp(f32x4.splat(value)), 0);
    store<f32>(to + place, isLog ? slope - part * total : value * (slope - total));
  }
}
