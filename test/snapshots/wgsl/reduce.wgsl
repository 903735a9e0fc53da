//// reduce-sum-inner
enable f16;
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f16>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = f32(x[base + reducedOffset(r)]);
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-sum-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-sum-outer-2
enable f16;
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f16>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = f16(total);
}

//// reduce-sum-inner-2
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-mean-inner
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  scale: f32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total * p.scale;
}

//// reduce-mean-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  scale: f32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total * p.scale;
}

//// reduce-sumSquares-inner
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)] * x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-sumSquares-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)] * x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-sumSquares-outer-2
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(0);
  var r = segment;
  while (r < p.length) {
    var middle = f32(0);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(0);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner + v;
        r += p.segments;
      }
      middle = middle + inner;
    }
    total = total + middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-max-inner
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = bitcast<f32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<f32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<f32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v > inner) | isNan(v));
        r += p.segments;
      }
      middle = select(middle, inner, (inner > middle) | isNan(inner));
    }
    total = select(total, middle, (middle > total) | isNan(middle));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-max-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = bitcast<f32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<f32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<f32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v > inner) | isNan(v));
        r += p.segments;
      }
      middle = select(middle, inner, (inner > middle) | isNan(inner));
    }
    total = select(total, middle, (middle > total) | isNan(middle));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-min-inner
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i % p.segments;
  let o = i / p.segments;
  let base = keptOffset(o);
  var total = bitcast<f32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<f32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<f32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v < inner) | isNan(v));
        r += p.segments;
      }
      middle = select(middle, inner, (inner < middle) | isNan(inner));
    }
    total = select(total, middle, (middle < total) | isNan(middle));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-min-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = bitcast<f32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<f32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<f32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v < inner) | isNan(v));
        r += p.segments;
      }
      middle = select(middle, inner, (inner < middle) | isNan(inner));
    }
    total = select(total, middle, (middle < total) | isNan(middle));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-prod-outer
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  keptN1: u32,
  keptS1: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index / p.keptN1;
  let x1 = index - x0 * p.keptN1;
  return x0 * p.keptS0 + x1 * p.keptS1;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(1);
  var r = segment;
  while (r < p.length) {
    var middle = f32(1);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(1);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner * v;
        r += p.segments;
      }
      middle = middle * inner;
    }
    total = total * middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-prod-outer-2
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = f32(1);
  var r = segment;
  while (r < p.length) {
    var middle = f32(1);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = f32(1);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = inner * v;
        r += p.segments;
      }
      middle = middle * inner;
    }
    total = total * middle;
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-max-outer-2
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  keptN1: u32,
  keptS1: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index / p.keptN1;
  let x1 = index - x0 * p.keptN1;
  return x0 * p.keptS0 + x1 * p.keptS1;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = bitcast<i32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<i32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<i32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v > inner));
        r += p.segments;
      }
      middle = select(middle, inner, (inner > middle));
    }
    total = select(total, middle, (middle > total));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-max-outer-3
struct Params {
  count: u32,
  length: u32,
  segments: u32,
  outputs: u32,
  lowest: u32,
  keptS0: u32,
  reducedS0: u32,
}
@group(0) @binding(0) var<storage, read> x: array<i32>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;
fn keptOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.keptS0;
}
fn reducedOffset(index: u32) -> u32 {
  let x0 = index;
  return x0 * p.reducedS0;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let segment = i / p.outputs;
  let o = i % p.outputs;
  let base = keptOffset(o);
  var total = bitcast<i32>(p.lowest);
  var r = segment;
  while (r < p.length) {
    var middle = bitcast<i32>(p.lowest);
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = bitcast<i32>(p.lowest);
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = x[base + reducedOffset(r)];
        inner = select(inner, v, (v > inner));
        r += p.segments;
      }
      middle = select(middle, inner, (inner > middle));
    }
    total = select(total, middle, (middle > total));
  }
  y[segment * p.outputs + o] = total;
}

//// reduce-argmax
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> index: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let base = i / p.inner * p.extent * p.inner + i % p.inner;
  var best = x[base];
  var at = 0u;
  for (var k = 1u; k < p.extent; k++) {
    let v = x[base + k * p.inner];
    if ((v > best) || (isNan(v) && !isNan(best))) {
      best = v;
      at = k;
    }
  }
  index[i] = i32(at);
}

