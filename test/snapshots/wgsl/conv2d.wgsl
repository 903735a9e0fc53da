//// conv2d/direct
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  let in_first = p.in_offset + group * p.in_per_group;
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_first;
        let row = block + 1u + (ky * p.kernel_w + kx) * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(input[at + c]), packed[row + c], sum);
        }
      }
    }
  }
  finish(pixel, group * p.out_per_group + first, min(4u, p.out_per_group - first), sum);
}

//// conv2d/pack
struct Params {
  length: u32,
  bias_offset: u32,
  bias_rows: u32,
  block: u32,
  lanes: u32,
  quad: u32,
  pad: u32,
  taps_inner: u32,
  block_stride: u32,
  blocks_per_group: u32,
  out_per_group: u32,
  in_per_group: u32,
  taps: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn bias_value(group: u32, out_channel: u32) -> f32 {
  if (p.has_bias == 0u || out_channel >= p.out_per_group) {
    return 0.0;
  }
  return bias[group * p.out_per_group + out_channel];
}

fn value(i: u32) -> f32 {
  if (i >= p.bias_offset) {
    return bias_value(0u, i - p.bias_offset);
  }
  let block = i / p.block_stride;
  let group = block / p.blocks_per_group;
  let in_block = i % p.block_stride;
  let item = in_block % p.quad;
  let place = in_block / p.quad % p.block;
  let row = in_block / (p.quad * p.block);
  let lane_channel = place % p.lanes * (p.block / p.lanes) + place / p.lanes;
  let out_channel = (block % p.blocks_per_group) * p.block + lane_channel;
  if (out_channel >= p.out_per_group) {
    return 0.0;
  }
  if (row < p.bias_rows) {
    return select(0.0, bias_value(group, out_channel), item == 0u);
  }
  let inner = select(p.in_per_group, p.taps, p.taps_inner == 1u);
  let rows_per_outer = (inner + p.pad - 1u) / p.pad * (p.pad / p.quad);
  let outer_index = (row - p.bias_rows) / rows_per_outer;
  let inner_index = (row - p.bias_rows) % rows_per_outer * p.quad + item;
  let tap = select(outer_index, inner_index, p.taps_inner == 1u);
  let in_channel = select(inner_index, outer_index, p.taps_inner == 1u);
  if (tap >= p.taps || in_channel >= p.in_per_group) {
    return 0.0;
  }
  if (p.transposed == 1u) {
    let source = (group * p.in_per_group + in_channel) * p.out_per_group + out_channel;
    return weight[source * p.taps + (p.taps - 1u - tap)];
  }
  let source = (group * p.out_per_group + out_channel) * p.in_per_group + in_channel;
  return weight[source * p.taps + tap];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  if (i < p.length) {
    packed[i] = value(i);
  }
}

//// conv2d/gather
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let channel = group * p.out_per_group + first;
  let count = min(4u, p.out_per_group - first);
  let top = count - 1u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  var sum = vec4f();
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = i32((pixel / p.out_w) % p.out_h + p.pad_top) - i32(ky * p.dilation_y);
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = i32(pixel % p.out_w + p.pad_left) - i32(kx * p.dilation_x);
      let used = y >= 0 && x >= 0 && u32(y) % p.stride_y == 0u && u32(x) % p.stride_x == 0u;
      let from_y = u32(y) / p.stride_y;
      let from_x = u32(x) / p.stride_x;
      if (used && from_y < p.in_h && from_x < p.in_w) {
        let pixel_at = ((image * p.in_h + from_y) * p.in_w + from_x) * p.in_stride + p.in_offset;
        let at = pixel_at + group * p.in_per_group;
        let tap = p.kernel_h * p.kernel_w - 1u - ky * p.kernel_w - kx;
        let row = block + 1u + tap * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(input[at + c]), packed[row + c], sum);
        }
      }
    }
  }
  finish(pixel, channel, count, sum);
}

//// conv2d/weight-gradient
struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rows = p.taps * p.in_per_group;
  let row = workgroup.x * 64u + lane;
  let is_bias = row >= rows;
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let top = min(4u, p.out_per_group - first) - 1u;
  let out_channel = group * p.out_per_group + first;
  let tap = row / p.in_per_group;
  let in_channel = p.in_offset + group * p.in_per_group + row % p.in_per_group;
  let tap_y = i32(tap / p.kernel_w * p.dilation_y) - i32(p.pad_top);
  let tap_x = i32(tap % p.kernel_w * p.dilation_x) - i32(p.pad_left);

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.pixels);
  var total = vec4f();
  for (var run = begin; run < end; run += 64u) {
    var sum = vec4f();
    for (var pixel = run; pixel < min(run + 64u, end); pixel++) {
      let image = pixel / (p.out_w * p.out_h);
      let y = u32(i32((pixel / p.out_w) % p.out_h * p.stride_y) + tap_y);
      let x = u32(i32(pixel % p.out_w * p.stride_x) + tap_x);
      let at = pixel * p.out_stride + p.out_offset + out_channel;
      let g = vec4f(
        gradient[at],
        gradient[at + min(1u, top)],
        gradient[at + min(2u, top)],
        gradient[at + min(3u, top)],
      );
      if (is_bias) {
        sum += g;
      } else if (y < p.in_h && x < p.in_w) {
        let source = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_channel;
        sum = fma(vec4f(input[source]), g, sum);
      }
    }
    total += sum;
  }
  if (row > rows) {
    return;
  }
  let slice = workgroup.z * (rows + 1u) * p.out_channels;
  for (var i = 0u; i <= top; i++) {
    let bias_at = rows * p.out_channels + out_channel + i;
    let weight_at = ((out_channel + i) * p.in_per_group + row % p.in_per_group) * p.taps + tap;
    scratch[slice + select(weight_at, bias_at, is_bias)] = total[i];
  }
}

//// conv2d/weight-gradient-sum
struct Params {
  weights: u32,
  length: u32,
  slices: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> scratch: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn sum_slices(i: u32, first: u32, step: u32) -> f32 {
  var sum = 0.0;
  var lost = 0.0;
  for (var slice = first; slice < p.slices; slice += step) {
    let value = scratch[slice * p.length + i] - lost;
    let next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  return sum;
}

fn store(i: u32, sum: f32) {
  if (i < p.weights) {
    weight[i] = sum;
  } else if (p.has_bias == 1u) {
    bias[i - p.weights] = sum;
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  if (i >= p.length) {
    return;
  }
  store(i, sum_slices(i, 0u, 1u));
}

//// conv2d/subgroup-gemm
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<uniform> packed: array<vec4f, 4096>;
@group(0) @binding(2) var<storage, read> biases: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec2f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec2f) -> vec2f {
  let low = select(x * p.slope, vec2f(), x < vec2f(p.lowest));
  return select(low, x, x >= vec2f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec2f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 2u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec2f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec2f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 16u;
  var row = workgroup.y * (p.block_stride / 4u) + lane;
  let channel = ((p.first_block + workgroup.y) * 8u + lane) * 2u;
  let bias = biases[channel / 2u];

  let pixel0 = min(first_pixel + 0u + lane, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + 8u + lane, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;
var s0_0 = bias[0];
var s0_1 = bias[1];
var s1_0 = bias[0];
var s1_1 = bias[1];
var s2_0 = bias[0];
var s2_1 = bias[1];
var s3_0 = bias[0];
var s3_1 = bias[1];
var s4_0 = bias[0];
var s4_1 = bias[1];
var s5_0 = bias[0];
var s5_1 = bias[1];
var s6_0 = bias[0];
var s6_1 = bias[1];
var s7_0 = bias[0];
var s7_1 = bias[1];
var s8_0 = bias[0];
var s8_1 = bias[1];
var s9_0 = bias[0];
var s9_1 = bias[1];
var s10_0 = bias[0];
var s10_1 = bias[1];
var s11_0 = bias[0];
var s11_1 = bias[1];
var s12_0 = bias[0];
var s12_1 = bias[1];
var s13_0 = bias[0];
var s13_1 = bias[1];
var s14_0 = bias[0];
var s14_1 = bias[1];
var s15_0 = bias[0];
var s15_1 = bias[1];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    for (var kx = 0u; kx < p.kernel_w; kx++) {

      let y0 = y_first0 + ky * p.dilation_y;
      let x_at0 = x_first0 + kx * p.dilation_x;
      let inside0 = y0 < p.in_h && x_at0 < p.in_w;
      let source0 = (image0 * p.in_h + y0) * p.in_w + x_at0;
      let at0 = select(0u, source0, inside0) * p.in_stride + p.in_offset;

      let y1 = y_first1 + ky * p.dilation_y;
      let x_at1 = x_first1 + kx * p.dilation_x;
      let inside1 = y1 < p.in_h && x_at1 < p.in_w;
      let source1 = (image1 * p.in_h + y1) * p.in_w + x_at1;
      let at1 = select(0u, source1, inside1) * p.in_stride + p.in_offset;
      var k4 = 0u;
      loop {
let x0 = select(vec4f(), input[at0 / 4u + k4], inside0);
let x1 = select(vec4f(), input[at1 / 4u + k4], inside1);
let w0 = packed[row + 0u];
let w1 = packed[row + 8u];
{ let b0 = subgroupBroadcast(x0[0], 0u);
let b1 = subgroupBroadcast(x0[0], 1u);
let b2 = subgroupBroadcast(x0[0], 2u);
let b3 = subgroupBroadcast(x0[0], 3u);
s0_0 = fma(b0, w0[0], s0_0);
s1_0 = fma(b1, w0[0], s1_0);
s2_0 = fma(b2, w0[0], s2_0);
s3_0 = fma(b3, w0[0], s3_0);
s0_1 = fma(b0, w1[0], s0_1);
s1_1 = fma(b1, w1[0], s1_1);
s2_1 = fma(b2, w1[0], s2_1);
s3_1 = fma(b3, w1[0], s3_1); }
{ let b0 = subgroupBroadcast(x0[1], 0u);
let b1 = subgroupBroadcast(x0[1], 1u);
let b2 = subgroupBroadcast(x0[1], 2u);
let b3 = subgroupBroadcast(x0[1], 3u);
s0_0 = fma(b0, w0[1], s0_0);
s1_0 = fma(b1, w0[1], s1_0);
s2_0 = fma(b2, w0[1], s2_0);
s3_0 = fma(b3, w0[1], s3_0);
s0_1 = fma(b0, w1[1], s0_1);
s1_1 = fma(b1, w1[1], s1_1);
s2_1 = fma(b2, w1[1], s2_1);
s3_1 = fma(b3, w1[1], s3_1); }
{ let b0 = subgroupBroadcast(x0[2], 0u);
let b1 = subgroupBroadcast(x0[2], 1u);
let b2 = subgroupBroadcast(x0[2], 2u);
let b3 = subgroupBroadcast(x0[2], 3u);
s0_0 = fma(b0, w0[2], s0_0);
s1_0 = fma(b1, w0[2], s1_0);
s2_0 = fma(b2, w0[2], s2_0);
s3_0 = fma(b3, w0[2], s3_0);
s0_1 = fma(b0, w1[2], s0_1);
s1_1 = fma(b1, w1[2], s1_1);
s2_1 = fma(b2, w1[2], s2_1);
s3_1 = fma(b3, w1[2], s3_1); }
{ let b0 = subgroupBroadcast(x0[3], 0u);
let b1 = subgroupBroadcast(x0[3], 1u);
let b2 = subgroupBroadcast(x0[3], 2u);
let b3 = subgroupBroadcast(x0[3], 3u);
s0_0 = fma(b0, w0[3], s0_0);
s1_0 = fma(b1, w0[3], s1_0);
s2_0 = fma(b2, w0[3], s2_0);
s3_0 = fma(b3, w0[3], s3_0);
s0_1 = fma(b0, w1[3], s0_1);
s1_1 = fma(b1, w1[3], s1_1);
s2_1 = fma(b2, w1[3], s2_1);
s3_1 = fma(b3, w1[3], s3_1); }
{ let b0 = subgroupBroadcast(x0[0], 4u);
let b1 = subgroupBroadcast(x0[0], 5u);
let b2 = subgroupBroadcast(x0[0], 6u);
let b3 = subgroupBroadcast(x0[0], 7u);
s4_0 = fma(b0, w0[0], s4_0);
s5_0 = fma(b1, w0[0], s5_0);
s6_0 = fma(b2, w0[0], s6_0);
s7_0 = fma(b3, w0[0], s7_0);
s4_1 = fma(b0, w1[0], s4_1);
s5_1 = fma(b1, w1[0], s5_1);
s6_1 = fma(b2, w1[0], s6_1);
s7_1 = fma(b3, w1[0], s7_1); }
{ let b0 = subgroupBroadcast(x0[1], 4u);
let b1 = subgroupBroadcast(x0[1], 5u);
let b2 = subgroupBroadcast(x0[1], 6u);
let b3 = subgroupBroadcast(x0[1], 7u);
s4_0 = fma(b0, w0[1], s4_0);
s5_0 = fma(b1, w0[1], s5_0);
s6_0 = fma(b2, w0[1], s6_0);
s7_0 = fma(b3, w0[1], s7_0);
s4_1 = fma(b0, w1[1], s4_1);
s5_1 = fma(b1, w1[1], s5_1);
s6_1 = fma(b2, w1[1], s6_1);
s7_1 = fma(b3, w1[1], s7_1); }
{ let b0 = subgroupBroadcast(x0[2], 4u);
let b1 = subgroupBroadcast(x0[2], 5u);
let b2 = subgroupBroadcast(x0[2], 6u);
let b3 = subgroupBroadcast(x0[2], 7u);
s4_0 = fma(b0, w0[2], s4_0);
s5_0 = fma(b1, w0[2], s5_0);
s6_0 = fma(b2, w0[2], s6_0);
s7_0 = fma(b3, w0[2], s7_0);
s4_1 = fma(b0, w1[2], s4_1);
s5_1 = fma(b1, w1[2], s5_1);
s6_1 = fma(b2, w1[2], s6_1);
s7_1 = fma(b3, w1[2], s7_1); }
{ let b0 = subgroupBroadcast(x0[3], 4u);
let b1 = subgroupBroadcast(x0[3], 5u);
let b2 = subgroupBroadcast(x0[3], 6u);
let b3 = subgroupBroadcast(x0[3], 7u);
s4_0 = fma(b0, w0[3], s4_0);
s5_0 = fma(b1, w0[3], s5_0);
s6_0 = fma(b2, w0[3], s6_0);
s7_0 = fma(b3, w0[3], s7_0);
s4_1 = fma(b0, w1[3], s4_1);
s5_1 = fma(b1, w1[3], s5_1);
s6_1 = fma(b2, w1[3], s6_1);
s7_1 = fma(b3, w1[3], s7_1); }
{ let b0 = subgroupBroadcast(x1[0], 0u);
let b1 = subgroupBroadcast(x1[0], 1u);
let b2 = subgroupBroadcast(x1[0], 2u);
let b3 = subgroupBroadcast(x1[0], 3u);
s8_0 = fma(b0, w0[0], s8_0);
s9_0 = fma(b1, w0[0], s9_0);
s10_0 = fma(b2, w0[0], s10_0);
s11_0 = fma(b3, w0[0], s11_0);
s8_1 = fma(b0, w1[0], s8_1);
s9_1 = fma(b1, w1[0], s9_1);
s10_1 = fma(b2, w1[0], s10_1);
s11_1 = fma(b3, w1[0], s11_1); }
{ let b0 = subgroupBroadcast(x1[1], 0u);
let b1 = subgroupBroadcast(x1[1], 1u);
let b2 = subgroupBroadcast(x1[1], 2u);
let b3 = subgroupBroadcast(x1[1], 3u);
s8_0 = fma(b0, w0[1], s8_0);
s9_0 = fma(b1, w0[1], s9_0);
s10_0 = fma(b2, w0[1], s10_0);
s11_0 = fma(b3, w0[1], s11_0);
s8_1 = fma(b0, w1[1], s8_1);
s9_1 = fma(b1, w1[1], s9_1);
s10_1 = fma(b2, w1[1], s10_1);
s11_1 = fma(b3, w1[1], s11_1); }
{ let b0 = subgroupBroadcast(x1[2], 0u);
let b1 = subgroupBroadcast(x1[2], 1u);
let b2 = subgroupBroadcast(x1[2], 2u);
let b3 = subgroupBroadcast(x1[2], 3u);
s8_0 = fma(b0, w0[2], s8_0);
s9_0 = fma(b1, w0[2], s9_0);
s10_0 = fma(b2, w0[2], s10_0);
s11_0 = fma(b3, w0[2], s11_0);
s8_1 = fma(b0, w1[2], s8_1);
s9_1 = fma(b1, w1[2], s9_1);
s10_1 = fma(b2, w1[2], s10_1);
s11_1 = fma(b3, w1[2], s11_1); }
{ let b0 = subgroupBroadcast(x1[3], 0u);
let b1 = subgroupBroadcast(x1[3], 1u);
let b2 = subgroupBroadcast(x1[3], 2u);
let b3 = subgroupBroadcast(x1[3], 3u);
s8_0 = fma(b0, w0[3], s8_0);
s9_0 = fma(b1, w0[3], s9_0);
s10_0 = fma(b2, w0[3], s10_0);
s11_0 = fma(b3, w0[3], s11_0);
s8_1 = fma(b0, w1[3], s8_1);
s9_1 = fma(b1, w1[3], s9_1);
s10_1 = fma(b2, w1[3], s10_1);
s11_1 = fma(b3, w1[3], s11_1); }
{ let b0 = subgroupBroadcast(x1[0], 4u);
let b1 = subgroupBroadcast(x1[0], 5u);
let b2 = subgroupBroadcast(x1[0], 6u);
let b3 = subgroupBroadcast(x1[0], 7u);
s12_0 = fma(b0, w0[0], s12_0);
s13_0 = fma(b1, w0[0], s13_0);
s14_0 = fma(b2, w0[0], s14_0);
s15_0 = fma(b3, w0[0], s15_0);
s12_1 = fma(b0, w1[0], s12_1);
s13_1 = fma(b1, w1[0], s13_1);
s14_1 = fma(b2, w1[0], s14_1);
s15_1 = fma(b3, w1[0], s15_1); }
{ let b0 = subgroupBroadcast(x1[1], 4u);
let b1 = subgroupBroadcast(x1[1], 5u);
let b2 = subgroupBroadcast(x1[1], 6u);
let b3 = subgroupBroadcast(x1[1], 7u);
s12_0 = fma(b0, w0[1], s12_0);
s13_0 = fma(b1, w0[1], s13_0);
s14_0 = fma(b2, w0[1], s14_0);
s15_0 = fma(b3, w0[1], s15_0);
s12_1 = fma(b0, w1[1], s12_1);
s13_1 = fma(b1, w1[1], s13_1);
s14_1 = fma(b2, w1[1], s14_1);
s15_1 = fma(b3, w1[1], s15_1); }
{ let b0 = subgroupBroadcast(x1[2], 4u);
let b1 = subgroupBroadcast(x1[2], 5u);
let b2 = subgroupBroadcast(x1[2], 6u);
let b3 = subgroupBroadcast(x1[2], 7u);
s12_0 = fma(b0, w0[2], s12_0);
s13_0 = fma(b1, w0[2], s13_0);
s14_0 = fma(b2, w0[2], s14_0);
s15_0 = fma(b3, w0[2], s15_0);
s12_1 = fma(b0, w1[2], s12_1);
s13_1 = fma(b1, w1[2], s13_1);
s14_1 = fma(b2, w1[2], s14_1);
s15_1 = fma(b3, w1[2], s15_1); }
{ let b0 = subgroupBroadcast(x1[3], 4u);
let b1 = subgroupBroadcast(x1[3], 5u);
let b2 = subgroupBroadcast(x1[3], 6u);
let b3 = subgroupBroadcast(x1[3], 7u);
s12_0 = fma(b0, w0[3], s12_0);
s13_0 = fma(b1, w0[3], s13_0);
s14_0 = fma(b2, w0[3], s14_0);
s15_0 = fma(b3, w0[3], s15_0);
s12_1 = fma(b0, w1[3], s12_1);
s13_1 = fma(b1, w1[3], s13_1);
s14_1 = fma(b2, w1[3], s14_1);
s15_1 = fma(b3, w1[3], s15_1); }
        k4 += 1u;
        row += 16u;
        continuing {
          break if k4 * 4u >= p.in_per_group;
        }
      }
    }
  }
  var tile = array<vec2f, 16>(
vec2f(s0_0, s0_1),
vec2f(s1_0, s1_1),
vec2f(s2_0, s2_1),
vec2f(s3_0, s3_1),
vec2f(s4_0, s4_1),
vec2f(s5_0, s5_1),
vec2f(s6_0, s6_1),
vec2f(s7_0, s7_1),
vec2f(s8_0, s8_1),
vec2f(s9_0, s9_1),
vec2f(s10_0, s10_1),
vec2f(s11_0, s11_1),
vec2f(s12_0, s12_1),
vec2f(s13_0, s13_1),
vec2f(s14_0, s14_1),
vec2f(s15_0, s15_1),
  );


  if (true) {
    for (var i = 0u; i < p.tile; i++) {
      let pixel = first_pixel + i;
      if (pixel < p.pixels && channel < p.out_channels) {
        finish_plain(pixel, channel, p.out_channels - channel, tile[i]);
      }
    }
  }
}

//// conv2d/subgroup-winograd-input
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  first_tile: u32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  quads: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> patches: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = min(workgroup.x + workgroup.z * workgroups.x, p.tiles - 1u);
  let tile = p.first_tile + index;
  let tile_line = divide(tile, p.tiles_x);
  let image = divide(tile_line, p.tiles_y);
  let tile_y = tile_line - image * p.tiles_y;
  let tile_x = tile - tile_line * p.tiles_x;
  let y_first = tile_y * 4u - p.pad_top;
  let x = tile_x * 4u + lane - p.pad_left;
  let column = lane < 6u && x < p.in_w;
  let y0 = y_first + 0u;
  let inside0 = column && y0 < p.in_h;
  let at0 = ((image * p.in_h + y0) * p.in_w + x) * p.in_stride + p.in_offset;
  let y1 = y_first + 1u;
  let inside1 = column && y1 < p.in_h;
  let at1 = ((image * p.in_h + y1) * p.in_w + x) * p.in_stride + p.in_offset;
  let y2 = y_first + 2u;
  let inside2 = column && y2 < p.in_h;
  let at2 = ((image * p.in_h + y2) * p.in_w + x) * p.in_stride + p.in_offset;
  let y3 = y_first + 3u;
  let inside3 = column && y3 < p.in_h;
  let at3 = ((image * p.in_h + y3) * p.in_w + x) * p.in_stride + p.in_offset;
  let y4 = y_first + 4u;
  let inside4 = column && y4 < p.in_h;
  let at4 = ((image * p.in_h + y4) * p.in_w + x) * p.in_stride + p.in_offset;
  let y5 = y_first + 5u;
  let inside5 = column && y5 < p.in_h;
  let at5 = ((image * p.in_h + y5) * p.in_w + x) * p.in_stride + p.in_offset;
  let k0 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), 0.0, lane == 4u), 0.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 1.265625, lane == 0u);
  let k1 = select(select(select(select(select(select(0.0, 1.265625, lane == 5u), 0.84375, lane == 4u), -0.84375, lane == 3u), 1.6875, lane == 2u), -1.6875, lane == 1u), 0.0, lane == 0u);
  let k2 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), -0.5625, lane == 4u), -0.5625, lane == 3u), -2.25, lane == 2u), -2.25, lane == 1u), -2.8125, lane == 0u);
  let k3 = select(select(select(select(select(select(0.0, -2.8125, lane == 5u), -1.5, lane == 4u), 1.5, lane == 3u), -0.75, lane == 2u), 0.75, lane == 1u), 0.0, lane == 0u);
  let k4 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), 1.0, lane == 4u), 1.0, lane == 3u), 1.0, lane == 2u), 1.0, lane == 1u), 1.0, lane == 0u);
  let k5 = select(select(select(select(select(select(0.0, 1.0, lane == 5u), 0.0, lane == 4u), 0.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 0.0, lane == 0u);
  for (var quad = 0u; quad < p.quads; quad++) {
    let channel = quad * 4u;
    var d0 = vec4f();
    if (inside0) {
      d0 = input[(at0 + channel) / 4u];
    }
    var d1 = vec4f();
    if (inside1) {
      d1 = input[(at1 + channel) / 4u];
    }
    var d2 = vec4f();
    if (inside2) {
      d2 = input[(at2 + channel) / 4u];
    }
    var d3 = vec4f();
    if (inside3) {
      d3 = input[(at3 + channel) / 4u];
    }
    var d4 = vec4f();
    if (inside4) {
      d4 = input[(at4 + channel) / 4u];
    }
    var d5 = vec4f();
    if (inside5) {
      d5 = input[(at5 + channel) / 4u];
    }
    let v0 = 1.265625 * d0 + -2.8125 * d2 + d4;
    let v1 = -1.6875 * d1 + -2.25 * d2 + 0.75 * d3 + d4;
    let v2 = 1.6875 * d1 + -2.25 * d2 + -0.75 * d3 + d4;
    let v3 = -0.84375 * d1 + -0.5625 * d2 + 1.5 * d3 + d4;
    let v4 = 0.84375 * d1 + -0.5625 * d2 + -1.5 * d3 + d4;
    let v5 = 1.265625 * d1 + -2.8125 * d3 + d5;
    let h0 = k0 * subgroupBroadcast(v0, 0u) + k1 * subgroupBroadcast(v0, 1u) + k2 * subgroupBroadcast(v0, 2u) + k3 * subgroupBroadcast(v0, 3u) + k4 * subgroupBroadcast(v0, 4u) + k5 * subgroupBroadcast(v0, 5u);
    let h1 = k0 * subgroupBroadcast(v1, 0u) + k1 * subgroupBroadcast(v1, 1u) + k2 * subgroupBroadcast(v1, 2u) + k3 * subgroupBroadcast(v1, 3u) + k4 * subgroupBroadcast(v1, 4u) + k5 * subgroupBroadcast(v1, 5u);
    let h2 = k0 * subgroupBroadcast(v2, 0u) + k1 * subgroupBroadcast(v2, 1u) + k2 * subgroupBroadcast(v2, 2u) + k3 * subgroupBroadcast(v2, 3u) + k4 * subgroupBroadcast(v2, 4u) + k5 * subgroupBroadcast(v2, 5u);
    let h3 = k0 * subgroupBroadcast(v3, 0u) + k1 * subgroupBroadcast(v3, 1u) + k2 * subgroupBroadcast(v3, 2u) + k3 * subgroupBroadcast(v3, 3u) + k4 * subgroupBroadcast(v3, 4u) + k5 * subgroupBroadcast(v3, 5u);
    let h4 = k0 * subgroupBroadcast(v4, 0u) + k1 * subgroupBroadcast(v4, 1u) + k2 * subgroupBroadcast(v4, 2u) + k3 * subgroupBroadcast(v4, 3u) + k4 * subgroupBroadcast(v4, 4u) + k5 * subgroupBroadcast(v4, 5u);
    let h5 = k0 * subgroupBroadcast(v5, 0u) + k1 * subgroupBroadcast(v5, 1u) + k2 * subgroupBroadcast(v5, 2u) + k3 * subgroupBroadcast(v5, 3u) + k4 * subgroupBroadcast(v5, 4u) + k5 * subgroupBroadcast(v5, 5u);
    if (lane < 6u) {
      patches[((0u + lane) * p.tiles + index) * p.quads + quad] = h0;
      patches[((6u + lane) * p.tiles + index) * p.quads + quad] = h1;
      patches[((12u + lane) * p.tiles + index) * p.quads + quad] = h2;
      patches[((18u + lane) * p.tiles + index) * p.quads + quad] = h3;
      patches[((24u + lane) * p.tiles + index) * p.quads + quad] = h4;
      patches[((30u + lane) * p.tiles + index) * p.quads + quad] = h5;
    }
  }
}

//// conv2d/subgroup-winograd
enable subgroups;

struct Params {
  tiles: u32,
  quads: u32,
  blocks: u32,
}
@group(0) @binding(0) var<storage, read> patches: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> products: array<vec2f>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = workgroup.x * 16u;
  let place = workgroup.z;
  var row = (workgroup.y * 36u + place) * p.quads * 16u + lane;
  let tile0 = min(first + 0u + lane, p.tiles - 1u);
  let at0 = (place * p.tiles + tile0) * p.quads;
  let tile1 = min(first + 8u + lane, p.tiles - 1u);
  let at1 = (place * p.tiles + tile1) * p.quads;
  var s0_0 = 0.0;
  var s0_1 = 0.0;
  var s1_0 = 0.0;
  var s1_1 = 0.0;
  var s2_0 = 0.0;
  var s2_1 = 0.0;
  var s3_0 = 0.0;
  var s3_1 = 0.0;
  var s4_0 = 0.0;
  var s4_1 = 0.0;
  var s5_0 = 0.0;
  var s5_1 = 0.0;
  var s6_0 = 0.0;
  var s6_1 = 0.0;
  var s7_0 = 0.0;
  var s7_1 = 0.0;
  var s8_0 = 0.0;
  var s8_1 = 0.0;
  var s9_0 = 0.0;
  var s9_1 = 0.0;
  var s10_0 = 0.0;
  var s10_1 = 0.0;
  var s11_0 = 0.0;
  var s11_1 = 0.0;
  var s12_0 = 0.0;
  var s12_1 = 0.0;
  var s13_0 = 0.0;
  var s13_1 = 0.0;
  var s14_0 = 0.0;
  var s14_1 = 0.0;
  var s15_0 = 0.0;
  var s15_1 = 0.0;
  for (var k4 = 0u; k4 < p.quads; k4++) {
    let x0 = patches[at0 + k4];
    let x1 = patches[at1 + k4];
    let w0 = packed[row + 0u];
    let w1 = packed[row + 8u];
{ let b0 = subgroupBroadcast(x0[0], 0u);
let b1 = subgroupBroadcast(x0[0], 1u);
let b2 = subgroupBroadcast(x0[0], 2u);
let b3 = subgroupBroadcast(x0[0], 3u);
s0_0 = fma(b0, w0[0], s0_0);
s1_0 = fma(b1, w0[0], s1_0);
s2_0 = fma(b2, w0[0], s2_0);
s3_0 = fma(b3, w0[0], s3_0);
s0_1 = fma(b0, w1[0], s0_1);
s1_1 = fma(b1, w1[0], s1_1);
s2_1 = fma(b2, w1[0], s2_1);
s3_1 = fma(b3, w1[0], s3_1); }
{ let b0 = subgroupBroadcast(x0[1], 0u);
let b1 = subgroupBroadcast(x0[1], 1u);
let b2 = subgroupBroadcast(x0[1], 2u);
let b3 = subgroupBroadcast(x0[1], 3u);
s0_0 = fma(b0, w0[1], s0_0);
s1_0 = fma(b1, w0[1], s1_0);
s2_0 = fma(b2, w0[1], s2_0);
s3_0 = fma(b3, w0[1], s3_0);
s0_1 = fma(b0, w1[1], s0_1);
s1_1 = fma(b1, w1[1], s1_1);
s2_1 = fma(b2, w1[1], s2_1);
s3_1 = fma(b3, w1[1], s3_1); }
{ let b0 = subgroupBroadcast(x0[2], 0u);
let b1 = subgroupBroadcast(x0[2], 1u);
let b2 = subgroupBroadcast(x0[2], 2u);
let b3 = subgroupBroadcast(x0[2], 3u);
s0_0 = fma(b0, w0[2], s0_0);
s1_0 = fma(b1, w0[2], s1_0);
s2_0 = fma(b2, w0[2], s2_0);
s3_0 = fma(b3, w0[2], s3_0);
s0_1 = fma(b0, w1[2], s0_1);
s1_1 = fma(b1, w1[2], s1_1);
s2_1 = fma(b2, w1[2], s2_1);
s3_1 = fma(b3, w1[2], s3_1); }
{ let b0 = subgroupBroadcast(x0[3], 0u);
let b1 = subgroupBroadcast(x0[3], 1u);
let b2 = subgroupBroadcast(x0[3], 2u);
let b3 = subgroupBroadcast(x0[3], 3u);
s0_0 = fma(b0, w0[3], s0_0);
s1_0 = fma(b1, w0[3], s1_0);
s2_0 = fma(b2, w0[3], s2_0);
s3_0 = fma(b3, w0[3], s3_0);
s0_1 = fma(b0, w1[3], s0_1);
s1_1 = fma(b1, w1[3], s1_1);
s2_1 = fma(b2, w1[3], s2_1);
s3_1 = fma(b3, w1[3], s3_1); }
{ let b0 = subgroupBroadcast(x0[0], 4u);
let b1 = subgroupBroadcast(x0[0], 5u);
let b2 = subgroupBroadcast(x0[0], 6u);
let b3 = subgroupBroadcast(x0[0], 7u);
s4_0 = fma(b0, w0[0], s4_0);
s5_0 = fma(b1, w0[0], s5_0);
s6_0 = fma(b2, w0[0], s6_0);
s7_0 = fma(b3, w0[0], s7_0);
s4_1 = fma(b0, w1[0], s4_1);
s5_1 = fma(b1, w1[0], s5_1);
s6_1 = fma(b2, w1[0], s6_1);
s7_1 = fma(b3, w1[0], s7_1); }
{ let b0 = subgroupBroadcast(x0[1], 4u);
let b1 = subgroupBroadcast(x0[1], 5u);
let b2 = subgroupBroadcast(x0[1], 6u);
let b3 = subgroupBroadcast(x0[1], 7u);
s4_0 = fma(b0, w0[1], s4_0);
s5_0 = fma(b1, w0[1], s5_0);
s6_0 = fma(b2, w0[1], s6_0);
s7_0 = fma(b3, w0[1], s7_0);
s4_1 = fma(b0, w1[1], s4_1);
s5_1 = fma(b1, w1[1], s5_1);
s6_1 = fma(b2, w1[1], s6_1);
s7_1 = fma(b3, w1[1], s7_1); }
{ let b0 = subgroupBroadcast(x0[2], 4u);
let b1 = subgroupBroadcast(x0[2], 5u);
let b2 = subgroupBroadcast(x0[2], 6u);
let b3 = subgroupBroadcast(x0[2], 7u);
s4_0 = fma(b0, w0[2], s4_0);
s5_0 = fma(b1, w0[2], s5_0);
s6_0 = fma(b2, w0[2], s6_0);
s7_0 = fma(b3, w0[2], s7_0);
s4_1 = fma(b0, w1[2], s4_1);
s5_1 = fma(b1, w1[2], s5_1);
s6_1 = fma(b2, w1[2], s6_1);
s7_1 = fma(b3, w1[2], s7_1); }
{ let b0 = subgroupBroadcast(x0[3], 4u);
let b1 = subgroupBroadcast(x0[3], 5u);
let b2 = subgroupBroadcast(x0[3], 6u);
let b3 = subgroupBroadcast(x0[3], 7u);
s4_0 = fma(b0, w0[3], s4_0);
s5_0 = fma(b1, w0[3], s5_0);
s6_0 = fma(b2, w0[3], s6_0);
s7_0 = fma(b3, w0[3], s7_0);
s4_1 = fma(b0, w1[3], s4_1);
s5_1 = fma(b1, w1[3], s5_1);
s6_1 = fma(b2, w1[3], s6_1);
s7_1 = fma(b3, w1[3], s7_1); }
{ let b0 = subgroupBroadcast(x1[0], 0u);
let b1 = subgroupBroadcast(x1[0], 1u);
let b2 = subgroupBroadcast(x1[0], 2u);
let b3 = subgroupBroadcast(x1[0], 3u);
s8_0 = fma(b0, w0[0], s8_0);
s9_0 = fma(b1, w0[0], s9_0);
s10_0 = fma(b2, w0[0], s10_0);
s11_0 = fma(b3, w0[0], s11_0);
s8_1 = fma(b0, w1[0], s8_1);
s9_1 = fma(b1, w1[0], s9_1);
s10_1 = fma(b2, w1[0], s10_1);
s11_1 = fma(b3, w1[0], s11_1); }
{ let b0 = subgroupBroadcast(x1[1], 0u);
let b1 = subgroupBroadcast(x1[1], 1u);
let b2 = subgroupBroadcast(x1[1], 2u);
let b3 = subgroupBroadcast(x1[1], 3u);
s8_0 = fma(b0, w0[1], s8_0);
s9_0 = fma(b1, w0[1], s9_0);
s10_0 = fma(b2, w0[1], s10_0);
s11_0 = fma(b3, w0[1], s11_0);
s8_1 = fma(b0, w1[1], s8_1);
s9_1 = fma(b1, w1[1], s9_1);
s10_1 = fma(b2, w1[1], s10_1);
s11_1 = fma(b3, w1[1], s11_1); }
{ let b0 = subgroupBroadcast(x1[2], 0u);
let b1 = subgroupBroadcast(x1[2], 1u);
let b2 = subgroupBroadcast(x1[2], 2u);
let b3 = subgroupBroadcast(x1[2], 3u);
s8_0 = fma(b0, w0[2], s8_0);
s9_0 = fma(b1, w0[2], s9_0);
s10_0 = fma(b2, w0[2], s10_0);
s11_0 = fma(b3, w0[2], s11_0);
s8_1 = fma(b0, w1[2], s8_1);
s9_1 = fma(b1, w1[2], s9_1);
s10_1 = fma(b2, w1[2], s10_1);
s11_1 = fma(b3, w1[2], s11_1); }
{ let b0 = subgroupBroadcast(x1[3], 0u);
let b1 = subgroupBroadcast(x1[3], 1u);
let b2 = subgroupBroadcast(x1[3], 2u);
let b3 = subgroupBroadcast(x1[3], 3u);
s8_0 = fma(b0, w0[3], s8_0);
s9_0 = fma(b1, w0[3], s9_0);
s10_0 = fma(b2, w0[3], s10_0);
s11_0 = fma(b3, w0[3], s11_0);
s8_1 = fma(b0, w1[3], s8_1);
s9_1 = fma(b1, w1[3], s9_1);
s10_1 = fma(b2, w1[3], s10_1);
s11_1 = fma(b3, w1[3], s11_1); }
{ let b0 = subgroupBroadcast(x1[0], 4u);
let b1 = subgroupBroadcast(x1[0], 5u);
let b2 = subgroupBroadcast(x1[0], 6u);
let b3 = subgroupBroadcast(x1[0], 7u);
s12_0 = fma(b0, w0[0], s12_0);
s13_0 = fma(b1, w0[0], s13_0);
s14_0 = fma(b2, w0[0], s14_0);
s15_0 = fma(b3, w0[0], s15_0);
s12_1 = fma(b0, w1[0], s12_1);
s13_1 = fma(b1, w1[0], s13_1);
s14_1 = fma(b2, w1[0], s14_1);
s15_1 = fma(b3, w1[0], s15_1); }
{ let b0 = subgroupBroadcast(x1[1], 4u);
let b1 = subgroupBroadcast(x1[1], 5u);
let b2 = subgroupBroadcast(x1[1], 6u);
let b3 = subgroupBroadcast(x1[1], 7u);
s12_0 = fma(b0, w0[1], s12_0);
s13_0 = fma(b1, w0[1], s13_0);
s14_0 = fma(b2, w0[1], s14_0);
s15_0 = fma(b3, w0[1], s15_0);
s12_1 = fma(b0, w1[1], s12_1);
s13_1 = fma(b1, w1[1], s13_1);
s14_1 = fma(b2, w1[1], s14_1);
s15_1 = fma(b3, w1[1], s15_1); }
{ let b0 = subgroupBroadcast(x1[2], 4u);
let b1 = subgroupBroadcast(x1[2], 5u);
let b2 = subgroupBroadcast(x1[2], 6u);
let b3 = subgroupBroadcast(x1[2], 7u);
s12_0 = fma(b0, w0[2], s12_0);
s13_0 = fma(b1, w0[2], s13_0);
s14_0 = fma(b2, w0[2], s14_0);
s15_0 = fma(b3, w0[2], s15_0);
s12_1 = fma(b0, w1[2], s12_1);
s13_1 = fma(b1, w1[2], s13_1);
s14_1 = fma(b2, w1[2], s14_1);
s15_1 = fma(b3, w1[2], s15_1); }
{ let b0 = subgroupBroadcast(x1[3], 4u);
let b1 = subgroupBroadcast(x1[3], 5u);
let b2 = subgroupBroadcast(x1[3], 6u);
let b3 = subgroupBroadcast(x1[3], 7u);
s12_0 = fma(b0, w0[3], s12_0);
s13_0 = fma(b1, w0[3], s13_0);
s14_0 = fma(b2, w0[3], s14_0);
s15_0 = fma(b3, w0[3], s15_0);
s12_1 = fma(b0, w1[3], s12_1);
s13_1 = fma(b1, w1[3], s13_1);
s14_1 = fma(b2, w1[3], s14_1);
s15_1 = fma(b3, w1[3], s15_1); }
    row += 16u;
  }
  let to = (place * p.tiles + first) * p.blocks * 8u + workgroup.y * 8u + lane;
  if (first + 0u < p.tiles) {
    products[to + 0u * p.blocks] = vec2f(s0_0, s0_1);
  }
  if (first + 1u < p.tiles) {
    products[to + 8u * p.blocks] = vec2f(s1_0, s1_1);
  }
  if (first + 2u < p.tiles) {
    products[to + 16u * p.blocks] = vec2f(s2_0, s2_1);
  }
  if (first + 3u < p.tiles) {
    products[to + 24u * p.blocks] = vec2f(s3_0, s3_1);
  }
  if (first + 4u < p.tiles) {
    products[to + 32u * p.blocks] = vec2f(s4_0, s4_1);
  }
  if (first + 5u < p.tiles) {
    products[to + 40u * p.blocks] = vec2f(s5_0, s5_1);
  }
  if (first + 6u < p.tiles) {
    products[to + 48u * p.blocks] = vec2f(s6_0, s6_1);
  }
  if (first + 7u < p.tiles) {
    products[to + 56u * p.blocks] = vec2f(s7_0, s7_1);
  }
  if (first + 8u < p.tiles) {
    products[to + 64u * p.blocks] = vec2f(s8_0, s8_1);
  }
  if (first + 9u < p.tiles) {
    products[to + 72u * p.blocks] = vec2f(s9_0, s9_1);
  }
  if (first + 10u < p.tiles) {
    products[to + 80u * p.blocks] = vec2f(s10_0, s10_1);
  }
  if (first + 11u < p.tiles) {
    products[to + 88u * p.blocks] = vec2f(s11_0, s11_1);
  }
  if (first + 12u < p.tiles) {
    products[to + 96u * p.blocks] = vec2f(s12_0, s12_1);
  }
  if (first + 13u < p.tiles) {
    products[to + 104u * p.blocks] = vec2f(s13_0, s13_1);
  }
  if (first + 14u < p.tiles) {
    products[to + 112u * p.blocks] = vec2f(s14_0, s14_1);
  }
  if (first + 15u < p.tiles) {
    products[to + 120u * p.blocks] = vec2f(s15_0, s15_1);
  }
}

//// conv2d/subgroup-winograd-output
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  first_tile: u32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  quads: u32,
  columns: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = min(workgroup.x + workgroup.z * workgroups.x, p.tiles - 1u);
  let tile = p.first_tile + index;
  let tile_line = divide(tile, p.tiles_x);
  let image = divide(tile_line, p.tiles_y);
  let tile_y = tile_line - image * p.tiles_y;
  let tile_x = tile - tile_line * p.tiles_x;
  let y = tile_y * 4u;
  let x = tile_x * 4u + lane;
  let stores = lane < 4u && x < p.out_w;
  let pixel = (image * p.out_h + y) * p.out_w + x;
  let k0 = select(select(select(select(0.0, 0.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 1.0, lane == 0u);
  let k1 = select(select(select(select(0.0, 0.421875, lane == 3u), 0.5625, lane == 2u), 0.75, lane == 1u), 1.0, lane == 0u);
  let k2 = select(select(select(select(0.0, -0.421875, lane == 3u), 0.5625, lane == 2u), -0.75, lane == 1u), 1.0, lane == 0u);
  let k3 = select(select(select(select(0.0, 3.375, lane == 3u), 2.25, lane == 2u), 1.5, lane == 1u), 1.0, lane == 0u);
  let k4 = select(select(select(select(0.0, -3.375, lane == 3u), 2.25, lane == 2u), -1.5, lane == 1u), 1.0, lane == 0u);
  let k5 = select(select(select(select(0.0, 1.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 0.0, lane == 0u);
  for (var quad = 0u; quad < p.quads; quad++) {
    var d0 = vec4f();
    var d1 = vec4f();
    var d2 = vec4f();
    var d3 = vec4f();
    var d4 = vec4f();
    var d5 = vec4f();
    if (lane < 6u) {
      d0 = input[((0u + lane) * p.tiles + index) * p.columns + quad];
      d1 = input[((6u + lane) * p.tiles + index) * p.columns + quad];
      d2 = input[((12u + lane) * p.tiles + index) * p.columns + quad];
      d3 = input[((18u + lane) * p.tiles + index) * p.columns + quad];
      d4 = input[((24u + lane) * p.tiles + index) * p.columns + quad];
      d5 = input[((30u + lane) * p.tiles + index) * p.columns + quad];
    }
    let v0 = d0 + d1 + d2 + d3 + d4;
    let v1 = 0.75 * d1 + -0.75 * d2 + 1.5 * d3 + -1.5 * d4;
    let v2 = 0.5625 * d1 + 0.5625 * d2 + 2.25 * d3 + 2.25 * d4;
    let v3 = 0.421875 * d1 + -0.421875 * d2 + 3.375 * d3 + -3.375 * d4 + d5;
    let h0 = k0 * subgroupBroadcast(v0, 0u) + k1 * subgroupBroadcast(v0, 1u) + k2 * subgroupBroadcast(v0, 2u) + k3 * subgroupBroadcast(v0, 3u) + k4 * subgroupBroadcast(v0, 4u) + k5 * subgroupBroadcast(v0, 5u);
    let h1 = k0 * subgroupBroadcast(v1, 0u) + k1 * subgroupBroadcast(v1, 1u) + k2 * subgroupBroadcast(v1, 2u) + k3 * subgroupBroadcast(v1, 3u) + k4 * subgroupBroadcast(v1, 4u) + k5 * subgroupBroadcast(v1, 5u);
    let h2 = k0 * subgroupBroadcast(v2, 0u) + k1 * subgroupBroadcast(v2, 1u) + k2 * subgroupBroadcast(v2, 2u) + k3 * subgroupBroadcast(v2, 3u) + k4 * subgroupBroadcast(v2, 4u) + k5 * subgroupBroadcast(v2, 5u);
    let h3 = k0 * subgroupBroadcast(v3, 0u) + k1 * subgroupBroadcast(v3, 1u) + k2 * subgroupBroadcast(v3, 2u) + k3 * subgroupBroadcast(v3, 3u) + k4 * subgroupBroadcast(v3, 4u) + k5 * subgroupBroadcast(v3, 5u);
    let bias = packed[quad];
    let channel = quad * 4u;
    if (stores && y + 0u < p.out_h) {
      finish(pixel + 0u * p.out_w, channel, p.out_channels - channel, h0 + bias);
    }
    if (stores && y + 1u < p.out_h) {
      finish(pixel + 1u * p.out_w, channel, p.out_channels - channel, h1 + bias);
    }
    if (stores && y + 2u < p.out_h) {
      finish(pixel + 2u * p.out_w, channel, p.out_channels - channel, h2 + bias);
    }
    if (stores && y + 3u < p.out_h) {
      finish(pixel + 3u * p.out_w, channel, p.out_channels - channel, h3 + bias);
    }
  }
}

//// conv2d/pack-subgroup-winograd
struct Params {
  pairs: u32,
  biases: u32,
  quads: u32,
  width: u32,
  rows: u32,
  out_channels: u32,
  in_channels: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const MATRIX = array<vec3f, 6>(
  vec3f(0.7901234567901234, 0.0, 0.0),
  vec3f(-0.5267489711934157, -0.3950617283950617, -0.2962962962962963),
  vec3f(-0.5267489711934157, 0.3950617283950617, -0.2962962962962963),
  vec3f(0.13168724279835392, 0.19753086419753085, 0.2962962962962963),
  vec3f(0.13168724279835392, -0.19753086419753085, 0.2962962962962963),
  vec3f(0.0, 0.0, 1.0),
);

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  if (i >= p.pairs + p.biases) {
    return;
  }
  if (i >= p.pairs) {
    let first = (i - p.pairs) * 4u;
    var values = vec4f();
    for (var c = 0u; c < 4u; c++) {
      if (p.has_bias == 1u && first + c < p.out_channels) {
        values[c] = bias[first + c];
      }
    }
    packed[p.pairs * 36u + i - p.pairs] = values;
    return;
  }
  let block = 8u * p.width;
  let out_channel = i / p.quads;
  let quad = i % p.quads;
  let in_block = out_channel % block;
  let own = in_block % p.width * 8u + in_block / p.width;
  var t0 = vec4f();
  var t1 = vec4f();
  var t2 = vec4f();
  var t3 = vec4f();
  var t4 = vec4f();
  var t5 = vec4f();
  var t6 = vec4f();
  var t7 = vec4f();
  var t8 = vec4f();
  let channels = min(4u, p.in_channels - quad * 4u);
  for (var c = 0u; c < select(0u, channels, out_channel < p.out_channels); c++) {
    let in_channel = quad * 4u + c;
    let own_channel = vec4u(c) == vec4u(0u, 1u, 2u, 3u);
    let plain = (out_channel * p.in_channels + in_channel) * 9u;
    let turned = (in_channel * p.out_channels + out_channel) * 9u + 8u;
    let at = select(plain, turned, p.transposed == 1u);
    let step = select(1u, ~0u, p.transposed == 1u);
    t0 = select(t0, vec4f(weight[at + 0u * step]), own_channel);
    t1 = select(t1, vec4f(weight[at + 1u * step]), own_channel);
    t2 = select(t2, vec4f(weight[at + 2u * step]), own_channel);
    t3 = select(t3, vec4f(weight[at + 3u * step]), own_channel);
    t4 = select(t4, vec4f(weight[at + 4u * step]), own_channel);
    t5 = select(t5, vec4f(weight[at + 5u * step]), own_channel);
    t6 = select(t6, vec4f(weight[at + 6u * step]), own_channel);
    t7 = select(t7, vec4f(weight[at + 7u * step]), own_channel);
    t8 = select(t8, vec4f(weight[at + 8u * step]), own_channel);
  }
  for (var row = 0u; row < p.rows; row++) {
    let down = MATRIX[row];
    let r0 = down.x * t0 + down.y * t3 + down.z * t6;
    let r1 = down.x * t1 + down.y * t4 + down.z * t7;
    let r2 = down.x * t2 + down.y * t5 + down.z * t8;
    let line = ((out_channel / block * 36u + row * 6u) * p.quads + quad) * block + own;
    packed[line + 0u * p.quads * block] = 0.7901234567901234 * r0 + 0.0 * r1 + 0.0 * r2;
    packed[line + 1u * p.quads * block] = -0.5267489711934157 * r0 + -0.3950617283950617 * r1 + -0.2962962962962963 * r2;
    packed[line + 2u * p.quads * block] = -0.5267489711934157 * r0 + 0.3950617283950617 * r1 + -0.2962962962962963 * r2;
    packed[line + 3u * p.quads * block] = 0.13168724279835392 * r0 + 0.19753086419753085 * r1 + 0.2962962962962963 * r2;
    packed[line + 4u * p.quads * block] = 0.13168724279835392 * r0 + -0.19753086419753085 * r1 + 0.2962962962962963 * r2;
    packed[line + 5u * p.quads * block] = 0.0 * r0 + 0.0 * r1 + 1.0 * r2;
  }
}

//// conv2d/tiled
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> weights: array<vec4f, 16>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 256u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = taps * quads_per_tap;
  let pixel_group = lane / 1u;

  let pixel0 = min(first_pixel + pixel_group * 4u + 0u, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + pixel_group * 4u + 1u, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;

  let pixel2 = min(first_pixel + pixel_group * 4u + 2u, p.pixels - 1u);
  let line2 = divide(pixel2, p.out_w);
  let image2 = divide(line2, p.out_h);
  let x_first2 = (pixel2 - line2 * p.out_w) * p.stride_x - p.pad_left;
  let y_first2 = (line2 - image2 * p.out_h) * p.stride_y - p.pad_top;

  let pixel3 = min(first_pixel + pixel_group * 4u + 3u, p.pixels - 1u);
  let line3 = divide(pixel3, p.out_w);
  let image3 = divide(line3, p.out_h);
  let x_first3 = (pixel3 - line3 * p.out_w) * p.stride_x - p.pad_left;
  let y_first3 = (line3 - image3 * p.out_h) * p.stride_y - p.pad_top;
  let row = lane / 2u;
  let column = lane % 2u;
var s0_0 = packed[block + column * 2u + 0u];
var s0_1 = packed[block + column * 2u + 1u];
var s1_0 = packed[block + column * 2u + 0u];
var s1_1 = packed[block + column * 2u + 1u];
var s2_0 = packed[block + column * 2u + 0u];
var s2_1 = packed[block + column * 2u + 1u];
var s3_0 = packed[block + column * 2u + 0u];
var s3_1 = packed[block + column * 2u + 1u];
var s4_0 = packed[block + column * 2u + 0u];
var s4_1 = packed[block + column * 2u + 1u];
var s5_0 = packed[block + column * 2u + 0u];
var s5_1 = packed[block + column * 2u + 1u];
var s6_0 = packed[block + column * 2u + 0u];
var s6_1 = packed[block + column * 2u + 1u];
var s7_0 = packed[block + column * 2u + 0u];
var s7_1 = packed[block + column * 2u + 1u];
  for (var chunk = 0u; chunk * 1u < all_quads; chunk++) {
    {
      let quad = chunk * 1u + lane % 1u;
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;
      {
        let y = y_first0 + tap_y;
        let x = x_first0 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image0 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x0 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first1 + tap_y;
        let x = x_first1 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image1 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x1 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first2 + tap_y;
        let x = x_first2 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image2 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x2 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first3 + tap_y;
        let x = x_first3 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image3 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x3 = select(vec4f(), input[(at + channel) / 4u], inside);
      }
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
inputs[(lane % 1u * 4u + 0u) * 64u + pixel_group] = turned[0];
inputs[(lane % 1u * 4u + 1u) * 64u + pixel_group] = turned[1];
inputs[(lane % 1u * 4u + 2u) * 64u + pixel_group] = turned[2];
inputs[(lane % 1u * 4u + 3u) * 64u + pixel_group] = turned[3];
      for (var i = lane; i < 16u; i += 64u) {
        let row = chunk * 4u + i / 4u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * 4u + i % 4u;
        weights[i] = select(vec4f(), packed[at], exists);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 4u; k++) {

        let x0 = inputs[k * 64u + row * 2u + 0u];
        let w0 = weights[k * 4u + column * 2u + 0u];

        let x1 = inputs[k * 64u + row * 2u + 1u];
        let w1 = weights[k * 4u + column * 2u + 1u];
s0_0 = fma(vec4f(x0[0]), w0, s0_0);
s0_1 = fma(vec4f(x0[0]), w1, s0_1);
s1_0 = fma(vec4f(x0[1]), w0, s1_0);
s1_1 = fma(vec4f(x0[1]), w1, s1_1);
s2_0 = fma(vec4f(x0[2]), w0, s2_0);
s2_1 = fma(vec4f(x0[2]), w1, s2_1);
s3_0 = fma(vec4f(x0[3]), w0, s3_0);
s3_1 = fma(vec4f(x0[3]), w1, s3_1);
s4_0 = fma(vec4f(x1[0]), w0, s4_0);
s4_1 = fma(vec4f(x1[0]), w1, s4_1);
s5_0 = fma(vec4f(x1[1]), w0, s5_0);
s5_1 = fma(vec4f(x1[1]), w1, s5_1);
s6_0 = fma(vec4f(x1[2]), w0, s6_0);
s6_1 = fma(vec4f(x1[2]), w1, s6_1);
s7_0 = fma(vec4f(x1[3]), w0, s7_0);
s7_1 = fma(vec4f(x1[3]), w1, s7_1);
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * 16u + column * 8u;

  {
    let pixel = first_pixel + row * 8u + 0u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s0_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s0_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 1u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s1_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s1_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 2u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s2_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s2_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 3u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s3_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s3_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 4u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s4_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s4_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 5u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s5_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s5_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 6u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s6_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s6_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 7u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s7_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s7_1);
    }
  }
}

//// conv2d/tiled-small
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> weights: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = taps * quads_per_tap;
  let pixel_group = lane / 4u;

  let pixel0 = min(first_pixel + pixel_group * 4u + 0u, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + pixel_group * 4u + 1u, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;

  let pixel2 = min(first_pixel + pixel_group * 4u + 2u, p.pixels - 1u);
  let line2 = divide(pixel2, p.out_w);
  let image2 = divide(line2, p.out_h);
  let x_first2 = (pixel2 - line2 * p.out_w) * p.stride_x - p.pad_left;
  let y_first2 = (line2 - image2 * p.out_h) * p.stride_y - p.pad_top;

  let pixel3 = min(first_pixel + pixel_group * 4u + 3u, p.pixels - 1u);
  let line3 = divide(pixel3, p.out_w);
  let image3 = divide(line3, p.out_h);
  let x_first3 = (pixel3 - line3 * p.out_w) * p.stride_x - p.pad_left;
  let y_first3 = (line3 - image3 * p.out_h) * p.stride_y - p.pad_top;
  let row = lane / 4u;
  let column = lane % 4u;
var s0_0 = packed[block + column * 1u + 0u];
var s1_0 = packed[block + column * 1u + 0u];
var s2_0 = packed[block + column * 1u + 0u];
var s3_0 = packed[block + column * 1u + 0u];
  for (var chunk = 0u; chunk * 4u < all_quads; chunk++) {
    {
      let quad = chunk * 4u + lane % 4u;
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;
      {
        let y = y_first0 + tap_y;
        let x = x_first0 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image0 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x0 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first1 + tap_y;
        let x = x_first1 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image1 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x1 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first2 + tap_y;
        let x = x_first2 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image2 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x2 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first3 + tap_y;
        let x = x_first3 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image3 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x3 = select(vec4f(), input[(at + channel) / 4u], inside);
      }
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
inputs[(lane % 4u * 4u + 0u) * 16u + pixel_group] = turned[0];
inputs[(lane % 4u * 4u + 1u) * 16u + pixel_group] = turned[1];
inputs[(lane % 4u * 4u + 2u) * 16u + pixel_group] = turned[2];
inputs[(lane % 4u * 4u + 3u) * 16u + pixel_group] = turned[3];
      for (var i = lane; i < 64u; i += 64u) {
        let row = chunk * 16u + i / 4u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * 4u + i % 4u;
        weights[i] = select(vec4f(), packed[at], exists);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {

        let x0 = inputs[k * 16u + row * 1u + 0u];
        let w0 = weights[k * 4u + column * 1u + 0u];
s0_0 = fma(vec4f(x0[0]), w0, s0_0);
s1_0 = fma(vec4f(x0[1]), w0, s1_0);
s2_0 = fma(vec4f(x0[2]), w0, s2_0);
s3_0 = fma(vec4f(x0[3]), w0, s3_0);
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * 16u + column * 4u;

  {
    let pixel = first_pixel + row * 4u + 0u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s0_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 1u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s1_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 2u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s2_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 3u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s3_0);
    }
  }
}

//// conv2d/winograd
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  depth: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

fn load(image: u32, y: u32, x: u32, quad: u32) -> vec4f {
  let inside = y < p.in_h && x < p.in_w && quad < p.in_per_group;
  let channel = select(0u, quad, inside);
  let at = select(0u, (image * p.in_h + y) * p.in_w + x, inside) * p.in_stride + p.in_offset;
  return select(vec4f(), input[(at + channel) / 4u], inside);
}

var<workgroup> cells: array<vec4f, 512>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_tile = (workgroup.x + workgroup.z * workgroups.x) * 16u;
  let block = workgroup.y * (p.block_stride / 4u);
  let tile = lane / 8u % 16u;
  let quad = lane / 4u % 2u;
  let row = lane % 4u;
  let index = min(first_tile + tile, p.tiles - 1u);
  let line = divide(index, p.tiles_x);
  let image = divide(line, p.tiles_y);
  let y_first = (line - image * p.tiles_y) * 2u - p.pad_top;
  let x_first = (index - line * p.tiles_x) * 2u - p.pad_left;
  let above = select(select(1u, 2u, row == 2u), 0u, row == 0u);
  let below = select(select(2u, 1u, row == 2u), 3u, row == 3u);
  let sign = select(-1.0, 1.0, row == 1u);
  let place = lane / 16u;
  let own = (place * 16u + lane / 4u % 4u * 4u) * 2u;
  let column = lane % 4u;
  var m0: vec4f;
  var n0: vec4f;
  var m1: vec4f;
  var n1: vec4f;
  var m2: vec4f;
  var n2: vec4f;
  var m3: vec4f;
  var n3: vec4f;
  for (var chunk = 0u; chunk < p.depth; chunk += 8u) {
    if (lane < 128u) {
      let channel = chunk + quad * 4u;
      let d0 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 0u, channel),
        load(image, y_first + above, x_first + 0u, channel),
      );
      let d1 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 1u, channel),
        load(image, y_first + above, x_first + 1u, channel),
      );
      let d2 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 2u, channel),
        load(image, y_first + above, x_first + 2u, channel),
      );
      let d3 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 3u, channel),
        load(image, y_first + above, x_first + 3u, channel),
      );
      let at = (row * 4u * 16u + tile) * 2u + quad;
      cells[at] = d0 - d2;
      cells[at + 32u] = d1 + d2;
      cells[at + 64u] = d2 - d1;
      cells[at + 96u] = d1 - d3;
    }
    workgroupBarrier();
    for (var q = 0u; q < 2u; q++) {
      let channel = place * p.depth + chunk + q * 4u;
      let weights = block + (channel + 1u) * 8u + column * 2u;
      let v0 = cells[own + 0u + q];
      let v1 = cells[own + 2u + q];
      let v2 = cells[own + 4u + q];
      let v3 = cells[own + 6u + q];
      let u0 = packed[weights + 0u];
      let w0 = packed[weights + 1u];
      m0 = fma(vec4f(v0[0]), u0, m0);
      n0 = fma(vec4f(v0[0]), w0, n0);
      m1 = fma(vec4f(v1[0]), u0, m1);
      n1 = fma(vec4f(v1[0]), w0, n1);
      m2 = fma(vec4f(v2[0]), u0, m2);
      n2 = fma(vec4f(v2[0]), w0, n2);
      m3 = fma(vec4f(v3[0]), u0, m3);
      n3 = fma(vec4f(v3[0]), w0, n3);
      let u1 = packed[weights + 8u];
      let w1 = packed[weights + 9u];
      m0 = fma(vec4f(v0[1]), u1, m0);
      n0 = fma(vec4f(v0[1]), w1, n0);
      m1 = fma(vec4f(v1[1]), u1, m1);
      n1 = fma(vec4f(v1[1]), w1, n1);
      m2 = fma(vec4f(v2[1]), u1, m2);
      n2 = fma(vec4f(v2[1]), w1, n2);
      m3 = fma(vec4f(v3[1]), u1, m3);
      n3 = fma(vec4f(v3[1]), w1, n3);
      let u2 = packed[weights + 16u];
      let w2 = packed[weights + 17u];
      m0 = fma(vec4f(v0[2]), u2, m0);
      n0 = fma(vec4f(v0[2]), w2, n0);
      m1 = fma(vec4f(v1[2]), u2, m1);
      n1 = fma(vec4f(v1[2]), w2, n1);
      m2 = fma(vec4f(v2[2]), u2, m2);
      n2 = fma(vec4f(v2[2]), w2, n2);
      m3 = fma(vec4f(v3[2]), u2, m3);
      n3 = fma(vec4f(v3[2]), w2, n3);
      let u3 = packed[weights + 24u];
      let w3 = packed[weights + 25u];
      m0 = fma(vec4f(v0[3]), u3, m0);
      n0 = fma(vec4f(v0[3]), w3, n0);
      m1 = fma(vec4f(v1[3]), u3, m1);
      n1 = fma(vec4f(v1[3]), w3, n1);
      m2 = fma(vec4f(v2[3]), u3, m2);
      n2 = fma(vec4f(v2[3]), w3, n2);
      m3 = fma(vec4f(v3[3]), u3, m3);
      n3 = fma(vec4f(v3[3]), w3, n3);
    }
    workgroupBarrier();
  }
  for (var group = 0u; group < 4u; group++) {
    if (column == group) {
      cells[own + 0u] = m0;
      cells[own + 1u] = n0;
      cells[own + 2u] = m1;
      cells[own + 3u] = n1;
      cells[own + 4u] = m2;
      cells[own + 5u] = n2;
      cells[own + 6u] = m3;
      cells[own + 7u] = n3;
    }
    workgroupBarrier();
    if (lane < 64u) {
      let part = lane / 2u % 2u;
      let lower = lane % 2u;
      let index = first_tile + lane / 4u;
      let line = divide(index, p.tiles_x);
      let image = divide(line, p.tiles_y);
      let y = (line - image * p.tiles_y) * 2u + lower;
      let x = (index - line * p.tiles_x) * 2u;
      let outer = select(0u, 12u, lower == 1u);
      let side = select(1.0, -1.0, lower == 1u);
      let at = lane / 4u * 2u + part;
      let s0 = fma(
        vec4f(side),
        cells[256u + at] + cells[(outer + 0u) * 32u + at],
        cells[128u + at],
      );
      let s1 = fma(
        vec4f(side),
        cells[288u + at] + cells[(outer + 1u) * 32u + at],
        cells[160u + at],
      );
      let s2 = fma(
        vec4f(side),
        cells[320u + at] + cells[(outer + 2u) * 32u + at],
        cells[192u + at],
      );
      let s3 = fma(
        vec4f(side),
        cells[352u + at] + cells[(outer + 3u) * 32u + at],
        cells[224u + at],
      );
      let bias = packed[block + group * 2u + part];
      let channel = workgroup.y * 32u + group * 8u + part * 4u;
      if (index < p.tiles && y < p.out_h && channel < p.out_channels) {
        let pixel = (image * p.out_h + y) * p.out_w + x;
        let count = p.out_channels - channel;
        finish(pixel, channel, count, s0 + s1 + s2 + bias);
        if (x + 1u < p.out_w) {
          finish(pixel + 1u, channel, count, s1 - s2 - s3 + bias);
        }
      }
    }
    workgroupBarrier();
  }
}

//// conv2d/pack-winograd
struct Params {
  length: u32,
  block_stride: u32,
  depth: u32,
  out_channels: u32,
  in_channels: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn tap(out_channel: u32, in_channel: u32, at: u32) -> f32 {
  if (p.transposed == 1u) {
    return weight[(in_channel * p.out_channels + out_channel) * 9u + 8u - at];
  }
  return weight[(out_channel * p.in_channels + in_channel) * 9u + at];
}

fn transformed(row: u32, a: f32, b: f32, c: f32) -> f32 {
  let middle = 0.5 * (a + select(-b, b, row == 1u) + c);
  return select(select(middle, c, row == 3u), a, row == 0u);
}

fn value(i: u32) -> f32 {
  let in_block = i % p.block_stride;
  let out_channel = i / p.block_stride * 32u + in_block % 32u;
  if (out_channel >= p.out_channels) {
    return 0.0;
  }
  if (in_block < 32u) {
    return select(0.0, bias[out_channel], p.has_bias == 1u);
  }
  let channel = in_block / 32u - 1u;
  let in_channel = channel % p.depth;
  let place = channel / p.depth;
  if (in_channel >= p.in_channels) {
    return 0.0;
  }
  var rows: array<f32, 3>;
  for (var y = 0u; y < 3u; y++) {
    let first = tap(out_channel, in_channel, y * 3u);
    let middle = tap(out_channel, in_channel, y * 3u + 1u);
    let last = tap(out_channel, in_channel, y * 3u + 2u);
    rows[y] = transformed(place % 4u, first, middle, last);
  }
  return transformed(place / 4u, rows[0], rows[1], rows[2]);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  if (i < p.length) {
    packed[i] = value(i);
  }
}

//// conv2d/subgroup-weight-gradient
enable subgroups;

struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (p.in_per_group + 3u) / 4u;
  let quad = workgroup.x * 8u + lane;
  let tap = quad / quads;
  let at_channel = quad % quads * 4u;
  let tap_y = tap / p.kernel_w * p.dilation_y - p.pad_top;
  let tap_x = tap % p.kernel_w * p.dilation_x - p.pad_left;
  let last = p.out_channels - 1u;
  let first = min(workgroup.y * 16u + lane % 4u * 4u, last - 3u);

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.lines);
var s0 = vec4f();
var s1 = vec4f();
var s2 = vec4f();
var s3 = vec4f();
var s4 = vec4f();
var s5 = vec4f();
var s6 = vec4f();
var s7 = vec4f();
var s8 = vec4f();
var s9 = vec4f();
var s10 = vec4f();
var s11 = vec4f();
var s12 = vec4f();
var s13 = vec4f();
var s14 = vec4f();
var s15 = vec4f();
  var bias = vec4f();
  for (var line = begin; line < end; line++) {
    let image = line / p.out_h;
    let y = (line - image * p.out_h) * p.stride_y + tap_y;
    let in_line = (image * p.in_h + y) * p.in_w;
    for (var x = 0u; x < p.out_w; x += 4u) {

      var g0 = vec4f();
      {
        let pixel_x = x + 0u + lane / 4u;
        let inside = pixel_x < p.out_w;
        let pixel = select(0u, line * p.out_w + pixel_x, inside);
        let at = pixel * p.out_stride + p.out_offset + first;
        g0 = select(vec4f(), gradient[at / 4u], inside);
        bias += g0;
      }

      var g1 = vec4f();
      {
        let pixel_x = x + 2u + lane / 4u;
        let inside = pixel_x < p.out_w;
        let pixel = select(0u, line * p.out_w + pixel_x, inside);
        let at = pixel * p.out_stride + p.out_offset + first;
        g1 = select(vec4f(), gradient[at / 4u], inside);
        bias += g1;
      }

      var x0 = vec4f();
      {
        let from_x = (x + 0u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x0 = select(vec4f(), input[at / 4u], inside);
      }

      var x1 = vec4f();
      {
        let from_x = (x + 1u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x1 = select(vec4f(), input[at / 4u], inside);
      }

      var x2 = vec4f();
      {
        let from_x = (x + 2u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x2 = select(vec4f(), input[at / 4u], inside);
      }

      var x3 = vec4f();
      {
        let from_x = (x + 3u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x3 = select(vec4f(), input[at / 4u], inside);
      }
s0 = fma(vec4f(subgroupBroadcast(g0[0], 0u)), x0, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 0u)), x0, s1);
s0 = fma(vec4f(subgroupBroadcast(g0[0], 4u)), x1, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 4u)), x1, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 0u)), x2, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 0u)), x2, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 4u)), x3, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 4u)), x3, s1);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 0u)), x0, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 0u)), x0, s3);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 4u)), x1, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 4u)), x1, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 0u)), x2, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 0u)), x2, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 4u)), x3, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 4u)), x3, s3);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 1u)), x0, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 1u)), x0, s5);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 5u)), x1, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 5u)), x1, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 1u)), x2, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 1u)), x2, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 5u)), x3, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 5u)), x3, s5);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 1u)), x0, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 1u)), x0, s7);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 5u)), x1, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 5u)), x1, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 1u)), x2, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 1u)), x2, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 5u)), x3, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 5u)), x3, s7);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 2u)), x0, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 2u)), x0, s9);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 6u)), x1, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 6u)), x1, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 2u)), x2, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 2u)), x2, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 6u)), x3, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 6u)), x3, s9);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 2u)), x0, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 2u)), x0, s11);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 6u)), x1, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 6u)), x1, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 2u)), x2, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 2u)), x2, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 6u)), x3, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 6u)), x3, s11);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 3u)), x0, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 3u)), x0, s13);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 7u)), x1, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 7u)), x1, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 3u)), x2, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 3u)), x2, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 7u)), x3, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 7u)), x3, s13);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 3u)), x0, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 3u)), x0, s15);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 7u)), x1, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 7u)), x1, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 3u)), x2, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 3u)), x2, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 7u)), x3, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 7u)), x3, s15);
    }
  }

  let weights = p.taps * p.in_per_group * p.out_channels;
  let slice = workgroup.z * (weights + p.out_channels);
  let total = bias + subgroupShuffleXor(bias, 4u);
  var tile = array<vec4f, 16>(
s0,
s1,
s2,
s3,
s4,
s5,
s6,
s7,
s8,
s9,
s10,
s11,
s12,
s13,
s14,
s15,
  );
  for (var i = 0u; i < p.block; i++) {
    let out_channel = workgroup.y * 16u + i;
    for (var c = 0u; c < 4u; c++) {
      if (tap < p.taps && out_channel <= last && at_channel + c < p.in_per_group) {
        let at = (out_channel * p.in_per_group + at_channel + c) * p.taps + tap;
        scratch[slice + at] = tile[i][c];
      }
    }
  }
  for (var c = 0u; c < 4u; c++) {
    let out_channel = workgroup.y * 16u + lane * 4u + c;
    if (workgroup.x == 0u && lane < 4u && out_channel <= last) {
      scratch[slice + weights + out_channel] = total[c];
    }
  }
}

//// conv2d/subgroup-weight-gradient-2
enable subgroups;

struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(4) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> biases: array<f32>;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (p.in_per_group + 3u) / 4u;
  let quad = workgroup.x * 8u + lane;
  let tap = quad / quads;
  let at_channel = quad % quads * 4u;
  let tap_y = tap / p.kernel_w * p.dilation_y - p.pad_top;
  let tap_x = tap % p.kernel_w * p.dilation_x - p.pad_left;
  let last = p.out_channels - 1u;
  let first = min(workgroup.y * 16u + lane % 4u * 4u, last - 3u);

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.lines);
var s0 = vec4f();
var s1 = vec4f();
var s2 = vec4f();
var s3 = vec4f();
var s4 = vec4f();
var s5 = vec4f();
var s6 = vec4f();
var s7 = vec4f();
var s8 = vec4f();
var s9 = vec4f();
var s10 = vec4f();
var s11 = vec4f();
var s12 = vec4f();
var s13 = vec4f();
var s14 = vec4f();
var s15 = vec4f();
  var bias = vec4f();
  for (var line = begin; line < end; line++) {
    let image = line / p.out_h;
    let y = (line - image * p.out_h) * p.stride_y + tap_y;
    let in_line = (image * p.in_h + y) * p.in_w;
    for (var x = 0u; x < p.out_w; x += 4u) {

      var g0 = vec4f();
      {
        let pixel_x = x + 0u + lane / 4u;
        let inside = pixel_x < p.out_w;
        let pixel = select(0u, line * p.out_w + pixel_x, inside);
        let at = pixel * p.out_stride + p.out_offset + first;
        g0 = select(vec4f(), gradient[at / 4u], inside);
        bias += g0;
      }

      var g1 = vec4f();
      {
        let pixel_x = x + 2u + lane / 4u;
        let inside = pixel_x < p.out_w;
        let pixel = select(0u, line * p.out_w + pixel_x, inside);
        let at = pixel * p.out_stride + p.out_offset + first;
        g1 = select(vec4f(), gradient[at / 4u], inside);
        bias += g1;
      }

      var x0 = vec4f();
      {
        let from_x = (x + 0u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x0 = select(vec4f(), input[at / 4u], inside);
      }

      var x1 = vec4f();
      {
        let from_x = (x + 1u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x1 = select(vec4f(), input[at / 4u], inside);
      }

      var x2 = vec4f();
      {
        let from_x = (x + 2u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x2 = select(vec4f(), input[at / 4u], inside);
      }

      var x3 = vec4f();
      {
        let from_x = (x + 3u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x3 = select(vec4f(), input[at / 4u], inside);
      }
s0 = fma(vec4f(subgroupBroadcast(g0[0], 0u)), x0, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 0u)), x0, s1);
s0 = fma(vec4f(subgroupBroadcast(g0[0], 4u)), x1, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 4u)), x1, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 0u)), x2, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 0u)), x2, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 4u)), x3, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 4u)), x3, s1);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 0u)), x0, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 0u)), x0, s3);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 4u)), x1, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 4u)), x1, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 0u)), x2, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 0u)), x2, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 4u)), x3, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 4u)), x3, s3);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 1u)), x0, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 1u)), x0, s5);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 5u)), x1, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 5u)), x1, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 1u)), x2, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 1u)), x2, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 5u)), x3, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 5u)), x3, s5);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 1u)), x0, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 1u)), x0, s7);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 5u)), x1, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 5u)), x1, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 1u)), x2, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 1u)), x2, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 5u)), x3, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 5u)), x3, s7);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 2u)), x0, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 2u)), x0, s9);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 6u)), x1, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 6u)), x1, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 2u)), x2, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 2u)), x2, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 6u)), x3, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 6u)), x3, s9);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 2u)), x0, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 2u)), x0, s11);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 6u)), x1, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 6u)), x1, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 2u)), x2, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 2u)), x2, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 6u)), x3, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 6u)), x3, s11);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 3u)), x0, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 3u)), x0, s13);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 7u)), x1, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 7u)), x1, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 3u)), x2, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 3u)), x2, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 7u)), x3, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 7u)), x3, s13);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 3u)), x0, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 3u)), x0, s15);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 7u)), x1, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 7u)), x1, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 3u)), x2, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 3u)), x2, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 7u)), x3, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 7u)), x3, s15);
    }
  }


  let total = bias + subgroupShuffleXor(bias, 4u);
  var tile = array<vec4f, 16>(
s0,
s1,
s2,
s3,
s4,
s5,
s6,
s7,
s8,
s9,
s10,
s11,
s12,
s13,
s14,
s15,
  );
  for (var i = 0u; i < p.block; i++) {
    let out_channel = workgroup.y * 16u + i;
    for (var c = 0u; c < 4u; c++) {
      if (tap < p.taps && out_channel <= last && at_channel + c < p.in_per_group) {
        let at = (out_channel * p.in_per_group + at_channel + c) * p.taps + tap;
        weight[at] = tile[i][c];
      }
    }
  }
  for (var c = 0u; c < 4u; c++) {
    let out_channel = workgroup.y * 16u + lane * 4u + c;
    if (workgroup.x == 0u && lane < 4u && out_channel <= last) {
      biases[out_channel] = total[c];
    }
  }
}

//// conv2d/subgroup-winograd-gradient
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  first_tile: u32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  quads: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> patches: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = min(workgroup.x + workgroup.z * workgroups.x, p.tiles - 1u);
  let tile = p.first_tile + index;
  let tile_line = divide(tile, p.tiles_x);
  let image = divide(tile_line, p.tiles_y);
  let tile_y = tile_line - image * p.tiles_y;
  let tile_x = tile - tile_line * p.tiles_x;
  let y_first = tile_y * 4u - p.pad_top;
  let x = tile_x * 4u + lane - p.pad_left;
  let column = lane < 4u && x < p.in_w;
  let y0 = y_first + 0u;
  let inside0 = column && y0 < p.in_h;
  let at0 = ((image * p.in_h + y0) * p.in_w + x) * p.in_stride + p.in_offset;
  let y1 = y_first + 1u;
  let inside1 = column && y1 < p.in_h;
  let at1 = ((image * p.in_h + y1) * p.in_w + x) * p.in_stride + p.in_offset;
  let y2 = y_first + 2u;
  let inside2 = column && y2 < p.in_h;
  let at2 = ((image * p.in_h + y2) * p.in_w + x) * p.in_stride + p.in_offset;
  let y3 = y_first + 3u;
  let inside3 = column && y3 < p.in_h;
  let at3 = ((image * p.in_h + y3) * p.in_w + x) * p.in_stride + p.in_offset;
  let k0 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), 1.0, lane == 4u), 1.0, lane == 3u), 1.0, lane == 2u), 1.0, lane == 1u), 1.0, lane == 0u);
  let k1 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), -1.5, lane == 4u), 1.5, lane == 3u), -0.75, lane == 2u), 0.75, lane == 1u), 0.0, lane == 0u);
  let k2 = select(select(select(select(select(select(0.0, 0.0, lane == 5u), 2.25, lane == 4u), 2.25, lane == 3u), 0.5625, lane == 2u), 0.5625, lane == 1u), 0.0, lane == 0u);
  let k3 = select(select(select(select(select(select(0.0, 1.0, lane == 5u), -3.375, lane == 4u), 3.375, lane == 3u), -0.421875, lane == 2u), 0.421875, lane == 1u), 0.0, lane == 0u);
  for (var quad = 0u; quad < p.quads; quad++) {
    let channel = quad * 4u;
    var d0 = vec4f();
    if (inside0) {
      d0 = input[(at0 + channel) / 4u];
    }
    var d1 = vec4f();
    if (inside1) {
      d1 = input[(at1 + channel) / 4u];
    }
    var d2 = vec4f();
    if (inside2) {
      d2 = input[(at2 + channel) / 4u];
    }
    var d3 = vec4f();
    if (inside3) {
      d3 = input[(at3 + channel) / 4u];
    }
    let v0 = d0;
    let v1 = d0 + 0.75 * d1 + 0.5625 * d2 + 0.421875 * d3;
    let v2 = d0 + -0.75 * d1 + 0.5625 * d2 + -0.421875 * d3;
    let v3 = d0 + 1.5 * d1 + 2.25 * d2 + 3.375 * d3;
    let v4 = d0 + -1.5 * d1 + 2.25 * d2 + -3.375 * d3;
    let v5 = d3;
    let h0 = k0 * subgroupBroadcast(v0, 0u) + k1 * subgroupBroadcast(v0, 1u) + k2 * subgroupBroadcast(v0, 2u) + k3 * subgroupBroadcast(v0, 3u);
    let h1 = k0 * subgroupBroadcast(v1, 0u) + k1 * subgroupBroadcast(v1, 1u) + k2 * subgroupBroadcast(v1, 2u) + k3 * subgroupBroadcast(v1, 3u);
    let h2 = k0 * subgroupBroadcast(v2, 0u) + k1 * subgroupBroadcast(v2, 1u) + k2 * subgroupBroadcast(v2, 2u) + k3 * subgroupBroadcast(v2, 3u);
    let h3 = k0 * subgroupBroadcast(v3, 0u) + k1 * subgroupBroadcast(v3, 1u) + k2 * subgroupBroadcast(v3, 2u) + k3 * subgroupBroadcast(v3, 3u);
    let h4 = k0 * subgroupBroadcast(v4, 0u) + k1 * subgroupBroadcast(v4, 1u) + k2 * subgroupBroadcast(v4, 2u) + k3 * subgroupBroadcast(v4, 3u);
    let h5 = k0 * subgroupBroadcast(v5, 0u) + k1 * subgroupBroadcast(v5, 1u) + k2 * subgroupBroadcast(v5, 2u) + k3 * subgroupBroadcast(v5, 3u);
    if (lane < 6u) {
      patches[((0u + lane) * p.tiles + index) * p.quads + quad] = h0;
      patches[((6u + lane) * p.tiles + index) * p.quads + quad] = h1;
      patches[((12u + lane) * p.tiles + index) * p.quads + quad] = h2;
      patches[((18u + lane) * p.tiles + index) * p.quads + quad] = h3;
      patches[((24u + lane) * p.tiles + index) * p.quads + quad] = h4;
      patches[((30u + lane) * p.tiles + index) * p.quads + quad] = h5;
    }
  }
}

//// conv2d/subgroup-winograd-weight-gradient
enable subgroups;

struct Params {
  tiles: u32,
  in_quads: u32,
  out_quads: u32,
  part: u32,
  block: u32,
}
@group(0) @binding(0) var<storage, read> patches: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> products: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> totals: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = workgroup.z;
  let quad = workgroup.x * 8u + lane;
  let own = min(quad, p.in_quads - 1u);
  let first = workgroup.y * 4u;
  let out_quad = min(first + lane % 4u, p.out_quads - 1u);
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  var s8 = vec4f();
  var s9 = vec4f();
  var s10 = vec4f();
  var s11 = vec4f();
  var s12 = vec4f();
  var s13 = vec4f();
  var s14 = vec4f();
  var s15 = vec4f();
  var bias = vec4f();
  for (var tile = 0u; tile < p.tiles; tile += 4u) {
    var g0 = vec4f();
    {
      let one = tile + 0u + lane / 4u;
      if (one < p.tiles) {
        g0 = gradients[(place * p.tiles + one) * p.out_quads + out_quad];
      }
      bias += g0;
    }
    var g1 = vec4f();
    {
      let one = tile + 2u + lane / 4u;
      if (one < p.tiles) {
        g1 = gradients[(place * p.tiles + one) * p.out_quads + out_quad];
      }
      bias += g1;
    }
    let x0 = patches[(place * p.tiles + min(tile + 0u, p.tiles - 1u)) * p.in_quads + own];
    let x1 = patches[(place * p.tiles + min(tile + 1u, p.tiles - 1u)) * p.in_quads + own];
    let x2 = patches[(place * p.tiles + min(tile + 2u, p.tiles - 1u)) * p.in_quads + own];
    let x3 = patches[(place * p.tiles + min(tile + 3u, p.tiles - 1u)) * p.in_quads + own];
s0 = fma(vec4f(subgroupBroadcast(g0[0], 0u)), x0, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 0u)), x0, s1);
s0 = fma(vec4f(subgroupBroadcast(g0[0], 4u)), x1, s0);
s1 = fma(vec4f(subgroupBroadcast(g0[1], 4u)), x1, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 0u)), x2, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 0u)), x2, s1);
s0 = fma(vec4f(subgroupBroadcast(g1[0], 4u)), x3, s0);
s1 = fma(vec4f(subgroupBroadcast(g1[1], 4u)), x3, s1);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 0u)), x0, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 0u)), x0, s3);
s2 = fma(vec4f(subgroupBroadcast(g0[2], 4u)), x1, s2);
s3 = fma(vec4f(subgroupBroadcast(g0[3], 4u)), x1, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 0u)), x2, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 0u)), x2, s3);
s2 = fma(vec4f(subgroupBroadcast(g1[2], 4u)), x3, s2);
s3 = fma(vec4f(subgroupBroadcast(g1[3], 4u)), x3, s3);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 1u)), x0, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 1u)), x0, s5);
s4 = fma(vec4f(subgroupBroadcast(g0[0], 5u)), x1, s4);
s5 = fma(vec4f(subgroupBroadcast(g0[1], 5u)), x1, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 1u)), x2, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 1u)), x2, s5);
s4 = fma(vec4f(subgroupBroadcast(g1[0], 5u)), x3, s4);
s5 = fma(vec4f(subgroupBroadcast(g1[1], 5u)), x3, s5);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 1u)), x0, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 1u)), x0, s7);
s6 = fma(vec4f(subgroupBroadcast(g0[2], 5u)), x1, s6);
s7 = fma(vec4f(subgroupBroadcast(g0[3], 5u)), x1, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 1u)), x2, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 1u)), x2, s7);
s6 = fma(vec4f(subgroupBroadcast(g1[2], 5u)), x3, s6);
s7 = fma(vec4f(subgroupBroadcast(g1[3], 5u)), x3, s7);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 2u)), x0, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 2u)), x0, s9);
s8 = fma(vec4f(subgroupBroadcast(g0[0], 6u)), x1, s8);
s9 = fma(vec4f(subgroupBroadcast(g0[1], 6u)), x1, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 2u)), x2, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 2u)), x2, s9);
s8 = fma(vec4f(subgroupBroadcast(g1[0], 6u)), x3, s8);
s9 = fma(vec4f(subgroupBroadcast(g1[1], 6u)), x3, s9);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 2u)), x0, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 2u)), x0, s11);
s10 = fma(vec4f(subgroupBroadcast(g0[2], 6u)), x1, s10);
s11 = fma(vec4f(subgroupBroadcast(g0[3], 6u)), x1, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 2u)), x2, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 2u)), x2, s11);
s10 = fma(vec4f(subgroupBroadcast(g1[2], 6u)), x3, s10);
s11 = fma(vec4f(subgroupBroadcast(g1[3], 6u)), x3, s11);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 3u)), x0, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 3u)), x0, s13);
s12 = fma(vec4f(subgroupBroadcast(g0[0], 7u)), x1, s12);
s13 = fma(vec4f(subgroupBroadcast(g0[1], 7u)), x1, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 3u)), x2, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 3u)), x2, s13);
s12 = fma(vec4f(subgroupBroadcast(g1[0], 7u)), x3, s12);
s13 = fma(vec4f(subgroupBroadcast(g1[1], 7u)), x3, s13);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 3u)), x0, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 3u)), x0, s15);
s14 = fma(vec4f(subgroupBroadcast(g0[2], 7u)), x1, s14);
s15 = fma(vec4f(subgroupBroadcast(g0[3], 7u)), x1, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 3u)), x2, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 3u)), x2, s15);
s14 = fma(vec4f(subgroupBroadcast(g1[2], 7u)), x3, s14);
s15 = fma(vec4f(subgroupBroadcast(g1[3], 7u)), x3, s15);
  }
  let total = bias + subgroupShuffleXor(bias, 4u);
  var sums = array<vec4f, 16>(s0,
s1,
s2,
s3,
s4,
s5,
s6,
s7,
s8,
s9,
s10,
s11,
s12,
s13,
s14,
s15,);
  let line = (p.part * 36u + place) * p.out_quads;
  for (var i = 0u; i < p.block; i++) {
    let out_channel = first * 4u + i;
    if (out_channel < p.out_quads * 4u && quad < p.in_quads) {
      products[(line * 4u + out_channel) * p.in_quads + quad] = sums[i];
    }
  }
  if (workgroup.x == 0u && lane < 4u && first + lane < p.out_quads) {
    totals[line + first + lane] = total;
  }
}

//// conv2d/subgroup-winograd-weight-gradient-sum
enable subgroups;

struct Params {
  parts: u32,
  in_channels: u32,
  in_quads: u32,
  out_stride: u32,
}
@group(0) @binding(0) var<storage, read> products: array<vec4f>;
@group(0) @binding(1) var<storage, read> totals: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> biases: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let out_channel = workgroup.x;
  let column = min(lane, 5u);
  let k0 = select(select(select(0.0, 0.0, lane == 2u), 0.0, lane == 1u), 0.7901234567901234, lane == 0u);
  let k1 = select(select(select(0.0, -0.2962962962962963, lane == 2u), -0.3950617283950617, lane == 1u), -0.5267489711934157, lane == 0u);
  let k2 = select(select(select(0.0, -0.2962962962962963, lane == 2u), 0.3950617283950617, lane == 1u), -0.5267489711934157, lane == 0u);
  let k3 = select(select(select(0.0, 0.2962962962962963, lane == 2u), 0.19753086419753085, lane == 1u), 0.13168724279835392, lane == 0u);
  let k4 = select(select(select(0.0, 0.2962962962962963, lane == 2u), -0.19753086419753085, lane == 1u), 0.13168724279835392, lane == 0u);
  let k5 = select(select(select(0.0, 1.0, lane == 2u), 0.0, lane == 1u), 0.0, lane == 0u);
  for (var quad = 0u; quad < p.in_quads; quad++) {
    var d0 = vec4f();
    var d1 = vec4f();
    var d2 = vec4f();
    var d3 = vec4f();
    var d4 = vec4f();
    var d5 = vec4f();
    for (var part = 0u; part < p.parts; part++) {
      let places = part * 36u + column;
      d0 += products[((places + 0u) * p.out_stride + out_channel) * p.in_quads + quad];
      d1 += products[((places + 6u) * p.out_stride + out_channel) * p.in_quads + quad];
      d2 += products[((places + 12u) * p.out_stride + out_channel) * p.in_quads + quad];
      d3 += products[((places + 18u) * p.out_stride + out_channel) * p.in_quads + quad];
      d4 += products[((places + 24u) * p.out_stride + out_channel) * p.in_quads + quad];
      d5 += products[((places + 30u) * p.out_stride + out_channel) * p.in_quads + quad];
    }
    let v0 = 0.7901234567901234 * d0 + -0.5267489711934157 * d1 + -0.5267489711934157 * d2 + 0.13168724279835392 * d3 + 0.13168724279835392 * d4;
    let v1 = -0.3950617283950617 * d1 + 0.3950617283950617 * d2 + 0.19753086419753085 * d3 + -0.19753086419753085 * d4;
    let v2 = -0.2962962962962963 * d1 + -0.2962962962962963 * d2 + 0.2962962962962963 * d3 + 0.2962962962962963 * d4 + d5;
    let h0 = k0 * subgroupBroadcast(v0, 0u) + k1 * subgroupBroadcast(v0, 1u) + k2 * subgroupBroadcast(v0, 2u) + k3 * subgroupBroadcast(v0, 3u) + k4 * subgroupBroadcast(v0, 4u) + k5 * subgroupBroadcast(v0, 5u);
    let h1 = k0 * subgroupBroadcast(v1, 0u) + k1 * subgroupBroadcast(v1, 1u) + k2 * subgroupBroadcast(v1, 2u) + k3 * subgroupBroadcast(v1, 3u) + k4 * subgroupBroadcast(v1, 4u) + k5 * subgroupBroadcast(v1, 5u);
    let h2 = k0 * subgroupBroadcast(v2, 0u) + k1 * subgroupBroadcast(v2, 1u) + k2 * subgroupBroadcast(v2, 2u) + k3 * subgroupBroadcast(v2, 3u) + k4 * subgroupBroadcast(v2, 4u) + k5 * subgroupBroadcast(v2, 5u);
    var taps = array<vec4f, 3>(h0, h1, h2);
    for (var i = 0u; i < 4u; i++) {
      let in_channel = quad * 4u + i;
      if (lane < 3u && in_channel < p.in_channels) {
        let at = (out_channel * p.in_channels + in_channel) * 9u + lane;
        for (var row = 0u; row < 3u; row++) {
          weight[at + row * 3u] = taps[row][i];
        }
      }
    }
  }
  var bias = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    let places = part * 36u + column;
    bias += -0.7777777777777777 * totals[(places + 0u) * p.out_stride + out_channel];
    bias += 1.5555555555555554 * totals[(places + 6u) * p.out_stride + out_channel];
    bias += 0.2222222222222222 * totals[(places + 12u) * p.out_stride + out_channel];


    bias += 0.4375 * totals[(places + 30u) * p.out_stride + out_channel];
  }
  let total = subgroupAdd(bias * select(select(select(select(select(select(0.0, 0.4375, lane == 5u), 0.0, lane == 4u), 0.0, lane == 3u), 0.2222222222222222, lane == 2u), 1.5555555555555554, lane == 1u), -0.7777777777777777, lane == 0u));
  if (lane == 0u) {
    biases[out_channel] = total;
  }
}

//// conv2d/tiled-weight-gradient
struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
var<workgroup> inputs: array<vec4f, 128>;
var<workgroup> gradients: array<vec4f, 128>;
var<workgroup> biases: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (p.in_per_group + 3u) / 4u;
  let column = lane % 8u;
  let row = lane / 8u;
  let quad = workgroup.x * 8u + column;
  let tap = quad / quads;
  let at_channel = quad % quads * 4u;
  let tap_y = tap / p.kernel_w * p.dilation_y - p.pad_top;
  let tap_x = tap % p.kernel_w * p.dilation_x - p.pad_left;
  let first = workgroup.y * 32u + column * 4u;

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.pixels);
  var pixel = begin + row;
  let line = pixel / p.out_w;
  var x = pixel - line * p.out_w;
  var image = line / p.out_h;
  var y = line - image * p.out_h;
  var bias = vec4f();
  var total0 = vec4f();
  var total1 = vec4f();
  var total2 = vec4f();
  var total3 = vec4f();
  for (var run = begin; run < end; run += 64u) {
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var chunk = run; chunk < min(run + 64u, end); chunk += 16u) {
      for (var i = 0u; i < 2u; i++) {
        let exists = pixel < end;
        let from_y = y * p.stride_y + tap_y;
        let from_x = x * p.stride_x + tap_x;
        var value = vec4f();
        if (exists && tap < p.taps && from_y < p.in_h && from_x < p.in_w) {
          let at = ((image * p.in_h + from_y) * p.in_w + from_x) * p.in_stride + p.in_offset + at_channel;
          value = input[at / 4u];
        }
        var g = vec4f();
        if (exists && first < p.out_channels) {
          let at = pixel * p.out_stride + p.out_offset + first;
          g = gradient[at / 4u];
        }
        bias += g;
        let place = (i * 8u + row) * 8u + column;
        inputs[place] = value;
        gradients[place] = g;
        pixel += 8u;
  x += 8u;
  while (x >= p.out_w) {
    x -= p.out_w;
    y++;
    if (y == p.out_h) {
      y = 0u;
      image++;
    }
  }
      }
      workgroupBarrier();
      for (var k = 0u; k < 16u; k++) {
        let a = inputs[k * 8u + row];
        let b = gradients[k * 8u + column];
        s0 = fma(vec4f(a[0]), b, s0);
        s1 = fma(vec4f(a[1]), b, s1);
        s2 = fma(vec4f(a[2]), b, s2);
        s3 = fma(vec4f(a[3]), b, s3);
      }
      workgroupBarrier();
    }
    total0 += s0;
    total1 += s1;
    total2 += s2;
    total3 += s3;
  }

  let weights = p.taps * p.in_per_group * p.out_channels;
  let slice = workgroup.z * (weights + p.out_channels);
  let out_quad = workgroup.x * 8u + row;
  let out_tap = out_quad / quads;
  let in_channel = out_quad % quads * 4u;

  if (out_tap < p.taps && in_channel + 0u < p.in_per_group && first + 0u < p.out_channels) {
    let at = ((first + 0u) * p.in_per_group + in_channel + 0u) * p.taps + out_tap;
    scratch[slice + at] = total0[0];
  }

  if (out_tap < p.taps && in_channel + 0u < p.in_per_group && first + 1u < p.out_channels) {
    let at = ((first + 1u) * p.in_per_group + in_channel + 0u) * p.taps + out_tap;
    scratch[slice + at] = total0[1];
  }

  if (out_tap < p.taps && in_channel + 0u < p.in_per_group && first + 2u < p.out_channels) {
    let at = ((first + 2u) * p.in_per_group + in_channel + 0u) * p.taps + out_tap;
    scratch[slice + at] = total0[2];
  }

  if (out_tap < p.taps && in_channel + 0u < p.in_per_group && first + 3u < p.out_channels) {
    let at = ((first + 3u) * p.in_per_group + in_channel + 0u) * p.taps + out_tap;
    scratch[slice + at] = total0[3];
  }

  if (out_tap < p.taps && in_channel + 1u < p.in_per_group && first + 0u < p.out_channels) {
    let at = ((first + 0u) * p.in_per_group + in_channel + 1u) * p.taps + out_tap;
    scratch[slice + at] = total1[0];
  }

  if (out_tap < p.taps && in_channel + 1u < p.in_per_group && first + 1u < p.out_channels) {
    let at = ((first + 1u) * p.in_per_group + in_channel + 1u) * p.taps + out_tap;
    scratch[slice + at] = total1[1];
  }

  if (out_tap < p.taps && in_channel + 1u < p.in_per_group && first + 2u < p.out_channels) {
    let at = ((first + 2u) * p.in_per_group + in_channel + 1u) * p.taps + out_tap;
    scratch[slice + at] = total1[2];
  }

  if (out_tap < p.taps && in_channel + 1u < p.in_per_group && first + 3u < p.out_channels) {
    let at = ((first + 3u) * p.in_per_group + in_channel + 1u) * p.taps + out_tap;
    scratch[slice + at] = total1[3];
  }

  if (out_tap < p.taps && in_channel + 2u < p.in_per_group && first + 0u < p.out_channels) {
    let at = ((first + 0u) * p.in_per_group + in_channel + 2u) * p.taps + out_tap;
    scratch[slice + at] = total2[0];
  }

  if (out_tap < p.taps && in_channel + 2u < p.in_per_group && first + 1u < p.out_channels) {
    let at = ((first + 1u) * p.in_per_group + in_channel + 2u) * p.taps + out_tap;
    scratch[slice + at] = total2[1];
  }

  if (out_tap < p.taps && in_channel + 2u < p.in_per_group && first + 2u < p.out_channels) {
    let at = ((first + 2u) * p.in_per_group + in_channel + 2u) * p.taps + out_tap;
    scratch[slice + at] = total2[2];
  }

  if (out_tap < p.taps && in_channel + 2u < p.in_per_group && first + 3u < p.out_channels) {
    let at = ((first + 3u) * p.in_per_group + in_channel + 2u) * p.taps + out_tap;
    scratch[slice + at] = total2[3];
  }

  if (out_tap < p.taps && in_channel + 3u < p.in_per_group && first + 0u < p.out_channels) {
    let at = ((first + 0u) * p.in_per_group + in_channel + 3u) * p.taps + out_tap;
    scratch[slice + at] = total3[0];
  }

  if (out_tap < p.taps && in_channel + 3u < p.in_per_group && first + 1u < p.out_channels) {
    let at = ((first + 1u) * p.in_per_group + in_channel + 3u) * p.taps + out_tap;
    scratch[slice + at] = total3[1];
  }

  if (out_tap < p.taps && in_channel + 3u < p.in_per_group && first + 2u < p.out_channels) {
    let at = ((first + 2u) * p.in_per_group + in_channel + 3u) * p.taps + out_tap;
    scratch[slice + at] = total3[2];
  }

  if (out_tap < p.taps && in_channel + 3u < p.in_per_group && first + 3u < p.out_channels) {
    let at = ((first + 3u) * p.in_per_group + in_channel + 3u) * p.taps + out_tap;
    scratch[slice + at] = total3[3];
  }
  biases[lane] = bias;
  workgroupBarrier();
  if (workgroup.x > 0u || row > 0u) {
    return;
  }
  for (var r = 1u; r < 8u; r++) {
    bias += biases[r * 8u + column];
  }
  for (var c = 0u; c < 4u; c++) {
    if (first + c < p.out_channels) {
      scratch[slice + weights + first + c] = bias[c];
    }
  }
}

//// conv2d/weight-gradient-sum-2
struct Params {
  weights: u32,
  length: u32,
  slices: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> scratch: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn sum_slices(i: u32, first: u32, step: u32) -> f32 {
  var sum = 0.0;
  var lost = 0.0;
  for (var slice = first; slice < p.slices; slice += step) {
    let value = scratch[slice * p.length + i] - lost;
    let next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  return sum;
}

fn store(i: u32, sum: f32) {
  if (i < p.weights) {
    weight[i] = sum;
  } else if (p.has_bias == 1u) {
    bias[i - p.weights] = sum;
  }
}

var<workgroup> parts: array<f32, 256>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 8u + lane % 8u;
  if (i < p.length) {
    parts[lane] = sum_slices(i, lane / 8u, 32u);
  }
  for (var half = 16u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half * 8u) {
      parts[lane] += parts[lane + half * 8u];
    }
  }
  if (lane < 8u && i < p.length) {
    store(i, parts[lane]);
  }
}

//// conv2d/subgroup-depthwise
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<uniform> packed: array<vec4f, 1024>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

var<private> channel: u32;

fn load(image: u32, y: i32, x: i32) -> vec4f {
  let inside = u32(y) < p.in_h && u32(x) < p.in_w;
  let pixel = select(0u, (image * p.in_h + u32(y)) * p.in_w + u32(x), inside);
  return select(vec4f(), input[(pixel * p.in_stride + p.in_offset + channel) / 4u], inside);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  channel = (p.first_block + workgroup.y) * 4u;
  let segments = (p.out_h + 31u) / 32u;
  let image = workgroup.z / segments;
  let out_y = (workgroup.z % segments) * 32u;
  let rows = min(32u, p.out_h - out_y);
  let out_x = workgroup.x * 6u + lane - 1u;
  let y_first = i32(out_y) * 1 - i32(p.pad_top);
  let x_first = i32(out_x) * 1 + 1 - i32(p.pad_left);
  let used = lane > 0u && lane <= 6u && out_x < p.out_w;

  let block = workgroup.y * 16u;
  let bias = packed[block];
  let w0 = packed[block + 1u];
  let w1 = packed[block + 2u];
  let w2 = packed[block + 3u];
  let w3 = packed[block + 4u];
  let w4 = packed[block + 5u];
  let w5 = packed[block + 6u];
  let w6 = packed[block + 7u];
  let w7 = packed[block + 8u];
  let w8 = packed[block + 9u];
  var upper = bias;
  var lower = bias;
  for (var step = 0u; step < rows + 2u; step++) {
    let middle = load(image, y_first + i32(step), x_first);
    let left = subgroupShuffleUp(middle, 1u);
    let right = subgroupShuffleDown(middle, 1u);
    let done = fma(right, w8, fma(middle, w7, fma(left, w6, upper)));
    upper = fma(right, w5, fma(middle, w4, fma(left, w3, lower)));
    lower = fma(right, w2, fma(middle, w1, fma(left, w0, bias)));
    if (used && step >= 2u) {
      let pixel = (image * p.out_h + out_y + step - 2u) * p.out_w + out_x;
      finish(pixel, channel, p.out_channels - channel, done);
    }
  }
}

//// conv2d/depthwise
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

fn load(at: u32, count: u32) -> vec4f {
  return input[at / 4u];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let channel = workgroup.y * 4u;
  let count = min(4u, p.out_channels - channel);
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + p.in_offset + channel;
        sum = fma(load(at, count), packed[block + 1u + ky * p.kernel_w + kx], sum);
      }
    }
  }
  finish(pixel, channel, count, sum);
}

//// conv2d/direct-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  if (0u < count) {
    output[at + 0u] = y[0];
  }
  if (1u < count) {
    output[at + 1u] = y[1];
  }
  if (2u < count) {
    output[at + 2u] = y[2];
  }
  if (3u < count) {
    output[at + 3u] = y[3];
  }
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  let in_first = p.in_offset + group * p.in_per_group;
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_first;
        let row = block + 1u + (ky * p.kernel_w + kx) * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(input[at + c]), packed[row + c], sum);
        }
      }
    }
  }
  finish(pixel, group * p.out_per_group + first, min(4u, p.out_per_group - first), sum);
}

//// conv2d/gather-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let channel = group * p.out_per_group + first;
  let count = min(4u, p.out_per_group - first);
  let top = count - 1u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  var sum = vec4f();
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = i32((pixel / p.out_w) % p.out_h + p.pad_top) - i32(ky * p.dilation_y);
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = i32(pixel % p.out_w + p.pad_left) - i32(kx * p.dilation_x);
      let used = y >= 0 && x >= 0 && u32(y) % p.stride_y == 0u && u32(x) % p.stride_x == 0u;
      let from_y = u32(y) / p.stride_y;
      let from_x = u32(x) / p.stride_x;
      if (used && from_y < p.in_h && from_x < p.in_w) {
        let pixel_at = ((image * p.in_h + from_y) * p.in_w + from_x) * p.in_stride + p.in_offset;
        let at = pixel_at + channel;
        let row = block + p.kernel_h * p.kernel_w - ky * p.kernel_w - kx;
        sum = fma(input[at / 4u], packed[row], sum);
      }
    }
  }
  finish(pixel, channel, count, sum);
}

//// conv2d/subgroup-depthwise-gradient
enable subgroups;

struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
var<private> channel: u32;

fn load(image: u32, y: i32, x: i32) -> vec4f {
  let inside = u32(y) < p.in_h && u32(x) < p.in_w;
  let pixel = select(0u, (image * p.in_h + u32(y)) * p.in_w + u32(x), inside);
  return select(vec4f(), input[(pixel * p.in_stride + p.in_offset + channel) / 4u], inside);
}

fn load_gradient(line: u32, x: u32, inside: bool) -> vec4f {
  let pixel = select(0u, line * p.out_w + x, inside);
  return select(vec4f(), gradient[(pixel * p.out_stride + p.out_offset + channel) / 4u], inside);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  channel = workgroup.y * 4u;
  let segments = (p.out_h + 63u) / 64u;
  let tiles = (p.out_w + 5u) / 6u;
  let pieces = p.lines / p.out_h * segments * tiles;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  var s8 = vec4f();
  var bias = vec4f();
  for (var k = 0u; k < p.slice_size; k++) {
    let piece = workgroup.x * p.slice_size + k;
    if (piece >= pieces) {
      break;
    }
    let tile_x = piece % tiles;
    let segment = piece / tiles;
    let image = segment / segments;
    let out_y = (segment % segments) * 64u;
    let line = image * p.out_h + out_y;
    let rows = min(64u, p.out_h - out_y);
    let out_x = tile_x * 6u + lane - 1u;
    let y_first = i32(out_y) * 1 - i32(p.pad_top);
    let x_first = i32(out_x) * 1 + 1 - i32(p.pad_left);
    let used = lane > 0u && lane <= 6u && out_x < p.out_w;
    var recent = vec4f();
    var oldest = vec4f();
    for (var step = 0u; step < rows + 2u; step++) {
    let middle = load(image, y_first + i32(step), x_first);
    let left = subgroupShuffleUp(middle, 1u);
    let right = subgroupShuffleDown(middle, 1u);
    let next = load_gradient(line + step, out_x, used && step < rows);
    s0 = fma(next, left, s0);
    s1 = fma(next, middle, s1);
    s2 = fma(next, right, s2);
    s3 = fma(recent, left, s3);
    s4 = fma(recent, middle, s4);
    s5 = fma(recent, right, s5);
    s6 = fma(oldest, left, s6);
    s7 = fma(oldest, middle, s7);
    s8 = fma(oldest, right, s8);
    oldest = recent;
    recent = next;
      bias += next;
    }
  }

  let weights = 9u * p.out_channels;
  let slice = workgroup.x * (weights + p.out_channels);
  var tile = array<vec4f, 10>(
    subgroupAdd(s0),
    subgroupAdd(s1),
    subgroupAdd(s2),
    subgroupAdd(s3),
    subgroupAdd(s4),
    subgroupAdd(s5),
    subgroupAdd(s6),
    subgroupAdd(s7),
    subgroupAdd(s8),
    subgroupAdd(bias),
  );
  for (var i = 0u; i < p.block; i++) {
    for (var c = 0u; c < 4u; c++) {
      if (lane == 0u) {
        let at = select((channel + c) * 9u + i, weights + channel + c, i == 9u);
        scratch[slice + at] = tile[i][c];
      }
    }
  }
}

//// conv2d/depthwise-gradient
struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
var<workgroup> shared_sums: array<vec4f, 640>;

fn at_tap(image: u32, y: u32, x: u32, tap_y: u32, tap_x: u32, channel: u32) -> vec4f {
  let from_y = y * p.stride_y + tap_y * p.dilation_y - p.pad_top;
  let from_x = x * p.stride_x + tap_x * p.dilation_x - p.pad_left;
  let inside = from_y < p.in_h && from_x < p.in_w;
  let pixel = select(0u, (image * p.in_h + from_y) * p.in_w + from_x, inside);
  return select(vec4f(), input[(pixel * p.in_stride + p.in_offset) / 4u + channel], inside);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let items = p.out_channels / 4u;
  let places = 64u / p.block;
  let place = lane / p.block;
  let channel = workgroup.x * p.block + lane % p.block;
  let begin = workgroup.z * p.slice_size;
  let end = select(0u, min(begin + p.slice_size, p.pixels), place < places && channel < items);
  var pixel = begin + place;
  let line = pixel / p.out_w;
  var x = pixel - line * p.out_w;
  var image = line / p.out_h;
  var y = line - image * p.out_h;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  var s8 = vec4f();
  var s9 = vec4f();
  while (pixel < end) {
    let g = gradient[(pixel * p.out_stride + p.out_offset) / 4u + channel];
    s0 = fma(g, at_tap(image, y, x, 0u, 0u, channel), s0);
    s1 = fma(g, at_tap(image, y, x, 0u, 1u, channel), s1);
    s2 = fma(g, at_tap(image, y, x, 0u, 2u, channel), s2);
    s3 = fma(g, at_tap(image, y, x, 1u, 0u, channel), s3);
    s4 = fma(g, at_tap(image, y, x, 1u, 1u, channel), s4);
    s5 = fma(g, at_tap(image, y, x, 1u, 2u, channel), s5);
    s6 = fma(g, at_tap(image, y, x, 2u, 0u, channel), s6);
    s7 = fma(g, at_tap(image, y, x, 2u, 1u, channel), s7);
    s8 = fma(g, at_tap(image, y, x, 2u, 2u, channel), s8);
    s9 += g;
    pixel += places;
  x += places;
  while (x >= p.out_w) {
    x -= p.out_w;
    y++;
    if (y == p.out_h) {
      y = 0u;
      image++;
    }
  }
  }

  shared_sums[0u + lane] = s0;
  shared_sums[64u + lane] = s1;
  shared_sums[128u + lane] = s2;
  shared_sums[192u + lane] = s3;
  shared_sums[256u + lane] = s4;
  shared_sums[320u + lane] = s5;
  shared_sums[384u + lane] = s6;
  shared_sums[448u + lane] = s7;
  shared_sums[512u + lane] = s8;
  shared_sums[576u + lane] = s9;
  workgroupBarrier();
  let weights = 9u * p.out_channels;
  let slice = workgroup.z * (weights + p.out_channels);
  for (var i = lane; i < 10u * p.block; i += 64u) {
    let tap = i / p.block;
    let own = workgroup.x * p.block + i % p.block;
    var sum = vec4f();
    for (var other = 0u; other < places; other++) {
      sum += shared_sums[tap * 64u + other * p.block + i % p.block];
    }
    for (var c = 0u; c < 4u && own < items; c++) {
      let out_channel = own * 4u + c;
      let at = select(out_channel * 9u + tap, weights + out_channel, tap == 9u);
      scratch[slice + at] = sum[c];
    }
  }
}

//// conv2d/subgroup-gemm-2
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<uniform> packed: array<vec4f, 4096>;
@group(0) @binding(2) var<storage, read> biases: array<vec2f>;
@group(0) @binding(3) var<storage, read> residual: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec2f>;
@group(0) @binding(5) var<uniform> p: Params;

fn activate(x: vec2f) -> vec2f {
  let low = select(x * p.slope, vec2f(), x < vec2f(p.lowest));
  return select(low, x, x >= vec2f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec2f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 2u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec2f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec2f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 2u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec2f(), r, before)) + select(r, vec2f(), before);
  store(pixel, channel, count, sum);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 16u;
  var row = workgroup.y * (p.block_stride / 4u) + lane;
  let channel = ((p.first_block + workgroup.y) * 8u + lane) * 2u;
  let bias = biases[channel / 2u];

  let pixel0 = min(first_pixel + 0u + lane, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + 8u + lane, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;
var s0_0 = bias[0];
var s0_1 = bias[1];
var s1_0 = bias[0];
var s1_1 = bias[1];
var s2_0 = bias[0];
var s2_1 = bias[1];
var s3_0 = bias[0];
var s3_1 = bias[1];
var s4_0 = bias[0];
var s4_1 = bias[1];
var s5_0 = bias[0];
var s5_1 = bias[1];
var s6_0 = bias[0];
var s6_1 = bias[1];
var s7_0 = bias[0];
var s7_1 = bias[1];
var s8_0 = bias[0];
var s8_1 = bias[1];
var s9_0 = bias[0];
var s9_1 = bias[1];
var s10_0 = bias[0];
var s10_1 = bias[1];
var s11_0 = bias[0];
var s11_1 = bias[1];
var s12_0 = bias[0];
var s12_1 = bias[1];
var s13_0 = bias[0];
var s13_1 = bias[1];
var s14_0 = bias[0];
var s14_1 = bias[1];
var s15_0 = bias[0];
var s15_1 = bias[1];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    for (var kx = 0u; kx < p.kernel_w; kx++) {

      let y0 = y_first0 + ky * p.dilation_y;
      let x_at0 = x_first0 + kx * p.dilation_x;
      let inside0 = y0 < p.in_h && x_at0 < p.in_w;
      let source0 = (image0 * p.in_h + y0) * p.in_w + x_at0;
      let at0 = select(0u, source0, inside0) * p.in_stride + p.in_offset;

      let y1 = y_first1 + ky * p.dilation_y;
      let x_at1 = x_first1 + kx * p.dilation_x;
      let inside1 = y1 < p.in_h && x_at1 < p.in_w;
      let source1 = (image1 * p.in_h + y1) * p.in_w + x_at1;
      let at1 = select(0u, source1, inside1) * p.in_stride + p.in_offset;
      var k4 = 0u;
      loop {
let x0 = select(vec4f(), input[at0 / 4u + k4], inside0);
let x1 = select(vec4f(), input[at1 / 4u + k4], inside1);
let w0 = packed[row + 0u];
let w1 = packed[row + 8u];
{ let b0 = subgroupBroadcast(x0[0], 0u);
let b1 = subgroupBroadcast(x0[0], 1u);
let b2 = subgroupBroadcast(x0[0], 2u);
let b3 = subgroupBroadcast(x0[0], 3u);
s0_0 = fma(b0, w0[0], s0_0);
s1_0 = fma(b1, w0[0], s1_0);
s2_0 = fma(b2, w0[0], s2_0);
s3_0 = fma(b3, w0[0], s3_0);
s0_1 = fma(b0, w1[0], s0_1);
s1_1 = fma(b1, w1[0], s1_1);
s2_1 = fma(b2, w1[0], s2_1);
s3_1 = fma(b3, w1[0], s3_1); }
{ let b0 = subgroupBroadcast(x0[1], 0u);
let b1 = subgroupBroadcast(x0[1], 1u);
let b2 = subgroupBroadcast(x0[1], 2u);
let b3 = subgroupBroadcast(x0[1], 3u);
s0_0 = fma(b0, w0[1], s0_0);
s1_0 = fma(b1, w0[1], s1_0);
s2_0 = fma(b2, w0[1], s2_0);
s3_0 = fma(b3, w0[1], s3_0);
s0_1 = fma(b0, w1[1], s0_1);
s1_1 = fma(b1, w1[1], s1_1);
s2_1 = fma(b2, w1[1], s2_1);
s3_1 = fma(b3, w1[1], s3_1); }
{ let b0 = subgroupBroadcast(x0[2], 0u);
let b1 = subgroupBroadcast(x0[2], 1u);
let b2 = subgroupBroadcast(x0[2], 2u);
let b3 = subgroupBroadcast(x0[2], 3u);
s0_0 = fma(b0, w0[2], s0_0);
s1_0 = fma(b1, w0[2], s1_0);
s2_0 = fma(b2, w0[2], s2_0);
s3_0 = fma(b3, w0[2], s3_0);
s0_1 = fma(b0, w1[2], s0_1);
s1_1 = fma(b1, w1[2], s1_1);
s2_1 = fma(b2, w1[2], s2_1);
s3_1 = fma(b3, w1[2], s3_1); }
{ let b0 = subgroupBroadcast(x0[3], 0u);
let b1 = subgroupBroadcast(x0[3], 1u);
let b2 = subgroupBroadcast(x0[3], 2u);
let b3 = subgroupBroadcast(x0[3], 3u);
s0_0 = fma(b0, w0[3], s0_0);
s1_0 = fma(b1, w0[3], s1_0);
s2_0 = fma(b2, w0[3], s2_0);
s3_0 = fma(b3, w0[3], s3_0);
s0_1 = fma(b0, w1[3], s0_1);
s1_1 = fma(b1, w1[3], s1_1);
s2_1 = fma(b2, w1[3], s2_1);
s3_1 = fma(b3, w1[3], s3_1); }
{ let b0 = subgroupBroadcast(x0[0], 4u);
let b1 = subgroupBroadcast(x0[0], 5u);
let b2 = subgroupBroadcast(x0[0], 6u);
let b3 = subgroupBroadcast(x0[0], 7u);
s4_0 = fma(b0, w0[0], s4_0);
s5_0 = fma(b1, w0[0], s5_0);
s6_0 = fma(b2, w0[0], s6_0);
s7_0 = fma(b3, w0[0], s7_0);
s4_1 = fma(b0, w1[0], s4_1);
s5_1 = fma(b1, w1[0], s5_1);
s6_1 = fma(b2, w1[0], s6_1);
s7_1 = fma(b3, w1[0], s7_1); }
{ let b0 = subgroupBroadcast(x0[1], 4u);
let b1 = subgroupBroadcast(x0[1], 5u);
let b2 = subgroupBroadcast(x0[1], 6u);
let b3 = subgroupBroadcast(x0[1], 7u);
s4_0 = fma(b0, w0[1], s4_0);
s5_0 = fma(b1, w0[1], s5_0);
s6_0 = fma(b2, w0[1], s6_0);
s7_0 = fma(b3, w0[1], s7_0);
s4_1 = fma(b0, w1[1], s4_1);
s5_1 = fma(b1, w1[1], s5_1);
s6_1 = fma(b2, w1[1], s6_1);
s7_1 = fma(b3, w1[1], s7_1); }
{ let b0 = subgroupBroadcast(x0[2], 4u);
let b1 = subgroupBroadcast(x0[2], 5u);
let b2 = subgroupBroadcast(x0[2], 6u);
let b3 = subgroupBroadcast(x0[2], 7u);
s4_0 = fma(b0, w0[2], s4_0);
s5_0 = fma(b1, w0[2], s5_0);
s6_0 = fma(b2, w0[2], s6_0);
s7_0 = fma(b3, w0[2], s7_0);
s4_1 = fma(b0, w1[2], s4_1);
s5_1 = fma(b1, w1[2], s5_1);
s6_1 = fma(b2, w1[2], s6_1);
s7_1 = fma(b3, w1[2], s7_1); }
{ let b0 = subgroupBroadcast(x0[3], 4u);
let b1 = subgroupBroadcast(x0[3], 5u);
let b2 = subgroupBroadcast(x0[3], 6u);
let b3 = subgroupBroadcast(x0[3], 7u);
s4_0 = fma(b0, w0[3], s4_0);
s5_0 = fma(b1, w0[3], s5_0);
s6_0 = fma(b2, w0[3], s6_0);
s7_0 = fma(b3, w0[3], s7_0);
s4_1 = fma(b0, w1[3], s4_1);
s5_1 = fma(b1, w1[3], s5_1);
s6_1 = fma(b2, w1[3], s6_1);
s7_1 = fma(b3, w1[3], s7_1); }
{ let b0 = subgroupBroadcast(x1[0], 0u);
let b1 = subgroupBroadcast(x1[0], 1u);
let b2 = subgroupBroadcast(x1[0], 2u);
let b3 = subgroupBroadcast(x1[0], 3u);
s8_0 = fma(b0, w0[0], s8_0);
s9_0 = fma(b1, w0[0], s9_0);
s10_0 = fma(b2, w0[0], s10_0);
s11_0 = fma(b3, w0[0], s11_0);
s8_1 = fma(b0, w1[0], s8_1);
s9_1 = fma(b1, w1[0], s9_1);
s10_1 = fma(b2, w1[0], s10_1);
s11_1 = fma(b3, w1[0], s11_1); }
{ let b0 = subgroupBroadcast(x1[1], 0u);
let b1 = subgroupBroadcast(x1[1], 1u);
let b2 = subgroupBroadcast(x1[1], 2u);
let b3 = subgroupBroadcast(x1[1], 3u);
s8_0 = fma(b0, w0[1], s8_0);
s9_0 = fma(b1, w0[1], s9_0);
s10_0 = fma(b2, w0[1], s10_0);
s11_0 = fma(b3, w0[1], s11_0);
s8_1 = fma(b0, w1[1], s8_1);
s9_1 = fma(b1, w1[1], s9_1);
s10_1 = fma(b2, w1[1], s10_1);
s11_1 = fma(b3, w1[1], s11_1); }
{ let b0 = subgroupBroadcast(x1[2], 0u);
let b1 = subgroupBroadcast(x1[2], 1u);
let b2 = subgroupBroadcast(x1[2], 2u);
let b3 = subgroupBroadcast(x1[2], 3u);
s8_0 = fma(b0, w0[2], s8_0);
s9_0 = fma(b1, w0[2], s9_0);
s10_0 = fma(b2, w0[2], s10_0);
s11_0 = fma(b3, w0[2], s11_0);
s8_1 = fma(b0, w1[2], s8_1);
s9_1 = fma(b1, w1[2], s9_1);
s10_1 = fma(b2, w1[2], s10_1);
s11_1 = fma(b3, w1[2], s11_1); }
{ let b0 = subgroupBroadcast(x1[3], 0u);
let b1 = subgroupBroadcast(x1[3], 1u);
let b2 = subgroupBroadcast(x1[3], 2u);
let b3 = subgroupBroadcast(x1[3], 3u);
s8_0 = fma(b0, w0[3], s8_0);
s9_0 = fma(b1, w0[3], s9_0);
s10_0 = fma(b2, w0[3], s10_0);
s11_0 = fma(b3, w0[3], s11_0);
s8_1 = fma(b0, w1[3], s8_1);
s9_1 = fma(b1, w1[3], s9_1);
s10_1 = fma(b2, w1[3], s10_1);
s11_1 = fma(b3, w1[3], s11_1); }
{ let b0 = subgroupBroadcast(x1[0], 4u);
let b1 = subgroupBroadcast(x1[0], 5u);
let b2 = subgroupBroadcast(x1[0], 6u);
let b3 = subgroupBroadcast(x1[0], 7u);
s12_0 = fma(b0, w0[0], s12_0);
s13_0 = fma(b1, w0[0], s13_0);
s14_0 = fma(b2, w0[0], s14_0);
s15_0 = fma(b3, w0[0], s15_0);
s12_1 = fma(b0, w1[0], s12_1);
s13_1 = fma(b1, w1[0], s13_1);
s14_1 = fma(b2, w1[0], s14_1);
s15_1 = fma(b3, w1[0], s15_1); }
{ let b0 = subgroupBroadcast(x1[1], 4u);
let b1 = subgroupBroadcast(x1[1], 5u);
let b2 = subgroupBroadcast(x1[1], 6u);
let b3 = subgroupBroadcast(x1[1], 7u);
s12_0 = fma(b0, w0[1], s12_0);
s13_0 = fma(b1, w0[1], s13_0);
s14_0 = fma(b2, w0[1], s14_0);
s15_0 = fma(b3, w0[1], s15_0);
s12_1 = fma(b0, w1[1], s12_1);
s13_1 = fma(b1, w1[1], s13_1);
s14_1 = fma(b2, w1[1], s14_1);
s15_1 = fma(b3, w1[1], s15_1); }
{ let b0 = subgroupBroadcast(x1[2], 4u);
let b1 = subgroupBroadcast(x1[2], 5u);
let b2 = subgroupBroadcast(x1[2], 6u);
let b3 = subgroupBroadcast(x1[2], 7u);
s12_0 = fma(b0, w0[2], s12_0);
s13_0 = fma(b1, w0[2], s13_0);
s14_0 = fma(b2, w0[2], s14_0);
s15_0 = fma(b3, w0[2], s15_0);
s12_1 = fma(b0, w1[2], s12_1);
s13_1 = fma(b1, w1[2], s13_1);
s14_1 = fma(b2, w1[2], s14_1);
s15_1 = fma(b3, w1[2], s15_1); }
{ let b0 = subgroupBroadcast(x1[3], 4u);
let b1 = subgroupBroadcast(x1[3], 5u);
let b2 = subgroupBroadcast(x1[3], 6u);
let b3 = subgroupBroadcast(x1[3], 7u);
s12_0 = fma(b0, w0[3], s12_0);
s13_0 = fma(b1, w0[3], s13_0);
s14_0 = fma(b2, w0[3], s14_0);
s15_0 = fma(b3, w0[3], s15_0);
s12_1 = fma(b0, w1[3], s12_1);
s13_1 = fma(b1, w1[3], s13_1);
s14_1 = fma(b2, w1[3], s14_1);
s15_1 = fma(b3, w1[3], s15_1); }
        k4 += 1u;
        row += 16u;
        continuing {
          break if k4 * 4u >= p.in_per_group;
        }
      }
    }
  }
  var tile = array<vec2f, 16>(
vec2f(s0_0, s0_1),
vec2f(s1_0, s1_1),
vec2f(s2_0, s2_1),
vec2f(s3_0, s3_1),
vec2f(s4_0, s4_1),
vec2f(s5_0, s5_1),
vec2f(s6_0, s6_1),
vec2f(s7_0, s7_1),
vec2f(s8_0, s8_1),
vec2f(s9_0, s9_1),
vec2f(s10_0, s10_1),
vec2f(s11_0, s11_1),
vec2f(s12_0, s12_1),
vec2f(s13_0, s13_1),
vec2f(s14_0, s14_1),
vec2f(s15_0, s15_1),
  );

  if (p.residual_order > 0u) {
    for (var i = 0u; i < p.tile; i++) {
      let pixel = first_pixel + i;
      if (pixel < p.pixels && channel < p.out_channels) {
        finish(pixel, channel, p.out_channels - channel, tile[i]);
      }
    }
  }

  if (p.residual_order == 0u) {
    for (var i = 0u; i < p.tile; i++) {
      let pixel = first_pixel + i;
      if (pixel < p.pixels && channel < p.out_channels) {
        finish_plain(pixel, channel, p.out_channels - channel, tile[i]);
      }
    }
  }
}

//// conv2d/direct-3
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 4u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  store(pixel, channel, count, sum);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * 4u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  let in_first = p.in_offset + group * p.in_per_group;
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_first;
        let row = block + 1u + (ky * p.kernel_w + kx) * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(input[at + c]), packed[row + c], sum);
        }
      }
    }
  }
  finish(pixel, group * p.out_per_group + first, min(4u, p.out_per_group - first), sum);
}

//// conv2d/subgroup-winograd-output-2
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  first_tile: u32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  quads: u32,
  columns: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 4u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  store(pixel, channel, count, sum);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = min(workgroup.x + workgroup.z * workgroups.x, p.tiles - 1u);
  let tile = p.first_tile + index;
  let tile_line = divide(tile, p.tiles_x);
  let image = divide(tile_line, p.tiles_y);
  let tile_y = tile_line - image * p.tiles_y;
  let tile_x = tile - tile_line * p.tiles_x;
  let y = tile_y * 4u;
  let x = tile_x * 4u + lane;
  let stores = lane < 4u && x < p.out_w;
  let pixel = (image * p.out_h + y) * p.out_w + x;
  let k0 = select(select(select(select(0.0, 0.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 1.0, lane == 0u);
  let k1 = select(select(select(select(0.0, 0.421875, lane == 3u), 0.5625, lane == 2u), 0.75, lane == 1u), 1.0, lane == 0u);
  let k2 = select(select(select(select(0.0, -0.421875, lane == 3u), 0.5625, lane == 2u), -0.75, lane == 1u), 1.0, lane == 0u);
  let k3 = select(select(select(select(0.0, 3.375, lane == 3u), 2.25, lane == 2u), 1.5, lane == 1u), 1.0, lane == 0u);
  let k4 = select(select(select(select(0.0, -3.375, lane == 3u), 2.25, lane == 2u), -1.5, lane == 1u), 1.0, lane == 0u);
  let k5 = select(select(select(select(0.0, 1.0, lane == 3u), 0.0, lane == 2u), 0.0, lane == 1u), 0.0, lane == 0u);
  for (var quad = 0u; quad < p.quads; quad++) {
    var d0 = vec4f();
    var d1 = vec4f();
    var d2 = vec4f();
    var d3 = vec4f();
    var d4 = vec4f();
    var d5 = vec4f();
    if (lane < 6u) {
      d0 = input[((0u + lane) * p.tiles + index) * p.columns + quad];
      d1 = input[((6u + lane) * p.tiles + index) * p.columns + quad];
      d2 = input[((12u + lane) * p.tiles + index) * p.columns + quad];
      d3 = input[((18u + lane) * p.tiles + index) * p.columns + quad];
      d4 = input[((24u + lane) * p.tiles + index) * p.columns + quad];
      d5 = input[((30u + lane) * p.tiles + index) * p.columns + quad];
    }
    let v0 = d0 + d1 + d2 + d3 + d4;
    let v1 = 0.75 * d1 + -0.75 * d2 + 1.5 * d3 + -1.5 * d4;
    let v2 = 0.5625 * d1 + 0.5625 * d2 + 2.25 * d3 + 2.25 * d4;
    let v3 = 0.421875 * d1 + -0.421875 * d2 + 3.375 * d3 + -3.375 * d4 + d5;
    let h0 = k0 * subgroupBroadcast(v0, 0u) + k1 * subgroupBroadcast(v0, 1u) + k2 * subgroupBroadcast(v0, 2u) + k3 * subgroupBroadcast(v0, 3u) + k4 * subgroupBroadcast(v0, 4u) + k5 * subgroupBroadcast(v0, 5u);
    let h1 = k0 * subgroupBroadcast(v1, 0u) + k1 * subgroupBroadcast(v1, 1u) + k2 * subgroupBroadcast(v1, 2u) + k3 * subgroupBroadcast(v1, 3u) + k4 * subgroupBroadcast(v1, 4u) + k5 * subgroupBroadcast(v1, 5u);
    let h2 = k0 * subgroupBroadcast(v2, 0u) + k1 * subgroupBroadcast(v2, 1u) + k2 * subgroupBroadcast(v2, 2u) + k3 * subgroupBroadcast(v2, 3u) + k4 * subgroupBroadcast(v2, 4u) + k5 * subgroupBroadcast(v2, 5u);
    let h3 = k0 * subgroupBroadcast(v3, 0u) + k1 * subgroupBroadcast(v3, 1u) + k2 * subgroupBroadcast(v3, 2u) + k3 * subgroupBroadcast(v3, 3u) + k4 * subgroupBroadcast(v3, 4u) + k5 * subgroupBroadcast(v3, 5u);
    let bias = packed[quad];
    let channel = quad * 4u;
    if (stores && y + 0u < p.out_h) {
      finish(pixel + 0u * p.out_w, channel, p.out_channels - channel, h0 + bias);
    }
    if (stores && y + 1u < p.out_h) {
      finish(pixel + 1u * p.out_w, channel, p.out_channels - channel, h1 + bias);
    }
    if (stores && y + 2u < p.out_h) {
      finish(pixel + 2u * p.out_w, channel, p.out_channels - channel, h2 + bias);
    }
    if (stores && y + 3u < p.out_h) {
      finish(pixel + 3u * p.out_w, channel, p.out_channels - channel, h3 + bias);
    }
  }
}

//// conv2d/tiled-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 4u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  store(pixel, channel, count, sum);
}

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> weights: array<vec4f, 16>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 256u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = taps * quads_per_tap;
  let pixel_group = lane / 1u;

  let pixel0 = min(first_pixel + pixel_group * 4u + 0u, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + pixel_group * 4u + 1u, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;

  let pixel2 = min(first_pixel + pixel_group * 4u + 2u, p.pixels - 1u);
  let line2 = divide(pixel2, p.out_w);
  let image2 = divide(line2, p.out_h);
  let x_first2 = (pixel2 - line2 * p.out_w) * p.stride_x - p.pad_left;
  let y_first2 = (line2 - image2 * p.out_h) * p.stride_y - p.pad_top;

  let pixel3 = min(first_pixel + pixel_group * 4u + 3u, p.pixels - 1u);
  let line3 = divide(pixel3, p.out_w);
  let image3 = divide(line3, p.out_h);
  let x_first3 = (pixel3 - line3 * p.out_w) * p.stride_x - p.pad_left;
  let y_first3 = (line3 - image3 * p.out_h) * p.stride_y - p.pad_top;
  let row = lane / 2u;
  let column = lane % 2u;
var s0_0 = packed[block + column * 2u + 0u];
var s0_1 = packed[block + column * 2u + 1u];
var s1_0 = packed[block + column * 2u + 0u];
var s1_1 = packed[block + column * 2u + 1u];
var s2_0 = packed[block + column * 2u + 0u];
var s2_1 = packed[block + column * 2u + 1u];
var s3_0 = packed[block + column * 2u + 0u];
var s3_1 = packed[block + column * 2u + 1u];
var s4_0 = packed[block + column * 2u + 0u];
var s4_1 = packed[block + column * 2u + 1u];
var s5_0 = packed[block + column * 2u + 0u];
var s5_1 = packed[block + column * 2u + 1u];
var s6_0 = packed[block + column * 2u + 0u];
var s6_1 = packed[block + column * 2u + 1u];
var s7_0 = packed[block + column * 2u + 0u];
var s7_1 = packed[block + column * 2u + 1u];
  for (var chunk = 0u; chunk * 1u < all_quads; chunk++) {
    {
      let quad = chunk * 1u + lane % 1u;
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;
      {
        let y = y_first0 + tap_y;
        let x = x_first0 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image0 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x0 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first1 + tap_y;
        let x = x_first1 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image1 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x1 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first2 + tap_y;
        let x = x_first2 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image2 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x2 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first3 + tap_y;
        let x = x_first3 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image3 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x3 = select(vec4f(), input[(at + channel) / 4u], inside);
      }
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
inputs[(lane % 1u * 4u + 0u) * 64u + pixel_group] = turned[0];
inputs[(lane % 1u * 4u + 1u) * 64u + pixel_group] = turned[1];
inputs[(lane % 1u * 4u + 2u) * 64u + pixel_group] = turned[2];
inputs[(lane % 1u * 4u + 3u) * 64u + pixel_group] = turned[3];
      for (var i = lane; i < 16u; i += 64u) {
        let row = chunk * 4u + i / 4u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * 4u + i % 4u;
        weights[i] = select(vec4f(), packed[at], exists);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 4u; k++) {

        let x0 = inputs[k * 64u + row * 2u + 0u];
        let w0 = weights[k * 4u + column * 2u + 0u];

        let x1 = inputs[k * 64u + row * 2u + 1u];
        let w1 = weights[k * 4u + column * 2u + 1u];
s0_0 = fma(vec4f(x0[0]), w0, s0_0);
s0_1 = fma(vec4f(x0[0]), w1, s0_1);
s1_0 = fma(vec4f(x0[1]), w0, s1_0);
s1_1 = fma(vec4f(x0[1]), w1, s1_1);
s2_0 = fma(vec4f(x0[2]), w0, s2_0);
s2_1 = fma(vec4f(x0[2]), w1, s2_1);
s3_0 = fma(vec4f(x0[3]), w0, s3_0);
s3_1 = fma(vec4f(x0[3]), w1, s3_1);
s4_0 = fma(vec4f(x1[0]), w0, s4_0);
s4_1 = fma(vec4f(x1[0]), w1, s4_1);
s5_0 = fma(vec4f(x1[1]), w0, s5_0);
s5_1 = fma(vec4f(x1[1]), w1, s5_1);
s6_0 = fma(vec4f(x1[2]), w0, s6_0);
s6_1 = fma(vec4f(x1[2]), w1, s6_1);
s7_0 = fma(vec4f(x1[3]), w0, s7_0);
s7_1 = fma(vec4f(x1[3]), w1, s7_1);
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * 16u + column * 8u;

  {
    let pixel = first_pixel + row * 8u + 0u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s0_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s0_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 1u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s1_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s1_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 2u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s2_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s2_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 3u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s3_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s3_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 4u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s4_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s4_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 5u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s5_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s5_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 6u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s6_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s6_1);
    }
  }

  {
    let pixel = first_pixel + row * 8u + 7u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s7_0);
    }

    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s7_1);
    }
  }
}

//// conv2d/tiled-small-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 4u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  store(pixel, channel, count, sum);
}

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> weights: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = taps * quads_per_tap;
  let pixel_group = lane / 4u;

  let pixel0 = min(first_pixel + pixel_group * 4u + 0u, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + pixel_group * 4u + 1u, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;

  let pixel2 = min(first_pixel + pixel_group * 4u + 2u, p.pixels - 1u);
  let line2 = divide(pixel2, p.out_w);
  let image2 = divide(line2, p.out_h);
  let x_first2 = (pixel2 - line2 * p.out_w) * p.stride_x - p.pad_left;
  let y_first2 = (line2 - image2 * p.out_h) * p.stride_y - p.pad_top;

  let pixel3 = min(first_pixel + pixel_group * 4u + 3u, p.pixels - 1u);
  let line3 = divide(pixel3, p.out_w);
  let image3 = divide(line3, p.out_h);
  let x_first3 = (pixel3 - line3 * p.out_w) * p.stride_x - p.pad_left;
  let y_first3 = (line3 - image3 * p.out_h) * p.stride_y - p.pad_top;
  let row = lane / 4u;
  let column = lane % 4u;
var s0_0 = packed[block + column * 1u + 0u];
var s1_0 = packed[block + column * 1u + 0u];
var s2_0 = packed[block + column * 1u + 0u];
var s3_0 = packed[block + column * 1u + 0u];
  for (var chunk = 0u; chunk * 4u < all_quads; chunk++) {
    {
      let quad = chunk * 4u + lane % 4u;
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;
      {
        let y = y_first0 + tap_y;
        let x = x_first0 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image0 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x0 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first1 + tap_y;
        let x = x_first1 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image1 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x1 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first2 + tap_y;
        let x = x_first2 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image2 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x2 = select(vec4f(), input[(at + channel) / 4u], inside);
      }

      {
        let y = y_first3 + tap_y;
        let x = x_first3 + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image3 * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x3 = select(vec4f(), input[(at + channel) / 4u], inside);
      }
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
inputs[(lane % 4u * 4u + 0u) * 16u + pixel_group] = turned[0];
inputs[(lane % 4u * 4u + 1u) * 16u + pixel_group] = turned[1];
inputs[(lane % 4u * 4u + 2u) * 16u + pixel_group] = turned[2];
inputs[(lane % 4u * 4u + 3u) * 16u + pixel_group] = turned[3];
      for (var i = lane; i < 64u; i += 64u) {
        let row = chunk * 16u + i / 4u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * 4u + i % 4u;
        weights[i] = select(vec4f(), packed[at], exists);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {

        let x0 = inputs[k * 16u + row * 1u + 0u];
        let w0 = weights[k * 4u + column * 1u + 0u];
s0_0 = fma(vec4f(x0[0]), w0, s0_0);
s1_0 = fma(vec4f(x0[1]), w0, s1_0);
s2_0 = fma(vec4f(x0[2]), w0, s2_0);
s3_0 = fma(vec4f(x0[3]), w0, s3_0);
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * 16u + column * 4u;

  {
    let pixel = first_pixel + row * 4u + 0u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s0_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 1u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s1_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 2u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s2_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 3u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s3_0);
    }
  }
}

//// conv2d/winograd-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  tiles: u32,
  tiles_y: u32,
  tiles_x: u32,
  depth: u32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let row = divide(pixel, p.out_w);
  let image = divide(row, p.out_h);
  let x = divide((pixel - row * p.out_w) * p.residual_w, p.out_w);
  let y = divide((row - image * p.out_h) * p.residual_h, p.out_h);
  let at = ((image * p.residual_h + y) * p.residual_w + x) * p.out_channels + channel;
  let r = residual[at / 4u];
  let before = p.residual_order == 1u;
  let sum = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  store(pixel, channel, count, sum);
}

fn load(image: u32, y: u32, x: u32, quad: u32) -> vec4f {
  let inside = y < p.in_h && x < p.in_w && quad < p.in_per_group;
  let channel = select(0u, quad, inside);
  let at = select(0u, (image * p.in_h + y) * p.in_w + x, inside) * p.in_stride + p.in_offset;
  return select(vec4f(), input[(at + channel) / 4u], inside);
}

var<workgroup> cells: array<vec4f, 512>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_tile = (workgroup.x + workgroup.z * workgroups.x) * 16u;
  let block = workgroup.y * (p.block_stride / 4u);
  let tile = lane / 8u % 16u;
  let quad = lane / 4u % 2u;
  let row = lane % 4u;
  let index = min(first_tile + tile, p.tiles - 1u);
  let line = divide(index, p.tiles_x);
  let image = divide(line, p.tiles_y);
  let y_first = (line - image * p.tiles_y) * 2u - p.pad_top;
  let x_first = (index - line * p.tiles_x) * 2u - p.pad_left;
  let above = select(select(1u, 2u, row == 2u), 0u, row == 0u);
  let below = select(select(2u, 1u, row == 2u), 3u, row == 3u);
  let sign = select(-1.0, 1.0, row == 1u);
  let place = lane / 16u;
  let own = (place * 16u + lane / 4u % 4u * 4u) * 2u;
  let column = lane % 4u;
  var m0: vec4f;
  var n0: vec4f;
  var m1: vec4f;
  var n1: vec4f;
  var m2: vec4f;
  var n2: vec4f;
  var m3: vec4f;
  var n3: vec4f;
  for (var chunk = 0u; chunk < p.depth; chunk += 8u) {
    if (lane < 128u) {
      let channel = chunk + quad * 4u;
      let d0 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 0u, channel),
        load(image, y_first + above, x_first + 0u, channel),
      );
      let d1 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 1u, channel),
        load(image, y_first + above, x_first + 1u, channel),
      );
      let d2 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 2u, channel),
        load(image, y_first + above, x_first + 2u, channel),
      );
      let d3 = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + 3u, channel),
        load(image, y_first + above, x_first + 3u, channel),
      );
      let at = (row * 4u * 16u + tile) * 2u + quad;
      cells[at] = d0 - d2;
      cells[at + 32u] = d1 + d2;
      cells[at + 64u] = d2 - d1;
      cells[at + 96u] = d1 - d3;
    }
    workgroupBarrier();
    for (var q = 0u; q < 2u; q++) {
      let channel = place * p.depth + chunk + q * 4u;
      let weights = block + (channel + 1u) * 8u + column * 2u;
      let v0 = cells[own + 0u + q];
      let v1 = cells[own + 2u + q];
      let v2 = cells[own + 4u + q];
      let v3 = cells[own + 6u + q];
      let u0 = packed[weights + 0u];
      let w0 = packed[weights + 1u];
      m0 = fma(vec4f(v0[0]), u0, m0);
      n0 = fma(vec4f(v0[0]), w0, n0);
      m1 = fma(vec4f(v1[0]), u0, m1);
      n1 = fma(vec4f(v1[0]), w0, n1);
      m2 = fma(vec4f(v2[0]), u0, m2);
      n2 = fma(vec4f(v2[0]), w0, n2);
      m3 = fma(vec4f(v3[0]), u0, m3);
      n3 = fma(vec4f(v3[0]), w0, n3);
      let u1 = packed[weights + 8u];
      let w1 = packed[weights + 9u];
      m0 = fma(vec4f(v0[1]), u1, m0);
      n0 = fma(vec4f(v0[1]), w1, n0);
      m1 = fma(vec4f(v1[1]), u1, m1);
      n1 = fma(vec4f(v1[1]), w1, n1);
      m2 = fma(vec4f(v2[1]), u1, m2);
      n2 = fma(vec4f(v2[1]), w1, n2);
      m3 = fma(vec4f(v3[1]), u1, m3);
      n3 = fma(vec4f(v3[1]), w1, n3);
      let u2 = packed[weights + 16u];
      let w2 = packed[weights + 17u];
      m0 = fma(vec4f(v0[2]), u2, m0);
      n0 = fma(vec4f(v0[2]), w2, n0);
      m1 = fma(vec4f(v1[2]), u2, m1);
      n1 = fma(vec4f(v1[2]), w2, n1);
      m2 = fma(vec4f(v2[2]), u2, m2);
      n2 = fma(vec4f(v2[2]), w2, n2);
      m3 = fma(vec4f(v3[2]), u2, m3);
      n3 = fma(vec4f(v3[2]), w2, n3);
      let u3 = packed[weights + 24u];
      let w3 = packed[weights + 25u];
      m0 = fma(vec4f(v0[3]), u3, m0);
      n0 = fma(vec4f(v0[3]), w3, n0);
      m1 = fma(vec4f(v1[3]), u3, m1);
      n1 = fma(vec4f(v1[3]), w3, n1);
      m2 = fma(vec4f(v2[3]), u3, m2);
      n2 = fma(vec4f(v2[3]), w3, n2);
      m3 = fma(vec4f(v3[3]), u3, m3);
      n3 = fma(vec4f(v3[3]), w3, n3);
    }
    workgroupBarrier();
  }
  for (var group = 0u; group < 4u; group++) {
    if (column == group) {
      cells[own + 0u] = m0;
      cells[own + 1u] = n0;
      cells[own + 2u] = m1;
      cells[own + 3u] = n1;
      cells[own + 4u] = m2;
      cells[own + 5u] = n2;
      cells[own + 6u] = m3;
      cells[own + 7u] = n3;
    }
    workgroupBarrier();
    if (lane < 64u) {
      let part = lane / 2u % 2u;
      let lower = lane % 2u;
      let index = first_tile + lane / 4u;
      let line = divide(index, p.tiles_x);
      let image = divide(line, p.tiles_y);
      let y = (line - image * p.tiles_y) * 2u + lower;
      let x = (index - line * p.tiles_x) * 2u;
      let outer = select(0u, 12u, lower == 1u);
      let side = select(1.0, -1.0, lower == 1u);
      let at = lane / 4u * 2u + part;
      let s0 = fma(
        vec4f(side),
        cells[256u + at] + cells[(outer + 0u) * 32u + at],
        cells[128u + at],
      );
      let s1 = fma(
        vec4f(side),
        cells[288u + at] + cells[(outer + 1u) * 32u + at],
        cells[160u + at],
      );
      let s2 = fma(
        vec4f(side),
        cells[320u + at] + cells[(outer + 2u) * 32u + at],
        cells[192u + at],
      );
      let s3 = fma(
        vec4f(side),
        cells[352u + at] + cells[(outer + 3u) * 32u + at],
        cells[224u + at],
      );
      let bias = packed[block + group * 2u + part];
      let channel = workgroup.y * 32u + group * 8u + part * 4u;
      if (index < p.tiles && y < p.out_h && channel < p.out_channels) {
        let pixel = (image * p.out_h + y) * p.out_w + x;
        let count = p.out_channels - channel;
        finish(pixel, channel, count, s0 + s1 + s2 + bias);
        if (x + 1u < p.out_w) {
          finish(pixel + 1u, channel, count, s1 - s2 - s3 + bias);
        }
      }
    }
    workgroupBarrier();
  }
}

//// conv2d/subgroup-gemm-3
enable subgroups;

struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  split: u32,
  second_stride: u32,
  second_offset: u32,
  second_slope: f32,
  second_lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> biases: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(5) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn activate_second(x: vec4f) -> vec4f {
  let low = select(x * p.second_slope, vec4f(), x < vec4f(p.second_lowest));
  return select(low, x, x >= vec4f());
}

fn store_second(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.second_stride + p.second_offset + channel;
  second[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  if (channel >= p.split) {
    store_second(pixel, channel - p.split, count, activate_second(value));
  } else {
    store(pixel, channel, min(count, p.split - channel), activate(value));
  }
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 16u;
  var row = workgroup.y * (p.block_stride / 4u) + lane;
  let channel = ((p.first_block + workgroup.y) * 8u + lane) * 4u;
  let bias = biases[channel / 4u];

  let pixel0 = min(first_pixel + 0u + lane, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + 8u + lane, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;
var s0_0 = bias[0];
var s0_1 = bias[1];
var s0_2 = bias[2];
var s0_3 = bias[3];
var s1_0 = bias[0];
var s1_1 = bias[1];
var s1_2 = bias[2];
var s1_3 = bias[3];
var s2_0 = bias[0];
var s2_1 = bias[1];
var s2_2 = bias[2];
var s2_3 = bias[3];
var s3_0 = bias[0];
var s3_1 = bias[1];
var s3_2 = bias[2];
var s3_3 = bias[3];
var s4_0 = bias[0];
var s4_1 = bias[1];
var s4_2 = bias[2];
var s4_3 = bias[3];
var s5_0 = bias[0];
var s5_1 = bias[1];
var s5_2 = bias[2];
var s5_3 = bias[3];
var s6_0 = bias[0];
var s6_1 = bias[1];
var s6_2 = bias[2];
var s6_3 = bias[3];
var s7_0 = bias[0];
var s7_1 = bias[1];
var s7_2 = bias[2];
var s7_3 = bias[3];
var s8_0 = bias[0];
var s8_1 = bias[1];
var s8_2 = bias[2];
var s8_3 = bias[3];
var s9_0 = bias[0];
var s9_1 = bias[1];
var s9_2 = bias[2];
var s9_3 = bias[3];
var s10_0 = bias[0];
var s10_1 = bias[1];
var s10_2 = bias[2];
var s10_3 = bias[3];
var s11_0 = bias[0];
var s11_1 = bias[1];
var s11_2 = bias[2];
var s11_3 = bias[3];
var s12_0 = bias[0];
var s12_1 = bias[1];
var s12_2 = bias[2];
var s12_3 = bias[3];
var s13_0 = bias[0];
var s13_1 = bias[1];
var s13_2 = bias[2];
var s13_3 = bias[3];
var s14_0 = bias[0];
var s14_1 = bias[1];
var s14_2 = bias[2];
var s14_3 = bias[3];
var s15_0 = bias[0];
var s15_1 = bias[1];
var s15_2 = bias[2];
var s15_3 = bias[3];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    for (var kx = 0u; kx < p.kernel_w; kx++) {

      let y0 = y_first0 + ky * p.dilation_y;
      let x_at0 = x_first0 + kx * p.dilation_x;
      let inside0 = y0 < p.in_h && x_at0 < p.in_w;
      let source0 = (image0 * p.in_h + y0) * p.in_w + x_at0;
      let at0 = select(0u, source0, inside0) * p.in_stride + p.in_offset;

      let y1 = y_first1 + ky * p.dilation_y;
      let x_at1 = x_first1 + kx * p.dilation_x;
      let inside1 = y1 < p.in_h && x_at1 < p.in_w;
      let source1 = (image1 * p.in_h + y1) * p.in_w + x_at1;
      let at1 = select(0u, source1, inside1) * p.in_stride + p.in_offset;
      var k4 = 0u;
      loop {
let x0 = select(vec4f(), input[at0 / 4u + k4], inside0);
let x1 = select(vec4f(), input[at1 / 4u + k4], inside1);
let w0 = packed[row + 0u];
let w1 = packed[row + 8u];
let w2 = packed[row + 16u];
let w3 = packed[row + 24u];
{ let b0 = subgroupBroadcast(x0[0], 0u);
let b1 = subgroupBroadcast(x0[0], 1u);
s0_0 = fma(b0, w0[0], s0_0);
s1_0 = fma(b1, w0[0], s1_0);
s0_1 = fma(b0, w1[0], s0_1);
s1_1 = fma(b1, w1[0], s1_1);
s0_2 = fma(b0, w2[0], s0_2);
s1_2 = fma(b1, w2[0], s1_2);
s0_3 = fma(b0, w3[0], s0_3);
s1_3 = fma(b1, w3[0], s1_3); }
{ let b0 = subgroupBroadcast(x0[1], 0u);
let b1 = subgroupBroadcast(x0[1], 1u);
s0_0 = fma(b0, w0[1], s0_0);
s1_0 = fma(b1, w0[1], s1_0);
s0_1 = fma(b0, w1[1], s0_1);
s1_1 = fma(b1, w1[1], s1_1);
s0_2 = fma(b0, w2[1], s0_2);
s1_2 = fma(b1, w2[1], s1_2);
s0_3 = fma(b0, w3[1], s0_3);
s1_3 = fma(b1, w3[1], s1_3); }
{ let b0 = subgroupBroadcast(x0[2], 0u);
let b1 = subgroupBroadcast(x0[2], 1u);
s0_0 = fma(b0, w0[2], s0_0);
s1_0 = fma(b1, w0[2], s1_0);
s0_1 = fma(b0, w1[2], s0_1);
s1_1 = fma(b1, w1[2], s1_1);
s0_2 = fma(b0, w2[2], s0_2);
s1_2 = fma(b1, w2[2], s1_2);
s0_3 = fma(b0, w3[2], s0_3);
s1_3 = fma(b1, w3[2], s1_3); }
{ let b0 = subgroupBroadcast(x0[3], 0u);
let b1 = subgroupBroadcast(x0[3], 1u);
s0_0 = fma(b0, w0[3], s0_0);
s1_0 = fma(b1, w0[3], s1_0);
s0_1 = fma(b0, w1[3], s0_1);
s1_1 = fma(b1, w1[3], s1_1);
s0_2 = fma(b0, w2[3], s0_2);
s1_2 = fma(b1, w2[3], s1_2);
s0_3 = fma(b0, w3[3], s0_3);
s1_3 = fma(b1, w3[3], s1_3); }
{ let b0 = subgroupBroadcast(x0[0], 2u);
let b1 = subgroupBroadcast(x0[0], 3u);
s2_0 = fma(b0, w0[0], s2_0);
s3_0 = fma(b1, w0[0], s3_0);
s2_1 = fma(b0, w1[0], s2_1);
s3_1 = fma(b1, w1[0], s3_1);
s2_2 = fma(b0, w2[0], s2_2);
s3_2 = fma(b1, w2[0], s3_2);
s2_3 = fma(b0, w3[0], s2_3);
s3_3 = fma(b1, w3[0], s3_3); }
{ let b0 = subgroupBroadcast(x0[1], 2u);
let b1 = subgroupBroadcast(x0[1], 3u);
s2_0 = fma(b0, w0[1], s2_0);
s3_0 = fma(b1, w0[1], s3_0);
s2_1 = fma(b0, w1[1], s2_1);
s3_1 = fma(b1, w1[1], s3_1);
s2_2 = fma(b0, w2[1], s2_2);
s3_2 = fma(b1, w2[1], s3_2);
s2_3 = fma(b0, w3[1], s2_3);
s3_3 = fma(b1, w3[1], s3_3); }
{ let b0 = subgroupBroadcast(x0[2], 2u);
let b1 = subgroupBroadcast(x0[2], 3u);
s2_0 = fma(b0, w0[2], s2_0);
s3_0 = fma(b1, w0[2], s3_0);
s2_1 = fma(b0, w1[2], s2_1);
s3_1 = fma(b1, w1[2], s3_1);
s2_2 = fma(b0, w2[2], s2_2);
s3_2 = fma(b1, w2[2], s3_2);
s2_3 = fma(b0, w3[2], s2_3);
s3_3 = fma(b1, w3[2], s3_3); }
{ let b0 = subgroupBroadcast(x0[3], 2u);
let b1 = subgroupBroadcast(x0[3], 3u);
s2_0 = fma(b0, w0[3], s2_0);
s3_0 = fma(b1, w0[3], s3_0);
s2_1 = fma(b0, w1[3], s2_1);
s3_1 = fma(b1, w1[3], s3_1);
s2_2 = fma(b0, w2[3], s2_2);
s3_2 = fma(b1, w2[3], s3_2);
s2_3 = fma(b0, w3[3], s2_3);
s3_3 = fma(b1, w3[3], s3_3); }
{ let b0 = subgroupBroadcast(x0[0], 4u);
let b1 = subgroupBroadcast(x0[0], 5u);
s4_0 = fma(b0, w0[0], s4_0);
s5_0 = fma(b1, w0[0], s5_0);
s4_1 = fma(b0, w1[0], s4_1);
s5_1 = fma(b1, w1[0], s5_1);
s4_2 = fma(b0, w2[0], s4_2);
s5_2 = fma(b1, w2[0], s5_2);
s4_3 = fma(b0, w3[0], s4_3);
s5_3 = fma(b1, w3[0], s5_3); }
{ let b0 = subgroupBroadcast(x0[1], 4u);
let b1 = subgroupBroadcast(x0[1], 5u);
s4_0 = fma(b0, w0[1], s4_0);
s5_0 = fma(b1, w0[1], s5_0);
s4_1 = fma(b0, w1[1], s4_1);
s5_1 = fma(b1, w1[1], s5_1);
s4_2 = fma(b0, w2[1], s4_2);
s5_2 = fma(b1, w2[1], s5_2);
s4_3 = fma(b0, w3[1], s4_3);
s5_3 = fma(b1, w3[1], s5_3); }
{ let b0 = subgroupBroadcast(x0[2], 4u);
let b1 = subgroupBroadcast(x0[2], 5u);
s4_0 = fma(b0, w0[2], s4_0);
s5_0 = fma(b1, w0[2], s5_0);
s4_1 = fma(b0, w1[2], s4_1);
s5_1 = fma(b1, w1[2], s5_1);
s4_2 = fma(b0, w2[2], s4_2);
s5_2 = fma(b1, w2[2], s5_2);
s4_3 = fma(b0, w3[2], s4_3);
s5_3 = fma(b1, w3[2], s5_3); }
{ let b0 = subgroupBroadcast(x0[3], 4u);
let b1 = subgroupBroadcast(x0[3], 5u);
s4_0 = fma(b0, w0[3], s4_0);
s5_0 = fma(b1, w0[3], s5_0);
s4_1 = fma(b0, w1[3], s4_1);
s5_1 = fma(b1, w1[3], s5_1);
s4_2 = fma(b0, w2[3], s4_2);
s5_2 = fma(b1, w2[3], s5_2);
s4_3 = fma(b0, w3[3], s4_3);
s5_3 = fma(b1, w3[3], s5_3); }
{ let b0 = subgroupBroadcast(x0[0], 6u);
let b1 = subgroupBroadcast(x0[0], 7u);
s6_0 = fma(b0, w0[0], s6_0);
s7_0 = fma(b1, w0[0], s7_0);
s6_1 = fma(b0, w1[0], s6_1);
s7_1 = fma(b1, w1[0], s7_1);
s6_2 = fma(b0, w2[0], s6_2);
s7_2 = fma(b1, w2[0], s7_2);
s6_3 = fma(b0, w3[0], s6_3);
s7_3 = fma(b1, w3[0], s7_3); }
{ let b0 = subgroupBroadcast(x0[1], 6u);
let b1 = subgroupBroadcast(x0[1], 7u);
s6_0 = fma(b0, w0[1], s6_0);
s7_0 = fma(b1, w0[1], s7_0);
s6_1 = fma(b0, w1[1], s6_1);
s7_1 = fma(b1, w1[1], s7_1);
s6_2 = fma(b0, w2[1], s6_2);
s7_2 = fma(b1, w2[1], s7_2);
s6_3 = fma(b0, w3[1], s6_3);
s7_3 = fma(b1, w3[1], s7_3); }
{ let b0 = subgroupBroadcast(x0[2], 6u);
let b1 = subgroupBroadcast(x0[2], 7u);
s6_0 = fma(b0, w0[2], s6_0);
s7_0 = fma(b1, w0[2], s7_0);
s6_1 = fma(b0, w1[2], s6_1);
s7_1 = fma(b1, w1[2], s7_1);
s6_2 = fma(b0, w2[2], s6_2);
s7_2 = fma(b1, w2[2], s7_2);
s6_3 = fma(b0, w3[2], s6_3);
s7_3 = fma(b1, w3[2], s7_3); }
{ let b0 = subgroupBroadcast(x0[3], 6u);
let b1 = subgroupBroadcast(x0[3], 7u);
s6_0 = fma(b0, w0[3], s6_0);
s7_0 = fma(b1, w0[3], s7_0);
s6_1 = fma(b0, w1[3], s6_1);
s7_1 = fma(b1, w1[3], s7_1);
s6_2 = fma(b0, w2[3], s6_2);
s7_2 = fma(b1, w2[3], s7_2);
s6_3 = fma(b0, w3[3], s6_3);
s7_3 = fma(b1, w3[3], s7_3); }
{ let b0 = subgroupBroadcast(x1[0], 0u);
let b1 = subgroupBroadcast(x1[0], 1u);
s8_0 = fma(b0, w0[0], s8_0);
s9_0 = fma(b1, w0[0], s9_0);
s8_1 = fma(b0, w1[0], s8_1);
s9_1 = fma(b1, w1[0], s9_1);
s8_2 = fma(b0, w2[0], s8_2);
s9_2 = fma(b1, w2[0], s9_2);
s8_3 = fma(b0, w3[0], s8_3);
s9_3 = fma(b1, w3[0], s9_3); }
{ let b0 = subgroupBroadcast(x1[1], 0u);
let b1 = subgroupBroadcast(x1[1], 1u);
s8_0 = fma(b0, w0[1], s8_0);
s9_0 = fma(b1, w0[1], s9_0);
s8_1 = fma(b0, w1[1], s8_1);
s9_1 = fma(b1, w1[1], s9_1);
s8_2 = fma(b0, w2[1], s8_2);
s9_2 = fma(b1, w2[1], s9_2);
s8_3 = fma(b0, w3[1], s8_3);
s9_3 = fma(b1, w3[1], s9_3); }
{ let b0 = subgroupBroadcast(x1[2], 0u);
let b1 = subgroupBroadcast(x1[2], 1u);
s8_0 = fma(b0, w0[2], s8_0);
s9_0 = fma(b1, w0[2], s9_0);
s8_1 = fma(b0, w1[2], s8_1);
s9_1 = fma(b1, w1[2], s9_1);
s8_2 = fma(b0, w2[2], s8_2);
s9_2 = fma(b1, w2[2], s9_2);
s8_3 = fma(b0, w3[2], s8_3);
s9_3 = fma(b1, w3[2], s9_3); }
{ let b0 = subgroupBroadcast(x1[3], 0u);
let b1 = subgroupBroadcast(x1[3], 1u);
s8_0 = fma(b0, w0[3], s8_0);
s9_0 = fma(b1, w0[3], s9_0);
s8_1 = fma(b0, w1[3], s8_1);
s9_1 = fma(b1, w1[3], s9_1);
s8_2 = fma(b0, w2[3], s8_2);
s9_2 = fma(b1, w2[3], s9_2);
s8_3 = fma(b0, w3[3], s8_3);
s9_3 = fma(b1, w3[3], s9_3); }
{ let b0 = subgroupBroadcast(x1[0], 2u);
let b1 = subgroupBroadcast(x1[0], 3u);
s10_0 = fma(b0, w0[0], s10_0);
s11_0 = fma(b1, w0[0], s11_0);
s10_1 = fma(b0, w1[0], s10_1);
s11_1 = fma(b1, w1[0], s11_1);
s10_2 = fma(b0, w2[0], s10_2);
s11_2 = fma(b1, w2[0], s11_2);
s10_3 = fma(b0, w3[0], s10_3);
s11_3 = fma(b1, w3[0], s11_3); }
{ let b0 = subgroupBroadcast(x1[1], 2u);
let b1 = subgroupBroadcast(x1[1], 3u);
s10_0 = fma(b0, w0[1], s10_0);
s11_0 = fma(b1, w0[1], s11_0);
s10_1 = fma(b0, w1[1], s10_1);
s11_1 = fma(b1, w1[1], s11_1);
s10_2 = fma(b0, w2[1], s10_2);
s11_2 = fma(b1, w2[1], s11_2);
s10_3 = fma(b0, w3[1], s10_3);
s11_3 = fma(b1, w3[1], s11_3); }
{ let b0 = subgroupBroadcast(x1[2], 2u);
let b1 = subgroupBroadcast(x1[2], 3u);
s10_0 = fma(b0, w0[2], s10_0);
s11_0 = fma(b1, w0[2], s11_0);
s10_1 = fma(b0, w1[2], s10_1);
s11_1 = fma(b1, w1[2], s11_1);
s10_2 = fma(b0, w2[2], s10_2);
s11_2 = fma(b1, w2[2], s11_2);
s10_3 = fma(b0, w3[2], s10_3);
s11_3 = fma(b1, w3[2], s11_3); }
{ let b0 = subgroupBroadcast(x1[3], 2u);
let b1 = subgroupBroadcast(x1[3], 3u);
s10_0 = fma(b0, w0[3], s10_0);
s11_0 = fma(b1, w0[3], s11_0);
s10_1 = fma(b0, w1[3], s10_1);
s11_1 = fma(b1, w1[3], s11_1);
s10_2 = fma(b0, w2[3], s10_2);
s11_2 = fma(b1, w2[3], s11_2);
s10_3 = fma(b0, w3[3], s10_3);
s11_3 = fma(b1, w3[3], s11_3); }
{ let b0 = subgroupBroadcast(x1[0], 4u);
let b1 = subgroupBroadcast(x1[0], 5u);
s12_0 = fma(b0, w0[0], s12_0);
s13_0 = fma(b1, w0[0], s13_0);
s12_1 = fma(b0, w1[0], s12_1);
s13_1 = fma(b1, w1[0], s13_1);
s12_2 = fma(b0, w2[0], s12_2);
s13_2 = fma(b1, w2[0], s13_2);
s12_3 = fma(b0, w3[0], s12_3);
s13_3 = fma(b1, w3[0], s13_3); }
{ let b0 = subgroupBroadcast(x1[1], 4u);
let b1 = subgroupBroadcast(x1[1], 5u);
s12_0 = fma(b0, w0[1], s12_0);
s13_0 = fma(b1, w0[1], s13_0);
s12_1 = fma(b0, w1[1], s12_1);
s13_1 = fma(b1, w1[1], s13_1);
s12_2 = fma(b0, w2[1], s12_2);
s13_2 = fma(b1, w2[1], s13_2);
s12_3 = fma(b0, w3[1], s12_3);
s13_3 = fma(b1, w3[1], s13_3); }
{ let b0 = subgroupBroadcast(x1[2], 4u);
let b1 = subgroupBroadcast(x1[2], 5u);
s12_0 = fma(b0, w0[2], s12_0);
s13_0 = fma(b1, w0[2], s13_0);
s12_1 = fma(b0, w1[2], s12_1);
s13_1 = fma(b1, w1[2], s13_1);
s12_2 = fma(b0, w2[2], s12_2);
s13_2 = fma(b1, w2[2], s13_2);
s12_3 = fma(b0, w3[2], s12_3);
s13_3 = fma(b1, w3[2], s13_3); }
{ let b0 = subgroupBroadcast(x1[3], 4u);
let b1 = subgroupBroadcast(x1[3], 5u);
s12_0 = fma(b0, w0[3], s12_0);
s13_0 = fma(b1, w0[3], s13_0);
s12_1 = fma(b0, w1[3], s12_1);
s13_1 = fma(b1, w1[3], s13_1);
s12_2 = fma(b0, w2[3], s12_2);
s13_2 = fma(b1, w2[3], s13_2);
s12_3 = fma(b0, w3[3], s12_3);
s13_3 = fma(b1, w3[3], s13_3); }
{ let b0 = subgroupBroadcast(x1[0], 6u);
let b1 = subgroupBroadcast(x1[0], 7u);
s14_0 = fma(b0, w0[0], s14_0);
s15_0 = fma(b1, w0[0], s15_0);
s14_1 = fma(b0, w1[0], s14_1);
s15_1 = fma(b1, w1[0], s15_1);
s14_2 = fma(b0, w2[0], s14_2);
s15_2 = fma(b1, w2[0], s15_2);
s14_3 = fma(b0, w3[0], s14_3);
s15_3 = fma(b1, w3[0], s15_3); }
{ let b0 = subgroupBroadcast(x1[1], 6u);
let b1 = subgroupBroadcast(x1[1], 7u);
s14_0 = fma(b0, w0[1], s14_0);
s15_0 = fma(b1, w0[1], s15_0);
s14_1 = fma(b0, w1[1], s14_1);
s15_1 = fma(b1, w1[1], s15_1);
s14_2 = fma(b0, w2[1], s14_2);
s15_2 = fma(b1, w2[1], s15_2);
s14_3 = fma(b0, w3[1], s14_3);
s15_3 = fma(b1, w3[1], s15_3); }
{ let b0 = subgroupBroadcast(x1[2], 6u);
let b1 = subgroupBroadcast(x1[2], 7u);
s14_0 = fma(b0, w0[2], s14_0);
s15_0 = fma(b1, w0[2], s15_0);
s14_1 = fma(b0, w1[2], s14_1);
s15_1 = fma(b1, w1[2], s15_1);
s14_2 = fma(b0, w2[2], s14_2);
s15_2 = fma(b1, w2[2], s15_2);
s14_3 = fma(b0, w3[2], s14_3);
s15_3 = fma(b1, w3[2], s15_3); }
{ let b0 = subgroupBroadcast(x1[3], 6u);
let b1 = subgroupBroadcast(x1[3], 7u);
s14_0 = fma(b0, w0[3], s14_0);
s15_0 = fma(b1, w0[3], s15_0);
s14_1 = fma(b0, w1[3], s14_1);
s15_1 = fma(b1, w1[3], s15_1);
s14_2 = fma(b0, w2[3], s14_2);
s15_2 = fma(b1, w2[3], s15_2);
s14_3 = fma(b0, w3[3], s14_3);
s15_3 = fma(b1, w3[3], s15_3); }
        k4 += 1u;
        row += 32u;
        continuing {
          break if k4 * 4u >= p.in_per_group;
        }
      }
    }
  }
  var tile = array<vec4f, 16>(
vec4f(s0_0, s0_1, s0_2, s0_3),
vec4f(s1_0, s1_1, s1_2, s1_3),
vec4f(s2_0, s2_1, s2_2, s2_3),
vec4f(s3_0, s3_1, s3_2, s3_3),
vec4f(s4_0, s4_1, s4_2, s4_3),
vec4f(s5_0, s5_1, s5_2, s5_3),
vec4f(s6_0, s6_1, s6_2, s6_3),
vec4f(s7_0, s7_1, s7_2, s7_3),
vec4f(s8_0, s8_1, s8_2, s8_3),
vec4f(s9_0, s9_1, s9_2, s9_3),
vec4f(s10_0, s10_1, s10_2, s10_3),
vec4f(s11_0, s11_1, s11_2, s11_3),
vec4f(s12_0, s12_1, s12_2, s12_3),
vec4f(s13_0, s13_1, s13_2, s13_3),
vec4f(s14_0, s14_1, s14_2, s14_3),
vec4f(s15_0, s15_1, s15_2, s15_3),
  );


  if (true) {
    for (var i = 0u; i < p.tile; i++) {
      let pixel = first_pixel + i;
      if (pixel < p.pixels && channel < p.out_channels) {
        finish_plain(pixel, channel, p.out_channels - channel, tile[i]);
      }
    }
  }
}

//// conv2d/depthwise-point
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,
  depthwise_stride: u32,
  depthwise_slope: f32,
  depthwise_lowest: f32,
}

fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> depthwise: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  let low = select(x * p.slope, vec4f(), x < vec4f(p.lowest));
  return select(low, x, x >= vec4f());
}

fn store(pixel: u32, channel: u32, count: u32, y: vec4f) {
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
}

fn finish_plain(pixel: u32, channel: u32, count: u32, value: vec4f) {
  store(pixel, channel, count, activate(value));
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  finish_plain(pixel, channel, count, value);
}

fn activate_depthwise(x: vec4f) -> vec4f {
  let low = select(x * p.depthwise_slope, vec4f(), x < vec4f(p.depthwise_lowest));
  return select(low, x, x >= vec4f());
}

var<workgroup> inputs: array<vec4f, 256>;
var<workgroup> weights: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * 64u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = quads_per_tap;
  let pixel_group = lane / 4u;

  let pixel0 = min(first_pixel + pixel_group * 4u + 0u, p.pixels - 1u);
  let line0 = divide(pixel0, p.out_w);
  let image0 = divide(line0, p.out_h);
  let x_first0 = (pixel0 - line0 * p.out_w) * p.stride_x - p.pad_left;
  let y_first0 = (line0 - image0 * p.out_h) * p.stride_y - p.pad_top;

  let pixel1 = min(first_pixel + pixel_group * 4u + 1u, p.pixels - 1u);
  let line1 = divide(pixel1, p.out_w);
  let image1 = divide(line1, p.out_h);
  let x_first1 = (pixel1 - line1 * p.out_w) * p.stride_x - p.pad_left;
  let y_first1 = (line1 - image1 * p.out_h) * p.stride_y - p.pad_top;

  let pixel2 = min(first_pixel + pixel_group * 4u + 2u, p.pixels - 1u);
  let line2 = divide(pixel2, p.out_w);
  let image2 = divide(line2, p.out_h);
  let x_first2 = (pixel2 - line2 * p.out_w) * p.stride_x - p.pad_left;
  let y_first2 = (line2 - image2 * p.out_h) * p.stride_y - p.pad_top;

  let pixel3 = min(first_pixel + pixel_group * 4u + 3u, p.pixels - 1u);
  let line3 = divide(pixel3, p.out_w);
  let image3 = divide(line3, p.out_h);
  let x_first3 = (pixel3 - line3 * p.out_w) * p.stride_x - p.pad_left;
  let y_first3 = (line3 - image3 * p.out_h) * p.stride_y - p.pad_top;
  let row = lane / 4u;
  let column = lane % 4u;
var s0_0 = packed[block + column * 1u + 0u];
var s1_0 = packed[block + column * 1u + 0u];
var s2_0 = packed[block + column * 1u + 0u];
var s3_0 = packed[block + column * 1u + 0u];
  for (var chunk = 0u; chunk * 4u < all_quads; chunk++) {
    {
      let quad = chunk * 4u + lane % 4u;
      let used = quad < all_quads;
      let channel = select(0u, quad * 4u, used);
      let first = select(0u, quad, used) * p.depthwise_stride;
      var x0 = depthwise[first];
      var x1 = x0;
      var x2 = x0;
      var x3 = x0;
      for (var ky = 0u; ky < p.kernel_h; ky++) {
        for (var kx = 0u; kx < p.kernel_w; kx++) {
          let w = depthwise[first + 1u + ky * p.kernel_w + kx];
          {
            let y = y_first0 + ky * p.dilation_y;
            let x = x_first0 + kx * p.dilation_x;
            let inside = y < p.in_h && x < p.in_w;
            let source = select(0u, (image0 * p.in_h + y) * p.in_w + x, inside);
            let at = source * p.in_stride + p.in_offset;
            x0 = fma(select(vec4f(), input[(at + channel) / 4u], inside), w, x0);
          }

          {
            let y = y_first1 + ky * p.dilation_y;
            let x = x_first1 + kx * p.dilation_x;
            let inside = y < p.in_h && x < p.in_w;
            let source = select(0u, (image1 * p.in_h + y) * p.in_w + x, inside);
            let at = source * p.in_stride + p.in_offset;
            x1 = fma(select(vec4f(), input[(at + channel) / 4u], inside), w, x1);
          }

          {
            let y = y_first2 + ky * p.dilation_y;
            let x = x_first2 + kx * p.dilation_x;
            let inside = y < p.in_h && x < p.in_w;
            let source = select(0u, (image2 * p.in_h + y) * p.in_w + x, inside);
            let at = source * p.in_stride + p.in_offset;
            x2 = fma(select(vec4f(), input[(at + channel) / 4u], inside), w, x2);
          }

          {
            let y = y_first3 + ky * p.dilation_y;
            let x = x_first3 + kx * p.dilation_x;
            let inside = y < p.in_h && x < p.in_w;
            let source = select(0u, (image3 * p.in_h + y) * p.in_w + x, inside);
            let at = source * p.in_stride + p.in_offset;
            x3 = fma(select(vec4f(), input[(at + channel) / 4u], inside), w, x3);
          }
        }
      }
x0 = select(vec4f(), activate_depthwise(x0), used);
x1 = select(vec4f(), activate_depthwise(x1), used);
x2 = select(vec4f(), activate_depthwise(x2), used);
x3 = select(vec4f(), activate_depthwise(x3), used);
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
inputs[(lane % 4u * 4u + 0u) * 16u + pixel_group] = turned[0];
inputs[(lane % 4u * 4u + 1u) * 16u + pixel_group] = turned[1];
inputs[(lane % 4u * 4u + 2u) * 16u + pixel_group] = turned[2];
inputs[(lane % 4u * 4u + 3u) * 16u + pixel_group] = turned[3];
      for (var i = lane; i < 64u; i += 64u) {
        let row = chunk * 16u + i / 4u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * 4u + i % 4u;
        weights[i] = select(vec4f(), packed[at], exists);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {

        let x0 = inputs[k * 16u + row * 1u + 0u];
        let w0 = weights[k * 4u + column * 1u + 0u];
s0_0 = fma(vec4f(x0[0]), w0, s0_0);
s1_0 = fma(vec4f(x0[1]), w0, s1_0);
s2_0 = fma(vec4f(x0[2]), w0, s2_0);
s3_0 = fma(vec4f(x0[3]), w0, s3_0);
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * 16u + column * 4u;

  {
    let pixel = first_pixel + row * 4u + 0u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s0_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 1u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s1_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 2u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s2_0);
    }
  }

  {
    let pixel = first_pixel + row * 4u + 3u;

    if (pixel < p.pixels && channel + 0u < p.out_channels) {
      finish(pixel, channel + 0u, p.out_channels - channel - 0u, s3_0);
    }
  }
}

//// conv2d/several-points
struct Params {
  count: u32,
  blocks: u32,
  block_stride: u32,
  quads: u32,
  end0: u32,
  pixels0: u32,
  in_stride0: u32,
  in_offset0: u32,
  out_stride0: u32,
  out_offset0: u32,
  end1: u32,
  pixels1: u32,
  in_stride1: u32,
  in_offset1: u32,
  out_stride1: u32,
  out_offset1: u32,
  end2: u32,
  pixels2: u32,
  in_stride2: u32,
  in_offset2: u32,
  out_stride2: u32,
  out_offset2: u32,
}
@group(0) @binding(0) var<storage, read> packed: array<vec4f>;
@group(0) @binding(1) var<storage, read> input0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output1: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> output2: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> p: Params;

fn map0(unit: u32, lane: u32) {
  let pixel = unit / p.blocks * 64u + lane;
  if (pixel >= p.pixels0) {
    return;
  }
  let block = unit % p.blocks;
  let weights = (0u * p.blocks + block) * p.block_stride;
  let at = (pixel * p.in_stride0 + p.in_offset0) / 4u;
  var sum = packed[weights];
  for (var quad = 0u; quad < p.quads; quad++) {
    let x = input0[at + quad];
    let row = weights + 1u + quad * 4u;
    sum = fma(vec4f(x[0]), packed[row + 0u], sum);
    sum = fma(vec4f(x[1]), packed[row + 1u], sum);
    sum = fma(vec4f(x[2]), packed[row + 2u], sum);
    sum = fma(vec4f(x[3]), packed[row + 3u], sum);
  }
  output0[(pixel * p.out_stride0 + p.out_offset0) / 4u + block] = sum;
}

fn map1(unit: u32, lane: u32) {
  let pixel = unit / p.blocks * 64u + lane;
  if (pixel >= p.pixels1) {
    return;
  }
  let block = unit % p.blocks;
  let weights = (1u * p.blocks + block) * p.block_stride;
  let at = (pixel * p.in_stride1 + p.in_offset1) / 4u;
  var sum = packed[weights];
  for (var quad = 0u; quad < p.quads; quad++) {
    let x = input1[at + quad];
    let row = weights + 1u + quad * 4u;
    sum = fma(vec4f(x[0]), packed[row + 0u], sum);
    sum = fma(vec4f(x[1]), packed[row + 1u], sum);
    sum = fma(vec4f(x[2]), packed[row + 2u], sum);
    sum = fma(vec4f(x[3]), packed[row + 3u], sum);
  }
  output1[(pixel * p.out_stride1 + p.out_offset1) / 4u + block] = sum;
}

fn map2(unit: u32, lane: u32) {
  let pixel = unit / p.blocks * 64u + lane;
  if (pixel >= p.pixels2) {
    return;
  }
  let block = unit % p.blocks;
  let weights = (2u * p.blocks + block) * p.block_stride;
  let at = (pixel * p.in_stride2 + p.in_offset2) / 4u;
  var sum = packed[weights];
  for (var quad = 0u; quad < p.quads; quad++) {
    let x = input2[at + quad];
    let row = weights + 1u + quad * 4u;
    sum = fma(vec4f(x[0]), packed[row + 0u], sum);
    sum = fma(vec4f(x[1]), packed[row + 1u], sum);
    sum = fma(vec4f(x[2]), packed[row + 2u], sum);
    sum = fma(vec4f(x[3]), packed[row + 3u], sum);
  }
  output2[(pixel * p.out_stride2 + p.out_offset2) / 4u + block] = sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }
  if (group < p.end0) { map0(group, lane); } else if (group < p.end1) { map1(group - p.end0, lane); } else if (group < p.end2) { map2(group - p.end1, lane); }
}

