//// match-boxes
struct Params {
  count: u32,
  boxes: u32,
  faces: u32,
  positive: f32,
  negative: f32,
}
@group(0) @binding(0) var<storage, read> boxes: array<vec4f>;
@group(0) @binding(1) var<storage, read> faces: array<f32>;
@group(0) @binding(2) var<storage, read_write> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> rows: array<i32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let first = i / p.boxes * p.faces;
  let box = boxes[i];
  let own = max(box.z - box.x, 0.0) * max(box.w - box.y, 0.0);
  var best = 0.0;
  var row = first;
  var label = 0;
  var excused = false;
  for (var f = 0u; f < p.faces; f++) {
    let at = (first + f) * 5u;
    let kind = i32(faces[at + 4u]);
    if (kind == 0) { continue; }
    let low = vec2f(faces[at], faces[at + 1u]);
    let high = vec2f(faces[at + 2u], faces[at + 3u]);
    let side = max(min(high, box.zw) - max(low, box.xy), vec2f());
    let both = side.x * side.y;
    if (kind < 0) {
      excused = excused || (own > 0.0 && both >= 0.5 * own);
      continue;
    }
    let iou = both / ((high.x - low.x) * (high.y - low.y) + own - both);
    if (iou > best) {
      best = iou;
      row = first + f;
      label = kind;
    }
  }
  if (best < p.positive) { label = select(-1, 0, best < p.negative && !excused); }
  labels[i] = label;
  rows[i] = i32(row);
}

