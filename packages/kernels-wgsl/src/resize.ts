/**
 * Nearest and bilinear resizing of NHWC images, and their gradients.
 *
 * Every coordinate convention is a rational map source = (step·destination + origin) / denominator with
 * integers chosen on the host, and the shader computes floor and fraction in integers. So there is no f32
 * product that lands just below an integer, and sizes and scale factors give the exact same pixels as the
 * definition. Gradients gather: an input pixel visits the few outputs that may read it (the inverse map,
 * widened by the rounding) and sums those that do, in a fixed order.
 *
 * One invocation an output (forward) or input (backward) vec4 of channels, or scalar where C is not a multiple of 4.
 */
import { defineKernel, input, output, scalarOrVector, splitIndex } from "./define.js";
import type { Kernel } from "./kernel.js";

/**
 * Where an output pixel's centre falls in the input (ONNX's names): halfPixel
 * (d + ½)·in/out − ½; alignCorners d·(in − 1)/(out − 1); asymmetric d·in/out; halfPixelFloor
 * (d + ½)·in/out, whose floor is the input pixel that contains the output pixel's centre.
 */
export type ResizeCoordinates = "halfPixel" | "alignCorners" | "asymmetric" | "halfPixelFloor";

/** How nearest rounds a fractional source coordinate. */
export type NearestRounding = "floor" | "ceil" | "roundPreferFloor" | "roundPreferCeil";

/** One axis: extents, and the map from an output to an input coordinate. */
export interface ResizeAxis {
  readonly from: number;
  readonly to: number;
  /** source = (step·destination + origin) / denominator. */
  readonly step: number;
  readonly origin: number;
  readonly denominator: number;
}

/** The largest numerator and denominator of a rational approximation of a scale. */
const MAX_TERM = 32767;

/** The best approximation p/q of a positive number with terms up to `MAX_TERM` (continued fractions). */
export function toFraction(value: number): { p: number; q: number } {
  let [p0, q0, p1, q1] = [0, 1, 1, 0];
  let rest = value;
  for (;;) {
    const whole = Math.floor(rest);
    const p2 = whole * p1 + p0;
    const q2 = whole * q1 + q0;
    if (p2 > MAX_TERM || q2 > MAX_TERM) break;
    [p0, q0, p1, q1] = [p1, q1, p2, q2];
    if (Math.abs(p1 / q1 - value) <= value * 1e-7) break;
    rest = 1 / (rest - whole);
  }
  return { p: p1, q: q1 };
}

/**
 * The map of one axis.
 * @param scale output/input ratio where one was given (it may differ from to/from after rounding)
 */
export function resizeAxis(
  from: number,
  to: number,
  coordinates: ResizeCoordinates,
  scale?: number,
): ResizeAxis {
  if (coordinates === "alignCorners") {
    return { from, to, step: to > 1 ? from - 1 : 0, origin: 0, denominator: Math.max(1, to - 1) };
  }
  const { p, q } = scale === undefined ? { p: to, q: from } : toFraction(scale);
  if (coordinates === "asymmetric") return { from, to, step: q, origin: 0, denominator: p };
  const origin = coordinates === "halfPixel" ? q - p : q;
  return { from, to, step: 2 * q, origin, denominator: 2 * p };
}

/** A resize of [batch, y.from, x.from, channels] to [batch, y.to, x.to, channels]. */
export interface ResizeSpec {
  readonly batch: number;
  readonly channels: number;
  readonly y: ResizeAxis;
  readonly x: ResizeAxis;
  readonly mode: "nearest" | "bilinear";
  /** Nearest only; floor by default. */
  readonly rounding?: NearestRounding;
}

/** Divisions are unsigned, which is cheaper; no numerator here is below −2 denominators. */
const arithmetic = `struct Axis { from_: i32, to: i32, step: i32, origin: i32, denominator: i32 }
fn floorDiv(a: i32, b: i32) -> i32 { return i32(u32(a + 2 * b) / u32(b)) - 2; }
fn ceilDiv(a: i32, b: i32) -> i32 { return floorDiv(a + b - 1, b); }
fn axisY() -> Axis { return Axis(p.yFrom, p.yTo, p.yStep, p.yOrigin, p.yDenominator); }
fn axisX() -> Axis { return Axis(p.xFrom, p.xTo, p.xStep, p.xOrigin, p.xDenominator); }
fn inside(s: i32, a: Axis) -> i32 { return clamp(s, 0, a.from_ - 1); }`;

const rounded: Record<NearestRounding, string> = {
  floor: "floorDiv(n, a.denominator)",
  ceil: "ceilDiv(n, a.denominator)",
  roundPreferFloor: "ceilDiv(2 * n - a.denominator, 2 * a.denominator)",
  roundPreferCeil: "floorDiv(2 * n + a.denominator, 2 * a.denominator)",
};

function nearestSource(rounding: NearestRounding): string {
  return `fn nearest(d: i32, a: Axis) -> i32 {
  let n = d * a.step + a.origin;
  return inside(${rounded[rounding]}, a);
}`;
}

const bilinearSource = `struct Tap { low: i32, high: i32, weight: f32 }
fn tap(d: i32, a: Axis) -> Tap {
  let n = clamp(d * a.step + a.origin, 0, (a.from_ - 1) * a.denominator);
  let low = i32(u32(n) / u32(a.denominator));
  let part = f32(n - low * a.denominator) / f32(a.denominator);
  return Tap(low, min(low + 1, a.from_ - 1), part);
}`;

/** Output range that may read input `s`: everything whose unclamped source lies within one pixel of it. */
const inverse = `fn firstReader(s: i32, a: Axis) -> i32 {
  if (s == 0 || a.step == 0) { return 0; }
  return clamp(floorDiv((s - 1) * a.denominator - a.origin, a.step), 0, a.to);
}
fn endReader(s: i32, a: Axis) -> i32 {
  if (s == a.from_ - 1 || a.step == 0) { return a.to; }
  return clamp(ceilDiv((s + 1) * a.denominator - a.origin, a.step) + 1, 0, a.to);
}`;

function axisParams(spec: ResizeSpec): Record<string, { i32: number }> {
  const of = (name: string, a: ResizeAxis) => ({
    [`${name}From`]: { i32: a.from },
    [`${name}To`]: { i32: a.to },
    [`${name}Step`]: { i32: a.step },
    [`${name}Origin`]: { i32: a.origin },
    [`${name}Denominator`]: { i32: a.denominator },
  });
  return { ...of("y", spec.y), ...of("x", spec.x) };
}

function resizeKernel(spec: ResizeSpec, backward: boolean, globals: string, body: string): Kernel {
  const { batch, channels, mode, y, x } = spec;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const [source, target] = backward ? ["gradY", "gradX"] : ["src", "dst"];
  const small = batch * y.from * x.from * channels;
  const large = batch * y.to * x.to * channels;
  const count = backward ? small : large;
  const side = backward ? "From" : "To";
  const axes = [
    ["c", "p.channels"],
    ["uColumn", `u32(p.x${side})`],
    ["uRow", `u32(p.y${side})`],
  ] as const;
  return defineKernel({
    name: `resize-${mode}${backward ? "-backward" : ""}`,
    buffers: [input(source, element), output(target, element)],
    params: { channels: channels / width, ...axisParams(spec) },
    globals: `alias T = ${element};\n${arithmetic}\n${globals}`,
    count: count / width,
    body: `${splitIndex("i", axes, "uImage")}
  let column = i32(uColumn);
  let row = i32(uRow);
  let image = i32(uImage);
${body}`,
    flops: mode === "bilinear" ? large * 8 : backward ? large : 0,
    bytes: (small + large) * 4,
  });
}

const load =
  "fn load(image: i32, row: i32, column: i32, c: u32) -> T {\n" +
  "  return src[u32((image * p.yFrom + row) * p.xFrom + column) * p.channels + c];\n}";

/** Bindings: x, y. */
export function nearestResize(spec: ResizeSpec): Kernel {
  const { rounding = "floor" } = spec;
  return resizeKernel(
    spec,
    false,
    `${nearestSource(rounding)}\n${load}`,
    "  dst[i] = load(image, nearest(row, axisY()), nearest(column, axisX()), c);",
  );
}

/** Bindings: x, y. */
export function bilinearResize(spec: ResizeSpec): Kernel {
  return resizeKernel(
    spec,
    false,
    `${bilinearSource}\n${load}`,
    `  let ty = tap(row, axisY());
  let tx = tap(column, axisX());
  let top = mix(load(image, ty.low, tx.low, c), load(image, ty.low, tx.high, c), T(tx.weight));
  let bottom = mix(load(image, ty.high, tx.low, c), load(image, ty.high, tx.high, c), T(tx.weight));
  dst[i] = mix(top, bottom, T(ty.weight));`,
  );
}

/** Either of both. Bindings: x, y. */
export function resize(spec: ResizeSpec): Kernel {
  return spec.mode === "nearest" ? nearestResize(spec) : bilinearResize(spec);
}

/** Bindings: gradient of y, gradient of x. */
export function resizeBackward(spec: ResizeSpec): Kernel {
  const { mode, rounding = "floor" } = spec;
  const share =
    mode === "nearest"
      ? `fn share(d: i32, s: i32, a: Axis) -> f32 { return select(0.0, 1.0, nearest(d, a) == s); }`
      : `fn share(d: i32, s: i32, a: Axis) -> f32 {
  let t = tap(d, a);
  return select(0.0, 1.0 - t.weight, t.low == s) + select(0.0, t.weight, t.high == s);
}`;
  const source = mode === "nearest" ? nearestSource(rounding) : bilinearSource;
  return resizeKernel(
    spec,
    true,
    `${source}\n${share}\n${inverse}`,
    `  let ay = axisY();
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
  gradX[i] = sum;`,
  );
}
