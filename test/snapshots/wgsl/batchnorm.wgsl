//// batchnorm-statistics
struct Params {
  count: u32,
  rows: u32,
  channels: u32,
  segmentRows: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let segment = i / p.channels;
  let begin = segment * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);
  var sum = 0.0;
  for (var r = begin; r < end; ) {
    var sumPart = 0.0;
    for (var k = 0u; k < 32u && r < end; k++) {
      let at = r * p.channels + c;
      sumPart += x[at];
      r++;
    }
    sum += sumPart;
  }
  let mean = sum / f32(end - begin);
  var m2 = 0.0;
  for (var r = begin; r < end; ) {
    var m2Part = 0.0;
    for (var k = 0u; k < 32u && r < end; k++) {
      let at = r * p.channels + c;
      let deviation = x[at] - mean;
      m2Part += deviation * deviation;
      r++;
    }
    m2 += m2Part;
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
  for (var at = i; at < p.total; at += p.count) {
    y[at] = (x[at] - m) * scale + shift;
  }
}

//// batchnorm-normalize-leaky
struct Params {
  count: u32,
  channels: u32,
  total: u32,
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
  for (var at = i; at < p.total; at += p.count) {
    y[at] = leaky((x[at] - m) * scale + shift);
  }
}

//// batchnorm-backward-inference
struct Params {
  count: u32,
  channels: u32,
  total: u32,
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
  for (var at = i; at < p.total; at += p.count) {
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
  channels: u32,
  segmentRows: u32,
  eps: f32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let c = i % p.channels;
  let segment = i / p.channels;
  let begin = segment * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);
  let m = mean[c];
  var sum = 0.0;
  var dot = 0.0;
  for (var r = begin; r < end; ) {
    var sumPart = 0.0;
    var dotPart = 0.0;
    for (var k = 0u; k < 32u && r < end; k++) {
      let at = r * p.channels + c;
      let g = gradY[at];
      sumPart += g;
      dotPart += g * (x[at] - m);
      r++;
    }
    sum += sumPart;
    dot += dotPart;
  }
  partial[i] = dot * inverseSqrt(variance[c] + p.eps);
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
  let scale = gamma[c] * inverse;
  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;
  for (var at = i; at < p.total; at += p.count) {
    gradX[at] = scale * (gradY[at] - byBeta - (x[at] - m) * byGamma);
  }
}

//// batchnorm-backward-input-leaky
struct Params {
  count: u32,
  channels: u32,
  total: u32,
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
@group(0) @binding(6) var<storage, read> y: array<vec4<f32>>;
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
  let scale = gamma[c] * inverse;
  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;
  for (var at = i; at < p.total; at += p.count) {
    gradX[at] = scale * (select(gradY[at] * p.slope, gradY[at], y[at] > T(0.0)) - byBeta - (x[at] - m) * byGamma);
  }
}

