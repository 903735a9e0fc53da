//// softmax
struct Params {
  count: u32,
  length: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
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
  for (var j = first; j < p.length; j += LANES) { y[base + j] = exp(x[base + j] - highest) / total; }
}

//// softmax-backward
struct Params {
  count: u32,
  length: u32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
const LANES = 1u;
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
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += gradY[base + j] * y[base + j];
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  for (var j = first; j < p.length; j += LANES) { gradX[base + j] = y[base + j] * (gradY[base + j] - total); }
}

//// softmax-workgroup
struct Params {
  count: u32,
  length: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
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
  for (var j = first; j < p.length; j += LANES) { y[base + j] = exp(x[base + j] - highest) / total; }
}

//// softmax-backward-workgroup
struct Params {
  count: u32,
  length: u32,
}
@group(0) @binding(0) var<storage, read> gradY: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradX: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
const LANES = 64u;
var<workgroup> shared_: array<f32, 64>;
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
  var total = 0.0;
  for (var j = first; j < p.length; ) {
    var part = 0.0;
    for (var k = 0u; k < 32u && j < p.length; k++) {
      part += gradY[base + j] * y[base + j];
      j += LANES;
    }
    total += part;
  }
  total = rowSum(total, first);
  for (var j = first; j < p.length; j += LANES) { gradX[base + j] = y[base + j] * (gradY[base + j] - total); }
}

