//// hard-negatives
struct Params {
  count: u32,
  priors: u32,
  ratio: f32,
}
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> chosen: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
const LANES = 256u;
var<workgroup> histogram: array<atomic<u32>, LANES>;
var<workgroup> laneTies: array<u32, LANES>;
var<workgroup> faces: atomic<u32>;
var<workgroup> negatives: atomic<u32>;
/** Bits of the k-th largest key found so far, and how many of the keys that share them are kept. */
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;

/** Unsigned integers in the order of the floats; NaN counts as the largest. */
fn orderOf(loss: f32) -> u32 {
  let bits = bitcast<u32>(loss);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  let base = group * p.priors;
  if (lane == 0u) {
    atomicStore(&faces, 0u);
    atomicStore(&negatives, 0u);
  }
  workgroupBarrier();
  var ownFaces = 0u;
  var ownNegatives = 0u;
  for (var j = lane; j < p.priors; j += LANES) {
    let label = labels[base + j];
    ownFaces += u32(label > 0);
    ownNegatives += u32(label == 0);
  }
  atomicAdd(&faces, ownFaces);
  atomicAdd(&negatives, ownNegatives);
  workgroupBarrier();
  if (lane == 0u) {
    let asked = u32(min(floor(p.ratio * f32(atomicLoad(&faces))), f32(p.priors - 1u)));
    wanted = min(asked, atomicLoad(&negatives));
    prefix = 0u;
  }
  let kept = workgroupUniformLoad(&wanted);

  for (var pass_ = 0u; pass_ < 4u && kept > 0u; pass_++) {
    let shift = 24u - 8u * pass_;
    let above = select(0xffffff00u << shift, 0u, pass_ == 0u);
    let found = workgroupUniformLoad(&prefix);
    atomicStore(&histogram[lane], 0u);
    workgroupBarrier();
    for (var j = lane; j < p.priors; j += LANES) {
      let key = orderOf(losses[base + j]);
      if (labels[base + j] == 0 && ((key ^ found) & above) == 0u) {
        atomicAdd(&histogram[(key >> shift) & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var bin = 255u;
      var rest = wanted;
      loop {
        let count = atomicLoad(&histogram[bin]);
        if (count >= rest || bin == 0u) { break; }
        rest -= count;
        bin -= 1u;
      }
      prefix = found | (bin << shift);
      wanted = rest;
    }
  }

  let threshold = workgroupUniformLoad(&prefix);
  let ties = workgroupUniformLoad(&wanted);
  let span = (p.priors + LANES - 1u) / LANES;
  let start = min(lane * span, p.priors);
  let end = min(start + span, p.priors);
  var equal = 0u;
  for (var j = start; j < end; j++) {
    equal += u32(labels[base + j] == 0 && orderOf(losses[base + j]) == threshold);
  }
  laneTies[lane] = equal;
  workgroupBarrier();
  var rank = 0u;
  for (var other = 0u; other < lane; other++) { rank += laneTies[other]; }
  for (var j = start; j < end; j++) {
    let label = labels[base + j];
    var choose = label > 0;
    if (label == 0 && kept > 0u) {
      let key = orderOf(losses[base + j]);
      choose = key > threshold || (key == threshold && rank < ties);
      rank += u32(key == threshold);
    }
    chosen[base + j] = select(0.0, 1.0, choose);
  }
}

