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
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;

@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;


fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let y = activate(value);
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
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
  block: u32,
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

fn value(i: u32) -> f32 {
  let block = i / p.block_stride;
  let group = block / p.blocks_per_group;
  let in_block = i % p.block_stride;
  let lane = in_block % p.block;
  let row = in_block / p.block;
  let out_channel = (block % p.blocks_per_group) * p.block + lane;
  if (out_channel >= p.out_per_group || row > p.taps * p.in_per_group) {
    return 0.0;
  }
  if (row == 0u) {
    if (p.has_bias == 0u) {
      return 0.0;
    }
    return bias[group * p.out_per_group + out_channel];
  }
  let tap = (row - 1u) / p.in_per_group;
  let in_channel = (row - 1u) % p.in_per_group;
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

//// conv2d/input-gradient-gather
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;

@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;


fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let y = activate(value);
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
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
  out_h: u32,
  out_w: u32,
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
  out_channels: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  pixels_per_slice: u32,
}
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

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

  let begin = workgroup.z * p.pixels_per_slice;
  let end = min(begin + p.pixels_per_slice, p.pixels);
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
  var sum = 0.0;
  var lost = 0.0;
  for (var slice = 0u; slice < p.slices; slice++) {
    let value = scratch[slice * p.length + i] - lost;
    let next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  if (i < p.weights) {
    weight[i] = sum;
  } else if (p.has_bias == 1u) {
    bias[i - p.weights] = sum;
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
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;

@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let y = activate(value);
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
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
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;

@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;


fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let y = activate(value);
  let at = pixel * p.out_stride + p.out_offset + channel;
  for (var i = 0u; i < count; i++) {
    output[at + i] = y[i];
  }
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

//// conv2d/input-gradient-gather-2
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;

@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;


fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let y = activate(value);
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
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
  in_channels: u32,
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
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read> residual: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;


fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}

fn residual_value(pixel: u32, channel: u32, count: u32) -> vec4f {
  let x = (pixel % p.out_w) * p.residual_w / p.out_w;
  let row = pixel / p.out_w;
  let y = (row % p.out_h) * p.residual_h / p.out_h;
  let source = ((row / p.out_h) * p.residual_h + y) * p.residual_w + x;
  let at = source * p.out_channels + channel;
  return residual[at / 4u];
}

fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  let r = residual_value(pixel, channel, count);
  let before = p.residual_last == 0u;
  let y = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);
  let at = pixel * p.out_stride + p.out_offset + channel;
  output[at / 4u] = y;
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

