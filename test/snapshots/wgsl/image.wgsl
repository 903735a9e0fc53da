//// image-input
struct Params {
  count: u32,
  targetWidth: u32,
  targetHeight: u32,
  width: u32,
  height: u32,
  sourceWidth: u32,
  sourceHeight: u32,
  sourceStride: u32,
  copy: u32,
  strip: u32,
  targetOffset: u32,
  firstRow: i32,
  lastRow: i32,
  boundRow: i32,
  perColumn: f32,
  perRow: f32,
  meanB: f32,
  meanG: f32,
  meanR: f32,
}
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> taps: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> image: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const LANES = 64u;
fn weight(entry: vec4<f32>, k: f32, perTap: f32) -> f32 {
  return max(0.0, 1.0 - abs(k - entry.y) * perTap) * entry.w;
}
fn pixel(at: u32) -> vec3<f32> {
  let rgba = source[at];
  return vec3<f32>(vec3<u32>((rgba >> 16u) & 255u, (rgba >> 8u) & 255u, rgba & 255u));
}
fn rowSum(row: i32, column: vec4<f32>) -> vec3<f32> {
  let base = u32(row) * p.sourceStride;
  let last = i32(p.sourceWidth) - 1;
  let first = i32(column.x);
  var sum = vec3<f32>();
  for (var k = 0; k < i32(column.z); k += 2) {
    let a = pixel(base + u32(clamp(first + k, 0, last)));
    let b = pixel(base + u32(clamp(first + k + 1, 0, last)));
    sum += weight(column, f32(k), p.perColumn) * a;
    sum += weight(column, f32(k + 1), p.perColumn) * b;
  }
  return sum;
}
fn load(at: u32) -> vec3<f32> {
  return vec3<f32>(image[at], image[at + 1u], image[at + 2u]);
}
fn store(at: u32, bgr: vec3<f32>) {
  image[at] = bgr.x;
  image[at + 1u] = bgr.y;
  image[at + 2u] = bgr.z;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }

  let across = (p.targetWidth + LANES - 1u) / LANES;
  let x = group % across * LANES + lane;
  let top = group / across * p.strip;
  let bottom = min(top + p.strip, p.targetHeight);
  let end = min(bottom, p.height);
  let step = p.targetWidth * 3u;
  let corner = p.targetOffset + x * 3u;
  let covered = x < p.width;
  let mean = vec3<f32>(p.meanB, p.meanG, p.meanR);
  if (p.copy != 0u) {
    let stop = min(i32(end), p.lastRow + 1);
    for (var r = max(i32(top), p.firstRow); r < stop; r++) {
      let at = u32(r - p.boundRow) * p.sourceStride + x;
      if (covered) { store(corner + u32(r) * step, pixel(at) - mean); }
    }
  } else if (top < end) {
    let column = taps[min(x, p.width - 1u)];
    var y = top;
    var row = taps[p.width + y];
    let lowest = taps[p.width + end - 1u];
    if (i32(row.x) > p.lastRow || i32(lowest.x + lowest.z) <= p.firstRow) { return; }
    var next = taps[p.width + min(y + 1u, end - 1u)];
    var acc = vec3<f32>();
    var ahead = vec3<f32>();
    for (var r = i32(row.x); y < end; r++) {
      if (r >= p.firstRow && r <= p.lastRow) {
        let sum = rowSum(clamp(r, 0, i32(p.sourceHeight) - 1) - p.boundRow, column);
        acc += weight(row, f32(r) - row.x, p.perRow) * sum;
        ahead += weight(next, f32(r) - next.x, p.perRow) * sum;
      }
      if (f32(r) + 1.0 >= row.x + row.z || r >= p.lastRow) {
        if (covered && i32(row.x + row.z) > p.firstRow) {
          let at = corner + y * step;
          if (i32(row.x) >= p.firstRow) { acc -= mean; } else { acc += load(at); }
          store(at, acc);
        }
        y += 1u;
        row = next;
        next = taps[p.width + min(y + 1u, end - 1u)];
        if (i32(row.x) > p.lastRow) { return; }
        acc = ahead;
        ahead = vec3<f32>();
        r = max(r, i32(row.x) - 1);
      }
    }
  }
  if (x < p.targetWidth) {
    for (var y = select(top, max(top, end), covered); y < bottom; y++) {
      store(corner + y * step, vec3<f32>());
    }
  }
}

