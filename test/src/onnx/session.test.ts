import {
  decodeOnnx,
  encodeOnnx,
  loadOnnx,
  OnnxError,
  OnnxNetwork,
  type OnnxSession,
  type OnnxUnsupportedError,
  readOnnx,
  runOnnx,
  supportedOperators,
} from "@retinaface-webgpu/onnx";
import { compile, convolutionSpecs, sum, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { floats, integers, node, onnxFile, value } from "../support/onnx-models.js";
import { Random } from "../support/random.js";

/* Models made here, of open sides, against float64; on WebGPU and on the WebAssembly engine. */

const device = useDevice(test);
const random = new Random(7);
const [IN, OUT] = [3, 5];
const weight = random.normals(OUT * IN);
const scale = random.normals(OUT);
const [n, h, w] = [2, 3, 5];
const image = random.normals(n * IN * h * w);

/** A 1×1 convolution, norm, ReLU, and the rows of each pixel, whose count the graph computes itself. */
const rows = onnxFile({
  node: [
    node("Conv", ["image", "weight"], ["maps"], { kernel_shape: [1, 1] }),
    node("BatchNormalization", ["maps", "scale", "shift", "mean", "variance"], ["normed"]),
    node("Relu", ["normed"], ["active"]),
    node("Transpose", ["active"], ["pixels"], { perm: [0, 2, 3, 1] }),
    node("Shape", ["image"], ["shape"]),
    node("Gather", ["shape", "first"], ["batch"]),
    node("Concat", ["batch", "rest"], ["wanted"], { axis: 0 }),
    node("Reshape", ["pixels", "wanted"], ["rows"]),
  ],
  initializer: [
    floats("weight", [OUT, IN, 1, 1], weight),
    floats("scale", [OUT], scale),
    floats("shift", [OUT], new Array(OUT).fill(0.5)),
    floats("mean", [OUT], new Array(OUT).fill(0.25)),
    floats("variance", [OUT], new Array(OUT).fill(4)),
    integers("first", [0]),
    integers("rest", [-1, OUT]),
  ],
  input: [value("image", ["n", IN, "h", "w"])],
  output: [value("rows", ["n", "pixels", OUT])],
});

/** The same in double precision. */
function rowsOf(pixels: Float32Array, batch: number, area: number): Float64Array {
  const result = new Float64Array(batch * area * OUT);
  for (let i = 0; i < result.length; i++) {
    const [b, p, o] = [Math.floor(i / OUT / area), Math.floor(i / OUT) % area, i % OUT];
    let total = 0;
    for (let c = 0; c < IN; c++) total += pixels[(b * IN + c) * area + p] * weight[o * IN + c];
    result[i] = Math.max(0, ((total - 0.25) * scale[o]) / Math.sqrt(4 + 1e-5) + 0.5);
  }
  return result;
}

async function closing(session: OnnxSession, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    session.dispose();
  }
}

for (const backend of ["webgpu", "wasm"] as const) {
  test(`a model of open sides runs at any size on ${backend}`, async () => {
    const given = backend === "webgpu" ? { device: device() } : {};
    const session = await loadOnnx(rows, { backend, ...given });
    await closing(session, async () => {
      assert.is(session.backend, backend);
      const expected = rowsOf(image, n, h * w);
      const [large, small] = await Promise.all([
        session.run({ image: { data: image, shape: [n, IN, h, w] } }),
        session.run({ image: { data: image.slice(0, IN * 4), shape: [1, IN, 2, 2] } }),
      ]);
      assert.equal(large.rows.shape, [n, h * w, OUT]);
      assertClose(large.rows.data, expected, { atol: 1e-5, rtol: 1e-5 });
      assertClose(small.rows.data, rowsOf(image.slice(0, IN * 4), 1, 4), { atol: 1e-5 });
      const shapes = await session.outputShapes({ image: [4, IN, 7, 1] });
      assert.equal(shapes, { rows: [4, 7, OUT] });
    });
  });
}

test("convolution, norm and activation are one step, and nothing is moved", async () => {
  const network = new OnnxNetwork(device(), readOnnx(rows));
  const infos = network.inputInfos({ n, h, w });
  assert.equal(infos, [{ shape: [n, IN, h, w], dtype: "f32" }]);
  const forward = (...inputs: Parameters<typeof network.forward>) => network.forward(...inputs);
  assert.is(convolutionSpecs(device(), forward, infos).length, 1);
  const plan = await compile(device(), forward, infos);
  assert.is(plan.stats.dispatches, 2, "the image's channels are put last, and the convolution");
  plan.dispose();
  network.dispose();
});

test("eager: the weights of a model can be trained", async () => {
  const network = new OnnxNetwork(device(), readOnnx(rows));
  const parameter = network.weights.get("scale")!;
  const total = async () => {
    const x = tensor(device(), image, [n, IN, h, w]);
    const loss = tidy(() => sum(network.forward(x).rows));
    if (loss.requiresGrad) loss.backward();
    x.dispose();
    const result = await loss.item();
    loss.dispose();
    return result;
  };
  await total();
  assert.is(parameter.grad, undefined, "they are frozen at first");
  network.requiresGrad(true);
  await total();
  const gradient = (await parameter.grad!.data())[1];
  network.requiresGrad(false);
  const at = async (step: number) => {
    parameter.write(scale.map((s, i) => (i === 1 ? s + step : s)));
    return total();
  };
  const difference = ((await at(0.01)) - (await at(-0.01))) / 0.02;
  assertClose([gradient], [difference], { rtol: 0.02, atol: 0.02 });
  network.dispose();
});

const refuses = async (what: Promise<unknown>, code: string, message: RegExp) => {
  try {
    await what;
  } catch (error) {
    assert.instance(error, OnnxError);
    assert.is((error as OnnxError).code, code);
    assert.match((error as Error).message, message);
    return error as OnnxError;
  }
  throw new Error(`not refused, expected ${code}`);
};

const through = (nodes: readonly ReturnType<typeof node>[], output: string, version?: number) =>
  onnxFile({ node: nodes, input: [value("x", [2, 3])], output: [value(output, [])] }, version);

test("what lacks is named in one error, forms too, and unneeded nodes do not count", async () => {
  const model = through(
    [
      node("Det", ["x"], ["a"]),
      { ...node("Fast", ["x"], ["b"]), domain: "com.example" },
      node("Det", ["a"], ["c"]),
      node("Unneeded", ["x"], ["d"]),
      node("Sum", ["a", "b", "c"], ["y"]),
    ],
    "y",
  );
  const error = await refuses(loadOnnx(model), "ONNX_UNSUPPORTED", /Det \(×2\); com.example.Fast/);
  assert.equal(
    [...(error as OnnxUnsupportedError).operators],
    [
      ["Det", 2],
      ["com.example.Fast", 1],
    ],
  );
  const forms = through(
    [
      node("LpNormalization", ["x"], ["a"], { p: 3 }),
      node("Range", ["x", "x", "x"], ["b"]),
      node("Add", ["a", "b"], ["y"]),
    ],
    "y",
  );
  const given = { x: new Float32Array(6) };
  await refuses(
    runOnnx(forms, given, { device: device() }),
    "ONNX_UNSUPPORTED",
    /LpNormalization by the norm 3; Range of what is computed/,
  );
  await refuses(loadOnnx(through([node("Relu", ["x"], ["y"])], "y", 99)), "ONNX_UNSUPPORTED", /99/);
  assert.ok(supportedOperators().length > 100);
});

test("wrong inputs are typed errors", async () => {
  const session = await loadOnnx(rows, { device: device() });
  const bad = (feeds: Record<string, unknown>, message: RegExp) =>
    refuses((async () => session.run(feeds as never))(), "ONNX_INPUT", message);
  await bad({}, /takes image; image lack/);
  await bad({ image, other: image }, /was given other/);
  await bad({ image }, /open sides \(\[n, 3, h, w\]\)/);
  await bad({ image: { data: image, shape: [n, 5, h, w] } }, /is given 90 numbers for \[2,5,3,5\]/);
  const wide = { data: new Float32Array(n * 4 * h * w), shape: [n, 4, h, w] };
  await bad({ image: wide }, /takes \[n, 3, h, w\] \(n = 2\), not \[2, 4, 3, 5\]/);
  session.dispose();
  await refuses(
    (async () => session.run({ image: { data: image, shape: [n, IN, h, w] } }))(),
    "ONNX_DISPOSED",
    /load it again/,
  );
});

test("hostile graphs are typed errors, soon and without their memory", async () => {
  const given = { x: new Float32Array(6) };
  const run = (model: Uint8Array) => runOnnx(model, given, { device: device() });
  const cycle = [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"])];
  await refuses(run(through(cycle, "b")), "ONNX_INVALID", /cycle/);
  await refuses(run(through([node("Relu", ["x"], ["x"])], "x")), "ONNX_INVALID", /made twice/);
  await refuses(run(through([], "nothing")), "ONNX_INVALID", /Nothing makes/);
  const whole = (extra: Partial<Parameters<typeof onnxFile>[0]>) =>
    onnxFile({
      node: [node("Add", ["x", "k"], ["y"])],
      input: [value("x", [2, 3])],
      output: [value("y", [])],
      ...extra,
    });
  const huge = { ...floats("k", [], [1]), dims: [2 ** 40, 2 ** 40] };
  await refuses(run(whole({ initializer: [huge] })), "ONNX_INVALID", /nothing can have/);
  const short = { ...floats("k", [], [1]), dims: [2 ** 30] };
  await refuses(run(whole({ initializer: [short] })), "ONNX_INVALID", /has 1 values/);
  const outside = { name: "k", dims: [1], dataType: 1, dataLocation: 1 };
  await refuses(run(whole({ initializer: [outside] })), "ONNX_EXTERNAL_DATA", /one file/);
  const text = { name: "k", dims: [1], dataType: 8 };
  await refuses(run(whole({ initializer: [text] })), "ONNX_UNSUPPORTED", /element type 8/);
  const blown = whole({
    node: [node("ConstantOfShape", ["s"], ["k"]), node("Add", ["x", "k"], ["y"])],
    initializer: [integers("s", [2 ** 20, 2 ** 20])],
  });
  await refuses(run(blown), "ONNX_TOO_LARGE", /at most/);
  const wrong = through([node("Transpose", ["x"], ["y"], { perm: [0, 7] })], "y");
  await refuses(run(wrong), "ONNX_INVALID", /axis 7 of 2/);
  const kinds = through([node("Concat", ["x", "x"], ["y"], { axis: "one" })], "y");
  await refuses(run(kinds), "ONNX_INVALID", /axis that is no number/);
  const unfit = through([node("MatMul", ["x", "x"], ["y"])], "y");
  await refuses(run(unfit), "ONNX_INVALID", /MatMul .* does not fit/);
});

test("a file that is cut off anywhere is refused or another model, never anything else", () => {
  for (let length = 0; length < rows.length; length++) {
    try {
      readOnnx(rows.subarray(0, length));
    } catch (error) {
      assert.instance(error, OnnxError, `cut off at ${length}`);
    }
  }
});

test("messages are written as they were read", () => {
  assert.equal(encodeOnnx(decodeOnnx(rows)), rows);
});

test.run();
