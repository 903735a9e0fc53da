//// candidates
struct Params {
  count: u32,
  cells: u32,
  firstPrior: u32,
  anchors: u32,
  logitsStride: u32,
  logitsOffset: u32,
  head0Stride: u32,
  head0Offset: u32,
  head1Stride: u32,
  head1Offset: u32,
  priors: u32,
  threshold: u32,
  words: u32,
}
@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> head0: array<u32>;
@group(0) @binding(2) var<storage, read> head1: array<u32>;
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
  let logitsAt = i * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * 2u;
    let key = marginKey(logits[l], logits[l + 1u]);
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(0u, key, passes);
    if (passes) {
      let h0 = i * p.head0Stride + p.head0Offset + a * 4u;
      let h1 = i * p.head1Stride + p.head1Offset + a * 10u;
      let r = slot * p.words;
      records[r + 0u] = key;
      records[r + 1u] = prior;
      for (var w = 2u; w < p.words; w++) {
        if (w < 6u) { records[r + w] = head0[h0 + w - 2u]; } else { records[r + w] = head1[h1 + w - 6u]; }
      }
    }
  }
}

//// candidates-2
struct Params {
  count: u32,
  cells: u32,
  firstPrior: u32,
  anchors: u32,
  logitsStride: u32,
  logitsOffset: u32,
  head0Stride: u32,
  head0Offset: u32,
  head1Stride: u32,
  head1Offset: u32,
  head2Stride: u32,
  head2Offset: u32,
  priors: u32,
  threshold: u32,
  words: u32,
}
@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> head0: array<u32>;
@group(0) @binding(2) var<storage, read> head1: array<u32>;
@group(0) @binding(3) var<storage, read> head2: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys: array<u32>;
@group(0) @binding(5) var<storage, read_write> records: array<u32>;
@group(0) @binding(6) var<uniform> p: Params;

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
  let logitsAt = i * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * 4u;
    var key = marginKey(logits[l], logits[l + 1u]);
    var label = 1u;
    for (var c = 2u; c < 4u; c++) {
      let other = marginKey(logits[l], logits[l + c]);
      if (other > key) {
        key = other;
        label = c;
      }
    }
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(0u, key, passes);
    if (passes) {
      let h0 = i * p.head0Stride + p.head0Offset + a * 4u;
      let h1 = i * p.head1Stride + p.head1Offset + a * 7u;
      let h2 = i * p.head2Stride + p.head2Offset + a * 10u;
      let r = slot * p.words;
      records[r + 0u] = key;
      records[r + 1u] = prior;
      records[r + 2u] = label;
      for (var w = 3u; w < p.words; w++) {
        if (w < 7u) { records[r + w] = head0[h0 + w - 3u]; } else if (w < 14u) { records[r + w] = head1[h1 + w - 7u]; } else { records[r + w] = head2[h2 + w - 14u]; }
      }
    }
  }
}

//// candidates-3
struct Params {
  count: u32,
  cells: u32,
  firstPrior: u32,
  anchors: u32,
  logitsStride: u32,
  logitsOffset: u32,
  head0Stride: u32,
  head0Offset: u32,
  priors: u32,
  threshold: u32,
  words: u32,
}
@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> head0: array<u32>;
@group(0) @binding(2) var<storage, read_write> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> records: array<u32>;
@group(0) @binding(4) var<uniform> p: Params;

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
  let logitsAt = i * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * 2u;
    let key = marginKey(logits[l], logits[l + 1u]);
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(0u, key, passes);
    if (passes) {
      let h0 = i * p.head0Stride + p.head0Offset + a * 4u;
      let r = slot * p.words;
      records[r + 0u] = key;
      records[r + 1u] = prior;
      for (var w = 2u; w < p.words; w++) {
        { records[r + w] = head0[h0 + w - 2u]; }
      }
    }
  }
}

//// candidates-levels
struct Params {
  count: u32,
  batch: u32,
  cells0: u32,
  cells1: u32,
  cells2: u32,
  anchors: u32,
  logitsStride: u32,
  logitsOffset: u32,
  head0Stride: u32,
  head0Offset: u32,
  head1Stride: u32,
  head1Offset: u32,
  priors: u32,
  threshold: u32,
  words: u32,
}
@group(0) @binding(0) var<storage, read> level0: array<u32>;
@group(0) @binding(1) var<storage, read> level1: array<u32>;
@group(0) @binding(2) var<storage, read> level2: array<u32>;
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
fn word(level: u32, at: u32) -> u32 {
  switch level {
    case 0u: { return level0[at]; }
    case 1u: { return level1[at]; }
    default: { return level2[at]; }
  }
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }

  var level = 0u;
  var own = i;
  var cells = p.cells0;
  var firstPrior = 0u;
  if (level == 0u && own >= p.batch * cells) {
    own -= p.batch * cells;
    firstPrior += cells * p.anchors;
    level = 1u;
    cells = p.cells1;
  }
  if (level == 1u && own >= p.batch * cells) {
    own -= p.batch * cells;
    firstPrior += cells * p.anchors;
    level = 2u;
    cells = p.cells2;
  }
  let image = own / cells;
  let cell = own - image * cells;
  let logitsAt = own * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * 2u;
    let key = marginKey(word(level, l), word(level, l + 1u));
    let prior = firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(0u, key, passes);
    if (passes) {
      let h0 = own * p.head0Stride + p.head0Offset + a * 4u;
      let h1 = own * p.head1Stride + p.head1Offset + a * 10u;
      let r = slot * p.words;
      records[r + 0u] = key;
      records[r + 1u] = prior;
      for (var w = 2u; w < p.words; w++) {
        if (w < 6u) { records[r + w] = word(level, h0 + w - 2u); } else { records[r + w] = word(level, h1 + w - 6u); }
      }
    }
  }
}

