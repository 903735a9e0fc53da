//// candidates
struct Params {
  count: u32,
  cells: u32,
  anchors: u32,
  confStride: u32,
  confOffset: u32,
  locStride: u32,
  locOffset: u32,
  landmsStride: u32,
  landmsOffset: u32,
  firstPrior: u32,
  priors: u32,
  threshold: u32,
  words: u32,
}
@group(0) @binding(0) var<storage, read> conf: array<u32>;
@group(0) @binding(1) var<storage, read> loc: array<u32>;
@group(0) @binding(2) var<storage, read> landms: array<u32>;
@group(0) @binding(3) var<storage, read_write> keys: array<u32>;
@group(0) @binding(4) var<storage, read_write> records: array<u32>;
@group(0) @binding(5) var<uniform> p: Params;

const NAN_KEY = 4294967295u;
const INFINITY = 0x7f800000u;
fn keyOf(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn marginKey(background: u32, face: u32) -> u32 {
  let b = background & 0x7fffffffu;
  let f = face & 0x7fffffffu;
  if (max(b, f) >= INFINITY) { return NAN_KEY; }
  return keyOf(bitcast<u32>(bitcast<f32>(face) - bitcast<f32>(background)));
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }

  let image = i / p.cells;
  let cell = i - image * p.cells;
  let confAt = i * p.confStride + p.confOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let key = marginKey(conf[confAt + a * 2u], conf[confAt + a * 2u + 1u]);
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(0u, key, passes);
    if (passes) {
      let l = i * p.locStride + p.locOffset + a * 4u;
      let m = i * p.landmsStride + p.landmsOffset + a * 10u;
      let r = slot * p.words;
      records[r] = key;
      records[r + 1u] = prior;
      for (var w = 2u; w < p.words; w++) {
        if (w < 6u) { records[r + w] = loc[l + w - 2u]; } else { records[r + w] = landms[m + w - 6u]; }
      }
    }
  }
}

