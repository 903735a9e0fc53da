//// batchnorm-statistics
struct Params {
  count: u32,
  rows: u32,
  perRow: u32,
  segmentRows: u32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.perRow;
  let begin = i / p.perRow * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);
  var at = begin * p.perRow + c;
  var mean = T(0.0);
  var m2 = T(0.0);
  var count = 0.0;
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let x0 = x[at + 0u * p.perRow];
    let x1 = x[at + 1u * p.perRow];
    let x2 = x[at + 2u * p.perRow];
    let x3 = x[at + 3u * p.perRow];
    let x4 = x[at + 4u * p.perRow];
    let x5 = x[at + 5u * p.perRow];
    let x6 = x[at + 6u * p.perRow];
    let x7 = x[at + 7u * p.perRow];
    let own = (((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7))) * 0.125;
    let d0 = x0 - own;
    let d1 = x1 - own;
    let d2 = x2 - own;
    let d3 = x3 - own;
    let d4 = x4 - own;
    let d5 = x5 - own;
    let d6 = x6 - own;
    let d7 = x7 - own;
    let q0 = d0 * d0;
    let q1 = d1 * d1;
    let q2 = d2 * d2;
    let q3 = d3 * d3;
    let q4 = d4 * d4;
    let q5 = d5 * d5;
    let q6 = d6 * d6;
    let q7 = d7 * d7;
    let delta = own - mean;
    let share = 8.0 / (count + 8.0);
    mean += delta * share;
    m2 += (((q0 + q1) + (q2 + q3)) + ((q4 + q5) + (q6 + q7))) + delta * delta * (count * share);
    count += 8.0;
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    let value = x[at];
    let delta = value - mean;
    count += 1.0;
    mean += delta / count;
    m2 += delta * (value - mean);
    at += p.perRow;
  }
  partial[i] = mean;
  partial[p.count + i] = m2;
}

//// batchnorm-statistics-fold
struct Params {
  count: u32,
  rows: u32,
  channels: u32,
  segments: u32,
  segmentRows: u32,
  span: u32,
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> merged: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }
fn first(s: u32, c: u32) -> f32 { return partial[s * p.channels + c]; }
fn second(s: u32, c: u32) -> f32 { return partial[(p.segments + s) * p.channels + c]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let begin = i / p.channels * p.span;
  let end = min(begin + p.span, p.segments);
  let base = first(begin, c);
  var shift = 0.0;
  var count = 0.0;
  for (var s = begin; s < end; s++) {
    shift += size(s) * (first(s, c) - base);
    count += size(s);
  }
  let center = base + shift / count;
  var m2 = 0.0;
  for (var s = begin; s < end; s++) {
    let deviation = first(s, c) - center;
    m2 += second(s, c) + size(s) * deviation * deviation;
  }
  merged[i] = center;
  merged[p.count + i] = m2;
}

//// batchnorm-statistics-merge
struct Params {
  count: u32,
  rows: u32,
  channels: u32,
  segments: u32,
  segmentRows: u32,
  span: u32,
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> variance: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }
fn first(s: u32, c: u32) -> f32 { return partial[s * p.channels + c]; }
fn second(s: u32, c: u32) -> f32 { return partial[(p.segments + s) * p.channels + c]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let begin = i / p.channels * p.span;
  let end = min(begin + p.span, p.segments);
  let base = first(begin, c);
  var shift = 0.0;
  var count = 0.0;
  for (var s = begin; s < end; s++) {
    shift += size(s) * (first(s, c) - base);
    count += size(s);
  }
  let center = base + shift / count;
  var m2 = 0.0;
  for (var s = begin; s < end; s++) {
    let deviation = first(s, c) - center;
    m2 += second(s, c) + size(s) * deviation * deviation;
  }
  mean[i] = center;
  variance[i] = m2 / f32(p.rows);
}

//// batchnorm-normalize
struct Params {
  count: u32,
  channels: u32,
  total: u32,
  step: u32,
  chunk: u32,
  eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let m = mean[c];
  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];
  let shift = beta[c];
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + 3u * p.step < end; at += 4u * p.step) {
    let y0 = (x[at + 0u * p.step] - m) * scale + shift;
    let y1 = (x[at + 1u * p.step] - m) * scale + shift;
    let y2 = (x[at + 2u * p.step] - m) * scale + shift;
    let y3 = (x[at + 3u * p.step] - m) * scale + shift;
    y[at + 0u * p.step] = y0;
    y[at + 1u * p.step] = y1;
    y[at + 2u * p.step] = y2;
    y[at + 3u * p.step] = y3;
  }
  for (; at < end; at += p.step) {
    y[at] = (x[at] - m) * scale + shift;
  }
}

//// batchnorm-normalize-leaky
struct Params {
  count: u32,
  channels: u32,
  total: u32,
  step: u32,
  chunk: u32,
  eps: f32,
  slope: f32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> p: Params;
alias T = vec4<f32>;
fn leaky(v: T) -> T { return select(v, v * p.slope, v < T(0.0)); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let m = mean[c];
  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];
  let shift = beta[c];
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + 3u * p.step < end; at += 4u * p.step) {
    let y0 = leaky((x[at + 0u * p.step] - m) * scale + shift);
    let y1 = leaky((x[at + 1u * p.step] - m) * scale + shift);
    let y2 = leaky((x[at + 2u * p.step] - m) * scale + shift);
    let y3 = leaky((x[at + 3u * p.step] - m) * scale + shift);
    y[at + 0u * p.step] = y0;
    y[at + 1u * p.step] = y1;
    y[at + 2u * p.step] = y2;
    y[at + 3u * p.step] = y3;
  }
  for (; at < end; at += p.step) {
    y[at] = leaky((x[at] - m) * scale + shift);
  }
}

//// batchnorm-backward-inference
struct Params {
  count: u32,
  channels: u32,
  total: u32,
  step: u32,
  chunk: u32,
  eps: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + 3u * p.step < end; at += 4u * p.step) {
    let y0 = gradY[at + 0u * p.step] * scale;
    let y1 = gradY[at + 1u * p.step] * scale;
    let y2 = gradY[at + 2u * p.step] * scale;
    let y3 = gradY[at + 3u * p.step] * scale;
    gradX[at + 0u * p.step] = y0;
    gradX[at + 1u * p.step] = y1;
    gradX[at + 2u * p.step] = y2;
    gradX[at + 3u * p.step] = y3;
  }
  for (; at < end; at += p.step) {
    gradX[at] = gradY[at] * scale;
  }
}

//// batchnorm-running
struct Params {
  count: u32,
  momentum: f32,
  unbias: f32,
}
@group(0) @binding(0) var<storage, read> mean: array<f32>;
@group(0) @binding(1) var<storage, read> variance: array<f32>;
@group(0) @binding(2) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(3) var<storage, read_write> runningVariance: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  runningMean[i] += p.momentum * (mean[i] - runningMean[i]);
  runningVariance[i] += p.momentum * (variance[i] * p.unbias - runningVariance[i]);
}

//// batchnorm-backward-sums
struct Params {
  count: u32,
  rows: u32,
  perRow: u32,
  segmentRows: u32,
  eps: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> p: Params;
alias T = vec4<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.perRow;
  let begin = i / p.perRow * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);
  var at = begin * p.perRow + c;
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);

  var sum = T(0.0);
  var dot = T(0.0);
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let x0 = x[at + 0u * p.perRow] - m;
    let g0 = gradY[at + 0u * p.perRow];
    let x1 = x[at + 1u * p.perRow] - m;
    let g1 = gradY[at + 1u * p.perRow];
    let x2 = x[at + 2u * p.perRow] - m;
    let g2 = gradY[at + 2u * p.perRow];
    let x3 = x[at + 3u * p.perRow] - m;
    let g3 = gradY[at + 3u * p.perRow];
    let x4 = x[at + 4u * p.perRow] - m;
    let g4 = gradY[at + 4u * p.perRow];
    let x5 = x[at + 5u * p.perRow] - m;
    let g5 = gradY[at + 5u * p.perRow];
    let x6 = x[at + 6u * p.perRow] - m;
    let g6 = gradY[at + 6u * p.perRow];
    let x7 = x[at + 7u * p.perRow] - m;
    let g7 = gradY[at + 7u * p.perRow];
    let d0 = g0 * x0;
    let d1 = g1 * x1;
    let d2 = g2 * x2;
    let d3 = g3 * x3;
    let d4 = g4 * x4;
    let d5 = g5 * x5;
    let d6 = g6 * x6;
    let d7 = g7 * x7;
    sum += (((g0 + g1) + (g2 + g3)) + ((g4 + g5) + (g6 + g7)));
    dot += (((d0 + d1) + (d2 + d3)) + ((d4 + d5) + (d6 + d7)));
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    let xr = x[at] - m;
    let gr = gradY[at];
    sum += gr;
    dot += gr * xr;
    at += p.perRow;
  }
  partial[i] = dot * inverse;
  partial[p.count + i] = sum;
}

//// batchnorm-backward-fold
struct Params {
  count: u32,
  rows: u32,
  channels: u32,
  segments: u32,
  segmentRows: u32,
  span: u32,
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> merged: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }
fn first(s: u32, c: u32) -> f32 { return partial[s * p.channels + c]; }
fn second(s: u32, c: u32) -> f32 { return partial[(p.segments + s) * p.channels + c]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let begin = i / p.channels * p.span;
  let end = min(begin + p.span, p.segments);
  var dot = 0.0;
  var sum = 0.0;
  for (var s = begin; s < end; s++) {
    dot += first(s, c);
    sum += second(s, c);
  }
  merged[i] = dot;
  merged[p.count + i] = sum;
}

//// batchnorm-backward-merge
struct Params {
  count: u32,
  rows: u32,
  channels: u32,
  segments: u32,
  segmentRows: u32,
  span: u32,
}
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> gradGamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradBeta: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;
fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }
fn first(s: u32, c: u32) -> f32 { return partial[s * p.channels + c]; }
fn second(s: u32, c: u32) -> f32 { return partial[(p.segments + s) * p.channels + c]; }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let begin = i / p.channels * p.span;
  let end = min(begin + p.span, p.segments);
  var dot = 0.0;
  var sum = 0.0;
  for (var s = begin; s < end; s++) {
    dot += first(s, c);
    sum += second(s, c);
  }
  gradGamma[i] = dot;
  gradBeta[i] = sum;
  sums[i] = dot;
  sums[p.count + i] = sum;
}

//// batchnorm-backward-input
struct Params {
  count: u32,
  channels: u32,
  total: u32,
  step: u32,
  chunk: u32,
  eps: f32,
  perRow: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
  let scale = inverse * gamma[c];

  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + 3u * p.step < end; at += 4u * p.step) {
    let y0 = scale * (gradY[at + 0u * p.step] - byBeta - (x[at + 0u * p.step] - m) * byGamma);
    let y1 = scale * (gradY[at + 1u * p.step] - byBeta - (x[at + 1u * p.step] - m) * byGamma);
    let y2 = scale * (gradY[at + 2u * p.step] - byBeta - (x[at + 2u * p.step] - m) * byGamma);
    let y3 = scale * (gradY[at + 3u * p.step] - byBeta - (x[at + 3u * p.step] - m) * byGamma);
    gradX[at + 0u * p.step] = y0;
    gradX[at + 1u * p.step] = y1;
    gradX[at + 2u * p.step] = y2;
    gradX[at + 3u * p.step] = y3;
  }
  for (; at < end; at += p.step) {
    gradX[at] = scale * (gradY[at] - byBeta - (x[at] - m) * byGamma);
  }
}

//// batchnorm-whole-leaky
struct Params {
  count: u32,
  rows: u32,
  perRow: u32,
  eps: f32,
  slope: f32,
  momentum: f32,
  unbias: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> runningMean: array<f32>;
@group(0) @binding(4) var<storage, read_write> runningVariance: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> means: array<f32>;
@group(0) @binding(7) var<storage, read_write> variances: array<f32>;
@group(0) @binding(8) var<uniform> p: Params;
alias T = f32;
fn leaky(v: T) -> T { return select(v, v * p.slope, v < T(0.0)); }
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 8u + lane;
  if (i >= p.count) { return; }
  let c = i;
  let begin = 0u;
  let end = p.rows;
  var at = c;
  let first = x[c];
  var mean = T(0.0);
  var m2 = T(0.0);
  var count = 0.0;
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let x0 = x[at + 0u * p.perRow] - first;
    let x1 = x[at + 1u * p.perRow] - first;
    let x2 = x[at + 2u * p.perRow] - first;
    let x3 = x[at + 3u * p.perRow] - first;
    let x4 = x[at + 4u * p.perRow] - first;
    let x5 = x[at + 5u * p.perRow] - first;
    let x6 = x[at + 6u * p.perRow] - first;
    let x7 = x[at + 7u * p.perRow] - first;
    let own = (((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7))) * 0.125;
    let d0 = x0 - own;
    let d1 = x1 - own;
    let d2 = x2 - own;
    let d3 = x3 - own;
    let d4 = x4 - own;
    let d5 = x5 - own;
    let d6 = x6 - own;
    let d7 = x7 - own;
    let q0 = d0 * d0;
    let q1 = d1 * d1;
    let q2 = d2 * d2;
    let q3 = d3 * d3;
    let q4 = d4 * d4;
    let q5 = d5 * d5;
    let q6 = d6 * d6;
    let q7 = d7 * d7;
    let delta = own - mean;
    let share = 8.0 / (count + 8.0);
    mean += delta * share;
    m2 += (((q0 + q1) + (q2 + q3)) + ((q4 + q5) + (q6 + q7))) + delta * delta * (count * share);
    count += 8.0;
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    let value = x[at] - first;
    let delta = value - mean;
    count += 1.0;
    mean += delta / count;
    m2 += delta * (value - mean);
    at += p.perRow;
  }
  let center = first + mean;
  let variance = m2 / f32(p.rows);
  means[i] = center;
  variances[i] = variance;
  runningMean[i] += p.momentum * (center - runningMean[i]);
  runningVariance[i] += p.momentum * (variance * p.unbias - runningVariance[i]);
  let scale = inverseSqrt(variance + p.eps) * gamma[c];
  let shift = beta[c];
  {
  at = c;
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let y0 = leaky((x[at + 0u * p.perRow] - center) * scale + shift);
    let y1 = leaky((x[at + 1u * p.perRow] - center) * scale + shift);
    let y2 = leaky((x[at + 2u * p.perRow] - center) * scale + shift);
    let y3 = leaky((x[at + 3u * p.perRow] - center) * scale + shift);
    let y4 = leaky((x[at + 4u * p.perRow] - center) * scale + shift);
    let y5 = leaky((x[at + 5u * p.perRow] - center) * scale + shift);
    let y6 = leaky((x[at + 6u * p.perRow] - center) * scale + shift);
    let y7 = leaky((x[at + 7u * p.perRow] - center) * scale + shift);
    y[at + 0u * p.perRow] = y0;
    y[at + 1u * p.perRow] = y1;
    y[at + 2u * p.perRow] = y2;
    y[at + 3u * p.perRow] = y3;
    y[at + 4u * p.perRow] = y4;
    y[at + 5u * p.perRow] = y5;
    y[at + 6u * p.perRow] = y6;
    y[at + 7u * p.perRow] = y7;
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    y[at] = leaky((x[at] - center) * scale + shift);
    at += p.perRow;
  }
  }
}

//// batchnorm-backward-whole-leaky
struct Params {
  count: u32,
  rows: u32,
  perRow: u32,
  eps: f32,
  slope: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;
@group(0) @binding(6) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradGamma: array<f32>;
@group(0) @binding(8) var<storage, read_write> gradBeta: array<f32>;
@group(0) @binding(9) var<uniform> p: Params;
alias T = f32;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 8u + lane;
  if (i >= p.count) { return; }
  let c = i;
  let begin = 0u;
  let end = p.rows;
  var at = c;
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
  let scale = inverse * gamma[c];
  let shift = beta[c];
  var sum = T(0.0);
  var dot = T(0.0);
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let x0 = x[at + 0u * p.perRow] - m;
    let g0 = select(gradY[at + 0u * p.perRow] * p.slope, gradY[at + 0u * p.perRow], x0 * scale + shift > T(0.0));
    let x1 = x[at + 1u * p.perRow] - m;
    let g1 = select(gradY[at + 1u * p.perRow] * p.slope, gradY[at + 1u * p.perRow], x1 * scale + shift > T(0.0));
    let x2 = x[at + 2u * p.perRow] - m;
    let g2 = select(gradY[at + 2u * p.perRow] * p.slope, gradY[at + 2u * p.perRow], x2 * scale + shift > T(0.0));
    let x3 = x[at + 3u * p.perRow] - m;
    let g3 = select(gradY[at + 3u * p.perRow] * p.slope, gradY[at + 3u * p.perRow], x3 * scale + shift > T(0.0));
    let x4 = x[at + 4u * p.perRow] - m;
    let g4 = select(gradY[at + 4u * p.perRow] * p.slope, gradY[at + 4u * p.perRow], x4 * scale + shift > T(0.0));
    let x5 = x[at + 5u * p.perRow] - m;
    let g5 = select(gradY[at + 5u * p.perRow] * p.slope, gradY[at + 5u * p.perRow], x5 * scale + shift > T(0.0));
    let x6 = x[at + 6u * p.perRow] - m;
    let g6 = select(gradY[at + 6u * p.perRow] * p.slope, gradY[at + 6u * p.perRow], x6 * scale + shift > T(0.0));
    let x7 = x[at + 7u * p.perRow] - m;
    let g7 = select(gradY[at + 7u * p.perRow] * p.slope, gradY[at + 7u * p.perRow], x7 * scale + shift > T(0.0));
    let d0 = g0 * x0;
    let d1 = g1 * x1;
    let d2 = g2 * x2;
    let d3 = g3 * x3;
    let d4 = g4 * x4;
    let d5 = g5 * x5;
    let d6 = g6 * x6;
    let d7 = g7 * x7;
    sum += (((g0 + g1) + (g2 + g3)) + ((g4 + g5) + (g6 + g7)));
    dot += (((d0 + d1) + (d2 + d3)) + ((d4 + d5) + (d6 + d7)));
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    let xr = x[at] - m;
    let gr = select(gradY[at] * p.slope, gradY[at], xr * scale + shift > T(0.0));
    sum += gr;
    dot += gr * xr;
    at += p.perRow;
  }
  let ofGamma = dot * inverse;
  gradGamma[i] = ofGamma;
  gradBeta[i] = sum;
  let share = 1.0 / f32(p.rows);
  let byGamma = ofGamma * inverse * share;
  let byBeta = sum * share;
  let factor = inverse * gamma[c];
  {
  at = c;
  var r = begin;
  for (; r + 8u <= end; r += 8u) {
    let y0 = factor * (select(gradY[at + 0u * p.perRow] * p.slope, gradY[at + 0u * p.perRow], (x[at + 0u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 0u * p.perRow] - m) * byGamma);
    let y1 = factor * (select(gradY[at + 1u * p.perRow] * p.slope, gradY[at + 1u * p.perRow], (x[at + 1u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 1u * p.perRow] - m) * byGamma);
    let y2 = factor * (select(gradY[at + 2u * p.perRow] * p.slope, gradY[at + 2u * p.perRow], (x[at + 2u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 2u * p.perRow] - m) * byGamma);
    let y3 = factor * (select(gradY[at + 3u * p.perRow] * p.slope, gradY[at + 3u * p.perRow], (x[at + 3u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 3u * p.perRow] - m) * byGamma);
    let y4 = factor * (select(gradY[at + 4u * p.perRow] * p.slope, gradY[at + 4u * p.perRow], (x[at + 4u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 4u * p.perRow] - m) * byGamma);
    let y5 = factor * (select(gradY[at + 5u * p.perRow] * p.slope, gradY[at + 5u * p.perRow], (x[at + 5u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 5u * p.perRow] - m) * byGamma);
    let y6 = factor * (select(gradY[at + 6u * p.perRow] * p.slope, gradY[at + 6u * p.perRow], (x[at + 6u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 6u * p.perRow] - m) * byGamma);
    let y7 = factor * (select(gradY[at + 7u * p.perRow] * p.slope, gradY[at + 7u * p.perRow], (x[at + 7u * p.perRow] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 7u * p.perRow] - m) * byGamma);
    gradX[at + 0u * p.perRow] = y0;
    gradX[at + 1u * p.perRow] = y1;
    gradX[at + 2u * p.perRow] = y2;
    gradX[at + 3u * p.perRow] = y3;
    gradX[at + 4u * p.perRow] = y4;
    gradX[at + 5u * p.perRow] = y5;
    gradX[at + 6u * p.perRow] = y6;
    gradX[at + 7u * p.perRow] = y7;
    at += 8u * p.perRow;
  }
  for (; r < end; r++) {
    gradX[at] = factor * (select(gradY[at] * p.slope, gradY[at], (x[at] - m) * scale + shift > T(0.0)) - byBeta - (x[at] - m) * byGamma);
    at += p.perRow;
  }
  }
}

//// batchnorm-backward-input-leaky
struct Params {
  count: u32,
  channels: u32,
  total: u32,
  step: u32,
  chunk: u32,
  eps: f32,
  perRow: f32,
  slope: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> sums: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> p: Params;
alias T = vec4<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
  let scale = inverse * gamma[c];
  let shift = beta[c];
  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + 3u * p.step < end; at += 4u * p.step) {
    let y0 = scale * (select(gradY[at + 0u * p.step] * p.slope, gradY[at + 0u * p.step], (x[at + 0u * p.step] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 0u * p.step] - m) * byGamma);
    let y1 = scale * (select(gradY[at + 1u * p.step] * p.slope, gradY[at + 1u * p.step], (x[at + 1u * p.step] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 1u * p.step] - m) * byGamma);
    let y2 = scale * (select(gradY[at + 2u * p.step] * p.slope, gradY[at + 2u * p.step], (x[at + 2u * p.step] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 2u * p.step] - m) * byGamma);
    let y3 = scale * (select(gradY[at + 3u * p.step] * p.slope, gradY[at + 3u * p.step], (x[at + 3u * p.step] - m) * scale + shift > T(0.0)) - byBeta - (x[at + 3u * p.step] - m) * byGamma);
    gradX[at + 0u * p.step] = y0;
    gradX[at + 1u * p.step] = y1;
    gradX[at + 2u * p.step] = y2;
    gradX[at + 3u * p.step] = y3;
  }
  for (; at < end; at += p.step) {
    gradX[at] = scale * (select(gradY[at] * p.slope, gradY[at], (x[at] - m) * scale + shift > T(0.0)) - byBeta - (x[at] - m) * byGamma);
  }
}

