//// cumulative-sum
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let base = i / p.inner * p.extent * p.inner + i % p.inner;
  var before = f32(0);
  for (var start = 0u; start < p.extent; start += 32u) {
    var block = f32(0);
    for (var k = start; k < min(start + 32u, p.extent); k++) {
      let at = base + (k) * p.inner;
      block += x[at];
      y[at] = before + block;
    }
    before += block;
  }
}

//// cumulative-sum-reverse
struct Params {
  count: u32,
  extent: u32,
  inner: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let base = i / p.inner * p.extent * p.inner + i % p.inner;
  var before = f32(0);
  for (var start = 0u; start < p.extent; start += 32u) {
    var block = f32(0);
    for (var k = start; k < min(start + 32u, p.extent); k++) {
      let at = base + (p.extent - 1u - k) * p.inner;
      block += x[at];
      y[at] = before + block;
    }
    before += block;
  }
}

