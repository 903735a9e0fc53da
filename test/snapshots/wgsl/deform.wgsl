//// deform-sample-modulated
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read_write> samples: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn corner(n: u32, row: i32, column: i32, c: u32) -> vec4<f32> {
  if (row < 0 || row >= p.height || column < 0 || column >= p.width) { return vec4<f32>(); }
  return x[((n * u32(p.height) + u32(row)) * u32(p.width) + u32(column)) * p.channels + c];
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let columnRest = cRest / (p.outWidth * p.kernelWidth);
  let column = cRest - columnRest * (p.outWidth * p.kernelWidth);
  let n = columnRest / (p.outHeight * p.kernelHeight);
  let row = columnRest - n * (p.outHeight * p.kernelHeight);
  let s = Sample(n, row / p.kernelHeight, column / p.kernelWidth, c / p.groupChannels,
    row % p.kernelHeight, column % p.kernelWidth);
  let pixel = (n * p.outHeight + s.oy) * p.outWidth + s.ox;
  let at = ((pixel * p.groups + s.group) * p.kernelHeight + s.ky) * p.kernelWidth + s.kx;
  let moved = offset[at];
  let place = placeOf(s, moved);
  var value = vec4<f32>();
  if (place.inside) {
    let above = mix(corner(n, place.y, place.x, c), corner(n, place.y, place.x + 1, c), place.fx);
    let below = mix(corner(n, place.y + 1, place.x, c), corner(n, place.y + 1, place.x + 1, c), place.fx);
    value = mix(above, below, place.fy) * mask[at];
  }
  if (isNan(moved.x)) { value = vec4<f32>(moved.x); }
  if (isNan(moved.y)) { value = vec4<f32>(moved.y); }
  samples[i] = value;
}

//// deform-offset-gradient-modulated
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> mask: array<f32>;
@group(0) @binding(4) var<storage, read_write> gOffset: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> gMask: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn corner(n: u32, row: i32, column: i32, c: u32) -> vec4<f32> {
  if (row < 0 || row >= p.height || column < 0 || column >= p.width) { return vec4<f32>(); }
  return x[((n * u32(p.height) + u32(row)) * u32(p.width) + u32(column)) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let s = sampleOf(i);
  let place = placeOf(s, offset[i]);
  var slope = vec2f();
  var value = 0.0;
  if (place.inside) {
    let first = sampledPixel(s) * p.channels;
    for (var k = 0u; k < p.groupChannels; k++) {
      let c = s.group * p.groupChannels + k;
      let a = corner(s.n, place.y, place.x, c);
      let b = corner(s.n, place.y, place.x + 1, c);
      let d = corner(s.n, place.y + 1, place.x, c);
      let e = corner(s.n, place.y + 1, place.x + 1, c);
      let above = mix(a, b, place.fx);
      let below = mix(d, e, place.fx);
      let gradient = g[first + c];
      slope += vec2f(dot(gradient * (below - above), vec4f(1.0)), dot(gradient * mix(b - a, e - d, place.fy), vec4f(1.0)));
      value += dot(gradient * mix(above, below, place.fy), vec4f(1.0));
    }
  }
  gOffset[i] = slope * mask[i];
  gMask[i] = value;
}

//// deform-count
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn cellOf(place: Place) -> u32 {
  let row = (place.n * p.groups + place.group) * u32(p.height + 1) + u32(place.y + 1);
  return row * u32(p.width + 1) + u32(place.x + 1);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let place = placeOf(sampleOf(i), offset[i]);
  if (place.inside) { atomicAdd(&counts[cellOf(place)], 1u); }
}

//// deform-begin
struct Params {
  count: u32,
}
@group(0) @binding(0) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  starts[i] = atomicAdd(&counts[p.count], atomicExchange(&counts[i], 0u));
}

//// deform-place
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> list: array<u32>;
@group(0) @binding(4) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn cellOf(place: Place) -> u32 {
  let row = (place.n * p.groups + place.group) * u32(p.height + 1) + u32(place.y + 1);
  return row * u32(p.width + 1) + u32(place.x + 1);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let place = placeOf(sampleOf(i), offset[i]);
  if (place.inside) {
    let cell = cellOf(place);
    list[starts[cell] + atomicAdd(&counts[cell], 1u)] = i;
  }
}

//// deform-order
struct Params {
  count: u32,
}
@group(0) @binding(0) var<storage, read> starts: array<u32>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read_write> list: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;
fn sink(first: u32, from_: u32, end: u32) {
  var at = from_;
  let value = list[first + at];
  loop {
    var child = 2u * at + 1u;
    if (child >= end) { break; }
    if (child + 1u < end && list[first + child + 1u] > list[first + child]) { child++; }
    if (list[first + child] <= value) { break; }
    list[first + at] = list[first + child];
    at = child;
  }
  list[first + at] = value;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let first = starts[i];
  let length = counts[i];
  for (var k = length / 2u; k > 0u; k--) { sink(first, k - 1u, length); }
  for (var end = length; end > 1u; end--) {
    let largest = list[first];
    list[first] = list[first + end - 1u];
    list[first + end - 1u] = largest;
    sink(first, 0u, end - 1u);
  }
}

//// deform-sum-modulated
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<f32>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read> counts: array<u32>;
@group(0) @binding(5) var<storage, read> list: array<u32>;
@group(0) @binding(6) var<storage, read_write> gX: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let columnRest = cRest / u32(p.width);
  let column = cRest - columnRest * u32(p.width);
  let n = columnRest / u32(p.height);
  let row = columnRest - n * u32(p.height);
  let lines = (n * p.groups + c / p.groupChannels) * u32(p.height + 1);
  var sum = vec4<f32>();
  for (var corner = 0u; corner < 4u; corner++) {
    let isBelow = corner < 2u;
    let isRight = corner % 2u == 0u;
    let cellRow = lines + row + select(1u, 0u, isBelow);
    let cell = cellRow * u32(p.width + 1) + column + select(1u, 0u, isRight);
    let first = starts[cell];
    let last = first + counts[cell];
    for (var k = first; k < last; k++) {
      let at = list[k];
      let s = sampleOf(at);
      let place = placeOf(s, offset[at]);
      let weight = select(1.0 - place.fy, place.fy, isBelow) * select(1.0 - place.fx, place.fx, isRight);
      sum += weight * mask[at] * g[sampledPixel(s) * p.channels + c];
    }
  }
  gX[i] = sum;
}

//// deform-sample
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> samples: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn corner(n: u32, row: i32, column: i32, c: u32) -> f32 {
  if (row < 0 || row >= p.height || column < 0 || column >= p.width) { return f32(); }
  return x[((n * u32(p.height) + u32(row)) * u32(p.width) + u32(column)) * p.channels + c];
}
fn isNan(x: f32) -> bool {
  return (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let columnRest = cRest / (p.outWidth * p.kernelWidth);
  let column = cRest - columnRest * (p.outWidth * p.kernelWidth);
  let n = columnRest / (p.outHeight * p.kernelHeight);
  let row = columnRest - n * (p.outHeight * p.kernelHeight);
  let s = Sample(n, row / p.kernelHeight, column / p.kernelWidth, c / p.groupChannels,
    row % p.kernelHeight, column % p.kernelWidth);
  let pixel = (n * p.outHeight + s.oy) * p.outWidth + s.ox;
  let at = ((pixel * p.groups + s.group) * p.kernelHeight + s.ky) * p.kernelWidth + s.kx;
  let moved = offset[at];
  let place = placeOf(s, moved);
  var value = f32();
  if (place.inside) {
    let above = mix(corner(n, place.y, place.x, c), corner(n, place.y, place.x + 1, c), place.fx);
    let below = mix(corner(n, place.y + 1, place.x, c), corner(n, place.y + 1, place.x + 1, c), place.fx);
    value = mix(above, below, place.fy);
  }
  if (isNan(moved.x)) { value = f32(moved.x); }
  if (isNan(moved.y)) { value = f32(moved.y); }
  samples[i] = value;
}

//// deform-offset-gradient
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> gOffset: array<vec2<f32>>;
@group(0) @binding(4) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
fn corner(n: u32, row: i32, column: i32, c: u32) -> f32 {
  if (row < 0 || row >= p.height || column < 0 || column >= p.width) { return f32(); }
  return x[((n * u32(p.height) + u32(row)) * u32(p.width) + u32(column)) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let s = sampleOf(i);
  let place = placeOf(s, offset[i]);
  var slope = vec2f();
  var value = 0.0;
  if (place.inside) {
    let first = sampledPixel(s) * p.channels;
    for (var k = 0u; k < p.groupChannels; k++) {
      let c = s.group * p.groupChannels + k;
      let a = corner(s.n, place.y, place.x, c);
      let b = corner(s.n, place.y, place.x + 1, c);
      let d = corner(s.n, place.y + 1, place.x, c);
      let e = corner(s.n, place.y + 1, place.x + 1, c);
      let above = mix(a, b, place.fx);
      let below = mix(d, e, place.fx);
      let gradient = g[first + c];
      slope += vec2f(gradient * (below - above), gradient * mix(b - a, e - d, place.fy));
      value += gradient * mix(above, below, place.fy);
    }
  }
  gOffset[i] = slope;
}

//// deform-sum
struct Params {
  count: u32,
  height: i32,
  width: i32,
  channels: u32,
  groupChannels: u32,
  groups: u32,
  outHeight: u32,
  outWidth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideY: i32,
  strideX: i32,
  dilationY: i32,
  dilationX: i32,
  top: i32,
  left: i32,
}
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> offset: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read> list: array<u32>;
@group(0) @binding(5) var<storage, read_write> gX: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;
struct Place {
  n: u32, group: u32, inside: bool,
  y: i32, x: i32, // the pixel above and to the left
  fy: f32, fx: f32, // how far behind it
}
struct Sample { n: u32, oy: u32, ox: u32, group: u32, ky: u32, kx: u32 }
fn sampleOf(i: u32) -> Sample {
  let taps = p.kernelHeight * p.kernelWidth;
  let tap = i % taps;
  let pixel = i / taps / p.groups;
  let row = pixel / p.outWidth;
  return Sample(row / p.outHeight, row % p.outHeight, pixel % p.outWidth,
    i / taps % p.groups, tap / p.kernelWidth, tap % p.kernelWidth);
}
fn placeOf(s: Sample, offset: vec2<f32>) -> Place {
  let y = f32(i32(s.oy) * p.strideY - p.top + i32(s.ky) * p.dilationY) + offset.x;
  let x = f32(i32(s.ox) * p.strideX - p.left + i32(s.kx) * p.dilationX) + offset.y;
  let inside = y > -1.0 && y < f32(p.height) && x > -1.0 && x < f32(p.width);
  return Place(s.n, s.group, inside, i32(floor(y)), i32(floor(x)), y - floor(y), x - floor(x));
}
fn sampledPixel(s: Sample) -> u32 {
  return (s.n * p.outHeight * p.kernelHeight + s.oy * p.kernelHeight + s.ky)
    * p.outWidth * p.kernelWidth + s.ox * p.kernelWidth + s.kx;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let columnRest = cRest / u32(p.width);
  let column = cRest - columnRest * u32(p.width);
  let n = columnRest / u32(p.height);
  let row = columnRest - n * u32(p.height);
  let lines = (n * p.groups + c / p.groupChannels) * u32(p.height + 1);
  var sum = f32();
  for (var corner = 0u; corner < 4u; corner++) {
    let isBelow = corner < 2u;
    let isRight = corner % 2u == 0u;
    let cellRow = lines + row + select(1u, 0u, isBelow);
    let cell = cellRow * u32(p.width + 1) + column + select(1u, 0u, isRight);
    let first = starts[cell];
    let last = first + counts[cell];
    for (var k = first; k < last; k++) {
      let at = list[k];
      let s = sampleOf(at);
      let place = placeOf(s, offset[at]);
      let weight = select(1.0 - place.fy, place.fy, isBelow) * select(1.0 - place.fx, place.fx, isRight);
      sum += weight * g[sampledPixel(s) * p.channels + c];
    }
  }
  gX[i] = sum;
}

