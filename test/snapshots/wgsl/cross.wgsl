//// cross-entropy
struct Params {
  count: u32,
  length: u32,
  ignore: i32,
  nan: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
const LANES = 1u;
fn rowMax(v: f32, lane: u32) -> f32 {
  return v;
}
fn rowSum(v: f32, lane: u32) -> f32 {
  return v;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i;
  let base = row * p.length;
  let first = 0u;
  let label = labels[row];
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += exp(x[base + j] - highest);
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  let valid = label >= 0 && label < i32(p.length);
  if (first == 0u) {
    var value = p.nan;
    if (valid) { value = log(total) + highest - x[base + u32(label)]; }
    loss[row] = select(value, 0.0, label == p.ignore);
  }
}

//// cross-entropy-backward
struct Params {
  count: u32,
  length: u32,
  ignore: i32,
  nan: f32,
}
@group(0) @binding(0) var<storage, read> gradLoss: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;
const LANES = 1u;
fn rowMax(v: f32, lane: u32) -> f32 {
  return v;
}
fn rowSum(v: f32, lane: u32) -> f32 {
  return v;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i;
  let base = row * p.length;
  let first = 0u;
  let label = labels[row];
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += exp(x[base + j] - highest);
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  let valid = label >= 0 && label < i32(p.length);
  let scale = select(p.nan, gradLoss[row], valid);
  for (var j = first; j < p.length; j += LANES) {
    let hit = select(0.0, 1.0, i32(j) == label);
    let value = scale * (exp(x[base + j] - highest) / total - hit);
    gradX[base + j] = select(value, 0.0, label == p.ignore);
  }
}

//// cross-entropy-workgroup
struct Params {
  count: u32,
  length: u32,
  ignore: i32,
  nan: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
const LANES = 64u;
var<workgroup> shared_: array<f32, 64>;
fn rowMax(v: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shared_[lane] = v;
  workgroupBarrier();
  for (var width = 32u; width > 0u; width >>= 1u) {
    if (lane < width) {
      let a = shared_[lane];
      let b = shared_[lane + width];
      shared_[lane] = max(a, b);
    }
    workgroupBarrier();
  }
  return shared_[0];
}
fn rowSum(v: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shared_[lane] = v;
  workgroupBarrier();
  for (var width = 32u; width > 0u; width >>= 1u) {
    if (lane < width) {
      let a = shared_[lane];
      let b = shared_[lane + width];
      shared_[lane] = a + b;
    }
    workgroupBarrier();
  }
  return shared_[0];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let row = group;
  let base = row * p.length;
  let first = lane;
  let label = labels[row];
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += exp(x[base + j] - highest);
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  let valid = label >= 0 && label < i32(p.length);
  if (first == 0u) {
    var value = p.nan;
    if (valid) { value = log(total) + highest - x[base + u32(label)]; }
    loss[row] = select(value, 0.0, label == p.ignore);
  }
}

//// cross-entropy-backward-workgroup
struct Params {
  count: u32,
  length: u32,
  ignore: i32,
  nan: f32,
}
@group(0) @binding(0) var<storage, read> gradLoss: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;
const LANES = 64u;
var<workgroup> shared_: array<f32, 64>;
fn rowMax(v: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shared_[lane] = v;
  workgroupBarrier();
  for (var width = 32u; width > 0u; width >>= 1u) {
    if (lane < width) {
      let a = shared_[lane];
      let b = shared_[lane + width];
      shared_[lane] = max(a, b);
    }
    workgroupBarrier();
  }
  return shared_[0];
}
fn rowSum(v: f32, lane: u32) -> f32 {
  workgroupBarrier();
  shared_[lane] = v;
  workgroupBarrier();
  for (var width = 32u; width > 0u; width >>= 1u) {
    if (lane < width) {
      let a = shared_[lane];
      let b = shared_[lane + width];
      shared_[lane] = a + b;
    }
    workgroupBarrier();
  }
  return shared_[0];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let row = group;
  let base = row * p.length;
  let first = lane;
  let label = labels[row];
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += exp(x[base + j] - highest);
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  let valid = label >= 0 && label < i32(p.length);
  let scale = select(p.nan, gradLoss[row], valid);
  for (var j = first; j < p.length; j += LANES) {
    let hit = select(0.0, 1.0, i32(j) == label);
    let value = scale * (exp(x[base + j] - highest) / total - hit);
    gradX[base + j] = select(value, 0.0, label == p.ignore);
  }
}

