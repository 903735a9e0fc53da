import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Attribute, HostValue, OnnxModel } from "@retinaface-webgpu/onnx";
import { tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesOf, concatBytes, utf8 } from "../support/bytes.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { compare, evaluate, runFolder, unsupportedReasons } from "./run.node.js";

/* Single ONNX operators in the forms that are rare, against what float64 gives. */

const device = useDevice(test);
const { NaN: nan, POSITIVE_INFINITY: up, NEGATIVE_INFINITY: down } = Number;

interface Case {
  readonly op: string;
  readonly inputs: readonly HostValue[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly opset?: number;
  readonly expected: HostValue;
}

function value(
  shape: number[],
  data: readonly number[],
  type: HostValue["type"] = "float",
): HostValue {
  const numbers = type === "float" ? Float32Array.from(data) : Float64Array.from(data);
  return { shape, type, data: numbers };
}
const ints = (data: readonly number[]) => value([data.length], data, "int64");
const random = (seed: number, ...shape: number[]) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return value(shape, [...new Random(seed).normals(size)]);
};

async function check({ op, inputs, attributes = {}, opset = 18, expected }: Case): Promise<void> {
  const names = inputs.map((_, i) => `input ${i}`);
  const node = {
    op,
    inputs: names,
    outputs: ["y"],
    attributes: new Map(Object.entries(attributes)),
  };
  const named = (name: string) => ({ name, type: undefined, shape: undefined });
  const model: OnnxModel = {
    ...{ opset, producer: "", metadata: new Map(), constants: new Map() },
    nodes: [{ ...node, domain: "", name: "" }],
    inputs: names.map(named),
    outputs: [named("y")],
  };
  const [y] = tidy(() => evaluate(device(), model, inputs));
  await compare(`${op} ${JSON.stringify(attributes)}`, y, expected);
}

/** Σ over k of a[i, k] · b[k, j]. */
function product(a: HostValue, b: HostValue, m: number, k: number, n: number): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return Array.from({ length: k }, (_, c) => a.data[i * k + c] * b.data[c * n + j]).reduce(
      (sum, term) => sum + term,
      0,
    );
  });
}

test("MatMul of vectors", async () => {
  const [v, w] = [random(1, 5), random(2, 5)];
  const [wide, tall] = [random(3, 5, 3), random(4, 7, 5)];
  await check({ op: "MatMul", inputs: [v, w], expected: value([], product(v, w, 1, 5, 1)) });
  await check({ op: "MatMul", inputs: [v, wide], expected: value([3], product(v, wide, 1, 5, 3)) });
  await check({ op: "MatMul", inputs: [tall, v], expected: value([7], product(tall, v, 7, 5, 1)) });
});

test("Pad of some axes, and by negative numbers", async () => {
  const x = value([2, 3], [1, 2, 3, 4, 5, 6]);
  const pad = (mode: string, pads: number[], axes: number[], expected: HostValue) =>
    check({
      op: "Pad",
      inputs: [x, ints(pads), value([], [-1]), ints(axes)],
      attributes: { mode },
      expected,
    });
  await pad("constant", [1, 2], [-1], value([2, 6], [-1, 1, 2, 3, -1, -1, -1, 4, 5, 6, -1, -1]));
  await pad("constant", [-1, 2], [1], value([2, 4], [2, 3, -1, -1, 5, 6, -1, -1]));
  await pad("edge", [-1, 2], [1], value([2, 4], [2, 3, 3, 3, 5, 6, 6, 6]));
  await pad("reflect", [-1, 1], [-1], value([2, 3], [2, 3, 2, 5, 6, 5]));
  await pad("reflect", [1, 0, 0, -1], [1, 0], value([1, 4], [2, 1, 2, 3]));
});

test("reductions of no elements, of one and over an empty list of axes", async () => {
  const none = value([2, 0, 3], []);
  const least = { ReduceSum: 0, ReduceProd: 1, ReduceMax: down, ReduceMin: up, ReduceMean: nan };
  const more = { ReduceL1: 0, ReduceL2: 0, ReduceLogSum: down, ReduceLogSumExp: down };
  for (const [op, result] of Object.entries({ ...least, ...more, ReduceSumSquare: 0 })) {
    for (const keepdims of [0, 1]) {
      const shape = keepdims ? [2, 1, 3] : [2, 3];
      const expected = value(shape, new Array(6).fill(result));
      await check({ op, inputs: [none, ints([1])], attributes: { keepdims }, expected });
    }
    const all = value([], [result]);
    await check({ op, inputs: [none, ints([])], attributes: { keepdims: 0 }, expected: all });
    await check({ op, inputs: [none, ints([0])], expected: value([1, 0, 3], []) });
  }
});

test("an empty list of axes is all of them, or none where noop_with_empty_axes says so", async () => {
  const x = value([2, 3], [1, -2, 3, 0.5, 5, 2]);
  const squares = [...x.data].map((v) => v * v);
  const magnitudes = [...x.data].map(Math.abs);
  const noop = { noop_with_empty_axes: 1 };
  for (const [op, all, each] of [
    ["ReduceSum", 9.5, [...x.data]],
    ["ReduceProd", -30, [...x.data]],
    ["ReduceMax", 5, [...x.data]],
    ["ReduceMin", -2, [...x.data]],
    ["ReduceMean", 9.5 / 6, [...x.data]],
    ["ReduceSumSquare", squares.reduce((a, b) => a + b), squares],
    ["ReduceL1", magnitudes.reduce((a, b) => a + b), magnitudes],
    ["ReduceL2", Math.sqrt(squares.reduce((a, b) => a + b)), magnitudes],
    [
      "ReduceLogSumExp",
      Math.log([...x.data].reduce((sum, v) => sum + Math.exp(v), 0)),
      [...x.data],
    ],
  ] as const) {
    await check({ op, inputs: [x, ints([])], expected: value([1, 1], [all]) });
    await check({ op, inputs: [x], attributes: { keepdims: 0 }, expected: value([], [all]) });
    await check({ op, inputs: [x, ints([])], attributes: noop, expected: value([2, 3], each) });
  }
  const whole = value([2, 2], [7, -8, 9, 2147483647], "int32");
  const rows = value([2], [-56, Math.imul(9, 2147483647)], "int32");
  const attributes = { keepdims: 0 };
  await check({ op: "ReduceProd", inputs: [whole, ints([1])], attributes, expected: rows });
  const most = value([2], [9, 2147483647], "int32");
  await check({ op: "ReduceMax", inputs: [whole, ints([0])], attributes, expected: most });
});

test("Selu with constants of its own, and the rounded ones of early opsets", async () => {
  const x = value([5], [-3, -0.5, 0, 0.25, 4]);
  const selu = (alpha: number, gamma: number) =>
    value(
      [5],
      [...x.data].map((v) => gamma * (v > 0 ? v : alpha * Math.expm1(v))),
    );
  const own = { alpha: 2, gamma: 3 };
  await check({ op: "Selu", inputs: [x], attributes: own, expected: selu(2, 3) });
  await check({ op: "Selu", inputs: [x], expected: selu(1.6732632423543772, 1.0507009873554805) });
  await check({ op: "Selu", inputs: [x], opset: 1, expected: selu(1.6732, 1.0507) });
});

test("Shape from a start to an end, both also from the end and beyond it", async () => {
  const x = random(5, 2, 3, 4);
  for (const [start, end, expected] of [
    [1, 3, [3, 4]],
    [-2, 9, [3, 4]],
    [0, -1, [2, 3]],
    [-9, 1, [2]],
    [2, 1, []],
  ] as const) {
    await check({ op: "Shape", inputs: [x], attributes: { start, end }, expected: ints(expected) });
  }
});

interface Transposed {
  readonly stride: [number, number];
  readonly dilation?: [number, number];
  readonly start: [number, number];
  readonly extent: [number, number];
}

/** Scatters each input element over the result, one filter. */
function transposed(x: HostValue, w: HostValue, t: Transposed): HostValue {
  const [, , h, wide] = x.shape;
  const [, , kh, kw] = w.shape;
  const [dy, dx] = t.dilation ?? [1, 1];
  const y = new Array<number>(t.extent[0] * t.extent[1]).fill(0);
  for (let i = 0; i < h * wide; i++) {
    for (let k = 0; k < kh * kw; k++) {
      const row = Math.floor(i / wide) * t.stride[0] + Math.floor(k / kw) * dy - t.start[0];
      const column = (i % wide) * t.stride[1] + (k % kw) * dx - t.start[1];
      if (row < 0 || column < 0 || row >= t.extent[0] || column >= t.extent[1]) continue;
      y[row * t.extent[1] + column] += x.data[i] * w.data[k];
    }
  }
  return value([1, 1, ...t.extent], y);
}

test("ConvTranspose with auto_pad and with an output shape", async () => {
  const [x, w] = [random(6, 1, 1, 3, 5), random(7, 1, 1, 4, 3)];
  const run = (attributes: Record<string, Attribute>, t: Transposed) =>
    check({ op: "ConvTranspose", inputs: [x, w], attributes, expected: transposed(x, w, t) });
  const stride: [number, number] = [3, 2];
  const strides = [...stride];
  // Without padding the result is 10 by 11.
  const upper = { stride, start: [0, 0] as [number, number], extent: [9, 10] as [number, number] };
  await run({ strides, auto_pad: "SAME_UPPER" }, upper);
  await run({ strides, auto_pad: "SAME_LOWER" }, { ...upper, start: [1, 1] });
  await run({ strides, auto_pad: "VALID" }, { ...upper, extent: [10, 11] });
  const small = { stride, start: [2, 1] as [number, number], extent: [7, 9] as [number, number] };
  await run({ strides, output_shape: [7, 9] }, small);
  await run(
    { strides, output_shape: [1, 1, 7, 9], auto_pad: "SAME_UPPER" },
    { ...small, start: [1, 1] },
  );
  await run({ strides, output_shape: [12, 13] }, { ...upper, extent: [12, 13] });
  await run(
    { strides, output_shape: [11, 11], output_padding: [2, 1] },
    { stride, start: [1, 1], extent: [11, 11] },
  );
  await run(
    { strides: [1, 1], dilations: [2, 3], auto_pad: "SAME_UPPER" },
    { stride: [1, 1], dilation: [2, 3], start: [3, 3], extent: [3, 5] },
  );
});

test("ConvTranspose of one axis, its bias also where nothing else reaches", async () => {
  const [x, w] = [value([1, 1, 2], [1, 2]), value([1, 1, 2], [10, 1])];
  const attributes = { strides: [3], output_shape: [7] };
  const expected = value([1, 1, 7], [15, 6, 5, 25, 7, 5, 5]);
  await check({ op: "ConvTranspose", inputs: [x, w, value([1], [5])], attributes, expected });
});

/** Zeros with some values set, by their indices in [1, channels, rows, columns]. */
function sparse(shape: number[], ...set: (readonly [number, number, number, number])[]): HostValue {
  const data = new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0);
  const [, , rows, columns] = shape;
  for (const [c, y, x, v] of set) data[(c * rows + y) * columns + x] = v;
  return value(shape, data);
}

/* The vectors of ONNX's node tests of DeformConv (test_basic_deform_conv_with_padding and so on), as it documents them. */
test("DeformConv: ONNX's four vectors", async () => {
  const x = value([1, 1, 3, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const ones = (channels: number) =>
    value([1, channels, 2, 2], new Array<number>(4 * channels).fill(1));
  const run = (inputs: HostValue[], more: Record<string, Attribute>, expected: HostValue) => {
    const attributes = { kernel_shape: [2, 2], ...more };
    return check({ op: "DeformConv", inputs, attributes, opset: 19, expected });
  };
  await run(
    [x, ones(1), sparse([1, 8, 4, 4], [0, 0, 0, 0.5], [5, 1, 2, -0.1])],
    { pads: [1, 1, 1, 1] },
    value([1, 1, 4, 4], [0, 1, 3, 2, 3, 8, 11.9, 7, 9, 20, 24, 13, 6, 13, 15, 8]),
  );
  const pads = [0, 0, 0, 0];
  const offset = sparse([1, 8, 2, 2], [0, 0, 0, 0.5], [5, 0, 1, -0.1]);
  await run([x, ones(1), offset], { pads }, value([1, 1, 2, 2], [9.5, 11.9, 20, 24]));
  const mask = value([1, 4, 2, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.2, 1, 1, 1, 1]);
  const withMask = value([1, 1, 2, 2], [10.5, 12.9, 21, 19.4]);
  await run([x, ones(1), offset, value([1], [1]), mask], { pads }, withMask);
  const two = value([1, 2, 3, 3], [...x.data, ...[...x.data].reverse()]);
  const groups = sparse([1, 16, 2, 2], [0, 0, 0, 0.5], [13, 0, 1, -0.1]);
  const both = value([1, 1, 2, 2], [33.5, 32.1, 32, 32]);
  await run([two, ones(2), groups], { pads, offset_group: 2 }, both);
});

test("ties of ArgMax, ArgMin and Hardmax", async () => {
  const x = value([2, 4], [3, 7, 7, 1, -2, -2, 5, 5]);
  const last = { axis: 1, keepdims: 0, select_last_index: 1 };
  const first = { axis: -1, keepdims: 0 };
  await check({ op: "ArgMax", inputs: [x], attributes: first, expected: ints([1, 2]) });
  await check({ op: "ArgMax", inputs: [x], attributes: last, expected: ints([2, 3]) });
  await check({ op: "ArgMin", inputs: [x], attributes: first, expected: ints([3, 0]) });
  await check({ op: "ArgMin", inputs: [x], attributes: last, expected: ints([3, 1]) });
  const same = value([3, 1], [5, 5, 5], "int32");
  const bottom = { select_last_index: 1 };
  const row = value([1, 1], [2], "int64");
  await check({ op: "ArgMax", inputs: [same], attributes: bottom, expected: row });
  const hard = value([2, 4], [0, 1, 0, 0, 0, 0, 1, 0]);
  await check({ op: "Hardmax", inputs: [x], expected: hard });
  const down0 = value([2, 4], [1, 1, 1, 0, 0, 0, 0, 1]);
  await check({ op: "Hardmax", inputs: [x], attributes: { axis: 0 }, expected: down0 });
  const flat = { ...x, shape: [2, 2, 2] };
  const rows = { ...hard, shape: [2, 2, 2] };
  await check({ op: "Hardmax", inputs: [flat], opset: 11, expected: rows });
});

test("Cast and Clip of NaN and of infinities", async () => {
  const x = value([7], [nan, up, down, 1.9, -1.9, 0, 3e9]);
  const whole = value([7], [0, 2147483647, -2147483648, 1, -1, 0, 2147483647], "int32");
  await check({ op: "Cast", inputs: [x], attributes: { to: 6 }, expected: whole });
  const truth = value([7], [1, 1, 1, 1, 1, 0, 1], "bool");
  await check({ op: "Cast", inputs: [x], attributes: { to: 9 }, expected: truth });
  await check({ op: "Clip", inputs: [x], expected: x });
  const [low, high] = [value([], [-1]), value([], [1])];
  const between = value([7], [nan, 1, -1, 1, -1, 0, 1]);
  await check({ op: "Clip", inputs: [x, low, high], expected: between });
  const above = value([7], [nan, up, -1, Math.fround(1.9), -1, 0, 3e9]);
  await check({ op: "Clip", inputs: [x, low], expected: above });
  const crossed = value([7], [nan, -1, -1, -1, -1, -1, -1]);
  await check({ op: "Clip", inputs: [x, high, low], expected: crossed });
  const i = value([3], [-2147483648, 5, 2147483647], "int32");
  const least = value([], [-7], "int32");
  const kept = value([3], [-7, 5, 2147483647], "int32");
  await check({ op: "Clip", inputs: [i, least], expected: kept });
});

test("Where of operands of one element", async () => {
  const condition = value([2, 3], [1, 0, 0, 1, 1, 0], "bool");
  const [a, b] = [value([1], [5]), value([1, 1, 1], [down])];
  const expected = value([1, 2, 3], [5, down, down, 5, 5, down]);
  await check({ op: "Where", inputs: [condition, a, b], expected });
  const one = value([1, 1], [0], "bool");
  const row = value([3], [1, 2, 3], "int32");
  const column = value([2, 1], [8, 9], "int32");
  const columns = value([2, 3], [8, 8, 8, 9, 9, 9], "int32");
  await check({ op: "Where", inputs: [one, row, column], expected: columns });
});

test("further operators that the library has", async () => {
  const x = value([2, 3], [1, 2, 3, -4, 5, 0.5]);
  const sums = value([2, 3], [5, 3, 0, 5.5, 0.5, 0]);
  const backward = { exclusive: 1, reverse: 1 };
  const axis = value([], [1], "int64");
  await check({ op: "CumSum", inputs: [x, axis], attributes: backward, expected: sums });
  const lower = value([2, 3], [1, 2, 0, -4, 5, 0.5]);
  const one = value([], [1], "int64");
  await check({ op: "Trilu", inputs: [x, one], attributes: { upper: 0 }, expected: lower });
  const labels = value([2], [-1, 1], "int64");
  const hot = value([2, 3], [0, 0, 5, 0, 5, 0]);
  const inputs = [labels, value([], [3], "int64"), value([2], [0, 5])];
  await check({ op: "OneHot", inputs, expected: hot });
  const wide = value([2, 2, 3], [...x.data, ...x.data]);
  await check({ op: "Expand", inputs: [x, ints([2, 1, 1])], expected: wide });
  const images = random(9, 3, 2, 5);
  const normal = [...images.data].map((v, i) => {
    const row = [...images.data].slice(i - (i % 5), i - (i % 5) + 5);
    const mean = row.reduce((a, b) => a + b) / 5;
    const variance = row.reduce((sum, r) => sum + (r - mean) ** 2, 0) / 5;
    const channel = Math.floor(i / 5) % 2;
    return ((v - mean) / Math.sqrt(variance + 1e-5)) * [2, -1][channel] + [1, 0.5][channel];
  });
  const affine = [value([2], [2, -1]), value([2], [1, 0.5])];
  const op = "InstanceNormalization";
  await check({ op, inputs: [images, ...affine], expected: value([3, 2, 5], normal) });
});

const field = (number: number, value: number | Uint8Array) =>
  typeof value === "number"
    ? Uint8Array.of(number * 8, value)
    : concatBytes([Uint8Array.of(number * 8 + 2, value.length), value]);

const floats = (...values: number[]) =>
  concatBytes([field(1, values.length), field(2, 1), field(9, bytesOf(Float32Array.from(values)))]);

/** A folder with one node from `x` to `y`, an input and what is expected. */
function writeFolder(folder: string, op: string, input: Uint8Array, output: Uint8Array): void {
  const [x, y] = ["x", "y"].map(utf8);
  const node = concatBytes([field(1, x), field(2, y), field(4, utf8(op))]);
  const graph = [field(1, node), field(11, field(1, x)), field(12, field(1, y))];
  const model = [field(7, concatBytes(graph)), field(8, field(2, 18))];
  mkdirSync(path.join(folder, "test_data_set_0"), { recursive: true });
  writeFileSync(path.join(folder, "model.onnx"), concatBytes(model));
  writeFileSync(path.join(folder, "test_data_set_0", "input_0.pb"), input);
  writeFileSync(path.join(folder, "test_data_set_0", "output_0.pb"), output);
}

test("the runner tells an operator that is unsupported from one that fails", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "onnx-"));
  try {
    const run = async (op: string, input: Uint8Array, output: Uint8Array) => {
      writeFolder(path.join(folder, op), op, input, output);
      return await runFolder(device(), path.join(folder, op));
    };
    assert.is((await run("Neg", floats(1, -2), floats(-1, 2))).result, "passed");
    const det = await run("Det", floats(1), floats(1));
    assert.equal(det, { name: "Det", result: "unsupported", reason: "Det" });
    assert.equal(unsupportedReasons([det]), ["unsupported: Det (1)"]);
    const wrong = await run("Abs", floats(1, -2), floats(1, up));
    assert.is(wrong.result, "failed", "2 is no infinity");
    assert.match(wrong.reason ?? "", /output 0\[1\] is 2, not Infinity/);
    const integers = concatBytes([field(1, 1), field(2, 6), field(9, bytesOf(Int32Array.of(1)))]);
    const whole = await run("Exp", integers, integers);
    assert.is(whole.result, "unsupported");
    assert.match(whole.reason ?? "", /^Exp \(exp takes f32/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
