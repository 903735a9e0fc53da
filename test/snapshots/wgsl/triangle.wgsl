//// triangle-lower
struct Params {
  count: u32,
  rows: u32,
  columns: u32,
  diagonal: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let beyond = i32(i % p.columns) - i32(i / p.columns % p.rows) - p.diagonal;
  y[i] = select(f32(0), x[i], beyond <= 0);
}

//// triangle-upper
struct Params {
  count: u32,
  rows: u32,
  columns: u32,
  diagonal: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let beyond = i32(i % p.columns) - i32(i / p.columns % p.rows) - p.diagonal;
  y[i] = select(f32(0), x[i], beyond >= 0);
}

