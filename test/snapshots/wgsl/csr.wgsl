//// csr-matmul
struct Params {
  count: u32,
  columns: u32,
  inner: u32,
  values: u32,
}
@group(0) @binding(0) var<storage, read> starts: array<i32>;
@group(0) @binding(1) var<storage, read> at: array<i32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> dense: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let row = i / p.columns;
  let column = i % p.columns;
  let first = u32(max(starts[row], 0));
  let last = min(u32(max(starts[row + 1u], 0)), p.values);
  var sum = vec4<f32>();
  for (var start = first; start < last; start += 256u) {
    var part = vec4<f32>();
    for (var k = start; k < min(start + 256u, last); k++) {
      let r = u32(at[k]);
      if (r < p.inner) { part += values[k] * dense[r * p.columns + column]; }
    }
    sum += part;
  }
  y[i] = sum;
}

//// csr-rows
struct Params {
  count: u32,
  rows: u32,
}
@group(0) @binding(0) var<storage, read> starts: array<i32>;
@group(0) @binding(1) var<storage, read_write> row: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  var low = 0u;
  var high = p.rows;
  while (low + 1u < high) {
    let middle = (low + high) / 2u;
    if (u32(starts[middle]) <= i) { low = middle; } else { high = middle; }
  }
  row[i] = i32(low);
}

