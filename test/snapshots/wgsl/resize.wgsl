//// resize-nearest
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(floorDiv(n, a.denominator), a);
}
fn load(image: i32, row: i32, column: i32, c: u32) -> T {
  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xTo);
  let uColumn = cRest - uColumnRest * u32(p.xTo);
  let uImage = uColumnRest / u32(p.yTo);
  let uRow = uColumnRest - uImage * u32(p.yTo);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  dst[i] = load(image, nearest(row, axisY()), nearest(column, axisX()), c);
}

//// resize-nearest-backward
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(floorDiv(n, a.denominator), a);
}
fn share(d: i32, s: i32, a: Axis) -> f32 { return select(0.0, 1.0, nearest(d, a) == s); }
fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xFrom);
  let uColumn = cRest - uColumnRest * u32(p.xFrom);
  let uImage = uColumnRest / u32(p.yFrom);
  let uRow = uColumnRest - uImage * u32(p.yFrom);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ay = axisY();
  let ax = axisX();
  var sum = T(0.0);
  for (var dy = firstReader(row, ay); dy < endReader(row, ay); dy++) {
    let shareY = share(dy, row, ay);
    if (shareY == 0.0) { continue; }
    let base = (image * p.yTo + dy) * p.xTo;
    var line = T(0.0);
    for (var dx = firstReader(column, ax); dx < endReader(column, ax); dx++) {
      let shareX = share(dx, column, ax);
      if (shareX != 0.0) { line += shareX * gradY[u32(base + dx) * p.channels + c]; }
    }
    sum += shareY * line;
  }
  gradX[i] = sum;
}

//// resize-nearest-2
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(ceilDiv(n, a.denominator), a);
}
fn load(image: i32, row: i32, column: i32, c: u32) -> T {
  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xTo);
  let uColumn = cRest - uColumnRest * u32(p.xTo);
  let uImage = uColumnRest / u32(p.yTo);
  let uRow = uColumnRest - uImage * u32(p.yTo);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  dst[i] = load(image, nearest(row, axisY()), nearest(column, axisX()), c);
}

//// resize-nearest-backward-2
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(ceilDiv(n, a.denominator), a);
}
fn share(d: i32, s: i32, a: Axis) -> f32 { return select(0.0, 1.0, nearest(d, a) == s); }
fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xFrom);
  let uColumn = cRest - uColumnRest * u32(p.xFrom);
  let uImage = uColumnRest / u32(p.yFrom);
  let uRow = uColumnRest - uImage * u32(p.yFrom);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ay = axisY();
  let ax = axisX();
  var sum = T(0.0);
  for (var dy = firstReader(row, ay); dy < endReader(row, ay); dy++) {
    let shareY = share(dy, row, ay);
    if (shareY == 0.0) { continue; }
    let base = (image * p.yTo + dy) * p.xTo;
    var line = T(0.0);
    for (var dx = firstReader(column, ax); dx < endReader(column, ax); dx++) {
      let shareX = share(dx, column, ax);
      if (shareX != 0.0) { line += shareX * gradY[u32(base + dx) * p.channels + c]; }
    }
    sum += shareY * line;
  }
  gradX[i] = sum;
}

//// resize-nearest-3
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(ceilDiv(2 * n - a.denominator, 2 * a.denominator), a);
}
fn load(image: i32, row: i32, column: i32, c: u32) -> T {
  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xTo);
  let uColumn = cRest - uColumnRest * u32(p.xTo);
  let uImage = uColumnRest / u32(p.yTo);
  let uRow = uColumnRest - uImage * u32(p.yTo);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  dst[i] = load(image, nearest(row, axisY()), nearest(column, axisX()), c);
}

//// resize-nearest-backward-3
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(ceilDiv(2 * n - a.denominator, 2 * a.denominator), a);
}
fn share(d: i32, s: i32, a: Axis) -> f32 { return select(0.0, 1.0, nearest(d, a) == s); }
fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xFrom);
  let uColumn = cRest - uColumnRest * u32(p.xFrom);
  let uImage = uColumnRest / u32(p.yFrom);
  let uRow = uColumnRest - uImage * u32(p.yFrom);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ay = axisY();
  let ax = axisX();
  var sum = T(0.0);
  for (var dy = firstReader(row, ay); dy < endReader(row, ay); dy++) {
    let shareY = share(dy, row, ay);
    if (shareY == 0.0) { continue; }
    let base = (image * p.yTo + dy) * p.xTo;
    var line = T(0.0);
    for (var dx = firstReader(column, ax); dx < endReader(column, ax); dx++) {
      let shareX = share(dx, column, ax);
      if (shareX != 0.0) { line += shareX * gradY[u32(base + dx) * p.channels + c]; }
    }
    sum += shareY * line;
  }
  gradX[i] = sum;
}

//// resize-nearest-4
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(floorDiv(2 * n + a.denominator, 2 * a.denominator), a);
}
fn load(image: i32, row: i32, column: i32, c: u32) -> T {
  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xTo);
  let uColumn = cRest - uColumnRest * u32(p.xTo);
  let uImage = uColumnRest / u32(p.yTo);
  let uRow = uColumnRest - uImage * u32(p.yTo);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  dst[i] = load(image, nearest(row, axisY()), nearest(column, axisX()), c);
}

//// resize-nearest-backward-4
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(floorDiv(2 * n + a.denominator, 2 * a.denominator), a);
}
fn share(d: i32, s: i32, a: Axis) -> f32 { return select(0.0, 1.0, nearest(d, a) == s); }
fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xFrom);
  let uColumn = cRest - uColumnRest * u32(p.xFrom);
  let uImage = uColumnRest / u32(p.yFrom);
  let uRow = uColumnRest - uImage * u32(p.yFrom);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ay = axisY();
  let ax = axisX();
  var sum = T(0.0);
  for (var dy = firstReader(row, ay); dy < endReader(row, ay); dy++) {
    let shareY = share(dy, row, ay);
    if (shareY == 0.0) { continue; }
    let base = (image * p.yTo + dy) * p.xTo;
    var line = T(0.0);
    for (var dx = firstReader(column, ax); dx < endReader(column, ax); dx++) {
      let shareX = share(dx, column, ax);
      if (shareX != 0.0) { line += shareX * gradY[u32(base + dx) * p.channels + c]; }
    }
    sum += shareY * line;
  }
  gradX[i] = sum;
}

//// resize-bilinear
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dst: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
struct Tap { low: i32, high: i32, weight: f32 }
fn tap(d: i32, a: Axis) -> Tap {
  let n = clamp(d * a.step + a.origin, 0, (a.from_ - 1) * a.denominator);
  let low = i32(u32(n) / u32(a.denominator));
  let part = f32(n - low * a.denominator) / f32(a.denominator);
  return Tap(low, min(low + 1, a.from_ - 1), part);
}
fn load(image: i32, row: i32, column: i32, c: u32) -> T {
  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xTo);
  let uColumn = cRest - uColumnRest * u32(p.xTo);
  let uImage = uColumnRest / u32(p.yTo);
  let uRow = uColumnRest - uImage * u32(p.yTo);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ty = tap(row, axisY());
  let tx = tap(column, axisX());
  let top = mix(load(image, ty.low, tx.low, c), load(image, ty.low, tx.high, c), T(tx.weight));
  let bottom = mix(load(image, ty.high, tx.low, c), load(image, ty.high, tx.high, c), T(tx.weight));
  dst[i] = mix(top, bottom, T(ty.weight));
}

//// resize-bilinear-backward
struct Params {
  count: u32,
  channels: u32,
  yFrom: i32,
  yTo: i32,
  yStep: i32,
  yOrigin: i32,
  yDenominator: i32,
  xFrom: i32,
  xTo: i32,
  xStep: i32,
  xOrigin: i32,
  xDenominator: i32,
}
@group(0) @binding(0) var<storage, read> gradY: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradX: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
alias T = vec4<f32>;
struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }
struct Tap { low: i32, high: i32, weight: f32 }
fn tap(d: i32, a: Axis) -> Tap {
  let n = clamp(d * a.step + a.origin, 0, (a.from_ - 1) * a.denominator);
  let low = i32(u32(n) / u32(a.denominator));
  let part = f32(n - low * a.denominator) / f32(a.denominator);
  return Tap(low, min(low + 1, a.from_ - 1), part);
}
fn share(d: i32, s: i32, a: Axis) -> f32 {
  let t = tap(d, a);
  return select(0.0, 1.0 - t.weight, t.low == s) + select(0.0, t.weight, t.high == s);
}
fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (wid.x + wid.y * groups.x) * 64u + lane;
  if (i >= p.count) { return; }
  let cRest = i / p.channels;
  let c = i - cRest * p.channels;
  let uColumnRest = cRest / u32(p.xFrom);
  let uColumn = cRest - uColumnRest * u32(p.xFrom);
  let uImage = uColumnRest / u32(p.yFrom);
  let uRow = uColumnRest - uImage * u32(p.yFrom);
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
  let ay = axisY();
  let ax = axisX();
  var sum = T(0.0);
  for (var dy = firstReader(row, ay); dy < endReader(row, ay); dy++) {
    let shareY = share(dy, row, ay);
    if (shareY == 0.0) { continue; }
    let base = (image * p.yTo + dy) * p.xTo;
    var line = T(0.0);
    for (var dx = firstReader(column, ax); dx < endReader(column, ax); dx++) {
      let shareX = share(dx, column, ax);
      if (shareX != 0.0) { line += shareX * gradY[u32(base + dx) * p.channels + c]; }
    }
    sum += shareY * line;
  }
  gradX[i] = sum;
}

