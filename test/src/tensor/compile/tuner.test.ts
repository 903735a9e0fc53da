import { conv2dVariants } from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  ConvTuner,
  compile,
  conv2dTraits,
  convolutionSpecs,
  nn,
  resizeNearest,
  type Tensor,
  type TunerStore,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { halfTest } from "../../support/half.js";
import { memoryStore } from "../../support/memory-store.js";
import { rejectsCode } from "../../support/throws.js";

const device = useDevice(test);

function network() {
  const init = nn.Init.seeded(device(), 1);
  const first = new nn.Conv2d(init, 3, 8, { kernelSize: 3, stride: 2, padding: 1 });
  const side = new nn.Conv2d(init, 8, 8, { kernelSize: 1 });
  const forward = (x: Tensor) => {
    const y = first.forward(x);
    return [add(side.forward(y), resizeNearest(y, { size: [y.shape[1], y.shape[2]] }))];
  };
  return { forward, dispose: () => [first, side].map((module) => module.dispose()) };
}

const INFO = [{ shape: [1, 17, 12, 3], dtype: "f32" as const }];

test("a tuner measures each convolution once and remembers it", async () => {
  const { forward, dispose } = network();
  const specs = convolutionSpecs(device(), forward, INFO);
  assert.is(specs.length, 2);
  assert.is(specs[1].residual?.order, "before-activation");
  const store = memoryStore();
  const tuner = await ConvTuner.open(device(), store);
  assert.is(tuner.choose(specs[0]), undefined);
  assert.is(await tuner.tune(specs), 2);
  assert.is(await tuner.tune(specs), 0);
  assert.type(tuner.choose(specs[0]), "string");
  const again = await ConvTuner.open(device(), store);
  assert.is(await again.tune(specs), 0);
  assert.is(again.choose(specs[1]), tuner.choose(specs[1]));
  dispose();
});

test("each result is stored at once, beside what others have stored meanwhile", async () => {
  const { forward, dispose } = network();
  const specs = convolutionSpecs(device(), forward, INFO);
  const store = memoryStore('{"another adapter":{"x":{"variant":"a","among":"b"}}}');
  const lengths: number[] = [];
  const watched: TunerStore = {
    read: () => store.read(),
    write: (text) => {
      lengths.push(text.length);
      return store.write(text);
    },
  };
  const [first, second] = [
    await ConvTuner.open(device(), watched),
    await ConvTuner.open(device(), watched),
  ];
  const announced: number[] = [];
  await first.tune([specs[0]], (count) => announced.push(count));
  await second.tune([specs[1]], (count) => announced.push(count));
  const third = await ConvTuner.open(device(), watched);
  assert.is(await third.tune(specs, (count) => announced.push(count)), 0, "both are there");
  assert.equal(announced, [1, 1]);
  assert.ok(lengths.length === 2 && lengths[1] > lengths[0]);
  assert.ok(store.text?.includes("another adapter"));
  dispose();
});

test("sizes of about as many pixels share a result, others are measured apart", async () => {
  const { forward, dispose } = network();
  const at = (...shape: number[]) =>
    convolutionSpecs(device(), forward, [{ shape, dtype: "f32" as const }]);
  const tuner = await ConvTuner.open(device());
  await tuner.tune(at(1, 32, 32, 3));
  assert.is(await tuner.tune(at(1, 24, 40, 3)), 0);
  assert.is(await tuner.tune(at(1, 64, 48, 3)), 2);
  assert.is(await tuner.tune(at(2, 48, 32, 3)), 0, "a batch counts as its pixels");
  dispose();
});

test("plans of one network share weights whichever variants they take", async () => {
  const init = nn.Init.seeded(device(), 1);
  const module = new nn.Conv2d(init, 8, 8, { kernelSize: 3, padding: 1, groups: 8 });
  const forward = (x: Tensor) => [module.forward(x)];
  const info = [{ shape: [1, 9, 7, 8], dtype: "f32" as const }];
  const [spec] = convolutionSpecs(device(), forward, info);
  const weights = new WeightStore(device());
  const pixels = Float32Array.from({ length: 9 * 7 * 8 }, (_, i) => Math.cos(i));
  const results: Float32Array[] = [];
  for (const variant of conv2dVariants(spec, conv2dTraits(device())).reverse()) {
    const plan = await compile(device(), forward, info, { weights, choose: () => variant });
    plan.inputs[0].write(pixels);
    plan.run();
    results.push((await plan.outputs[0].tensor.data()) as Float32Array);
    plan.dispose();
  }
  assert.ok(results.length >= 2);
  for (const other of results.slice(1)) assertClose(other, results[0], { atol: 1e-5, rtol: 1e-5 });
  weights.dispose();
  module.dispose();
});

test("what does not fit the GPU is an error that leaves nothing behind", async () => {
  const { forward, dispose } = network();
  const [spec] = convolutionSpecs(device(), forward, INFO);
  const tuner = await ConvTuner.open(device());
  const before = device().memory().liveBuffers;
  const huge = { ...spec, inHeight: 60_000, inWidth: 60_000 };
  await rejectsCode(tuner.tune([huge]), "GPU_OUT_OF_MEMORY");
  assert.is(device().memory().liveBuffers, before);
  assert.is(await tuner.tune([spec]), 1);
  assert.is(device().memory().liveBuffers, before);
  dispose();
});

halfTest(test, "f16 activations are measured apart", async () => {
  const { forward, dispose } = network();
  const [first] = convolutionSpecs(device(), forward, INFO, "f16");
  assert.equal([first.inType, first.outType], ["f32", "f16"]);
  const tuner = await ConvTuner.open(device());
  await tuner.tune([first]);
  assert.type(tuner.choose(first), "string");
  assert.is(tuner.choose({ ...first, outType: "f32" }), undefined);
  dispose();
});

test("a plan of measured variants gives the same numbers", async () => {
  const { forward, dispose } = network();
  const tuner = await ConvTuner.open(device());
  await tuner.tune(convolutionSpecs(device(), forward, INFO));
  const pixels = Float32Array.from({ length: 17 * 12 * 3 }, (_, i) => Math.sin(i));
  const results: Float32Array[] = [];
  for (const choose of [undefined, tuner.choose, () => "direct"]) {
    const plan = await compile(device(), forward, INFO, { choose });
    plan.inputs[0].write(pixels);
    plan.run();
    results.push((await plan.outputs[0].tensor.data()) as Float32Array);
    plan.dispose();
  }
  for (const other of results.slice(1)) assertClose(other, results[0], { atol: 1e-5, rtol: 1e-5 });
  dispose();
});

test("a damaged store, a choice that no longer exists or another adapter's falls back to the kernels' own", async () => {
  const { forward, dispose } = network();
  const specs = convolutionSpecs(device(), forward, INFO);
  const damaged = await ConvTuner.open(device(), memoryStore("{not json"));
  assert.is(damaged.choose(specs[0]), undefined);
  const store = memoryStore();
  await (await ConvTuner.open(device(), store)).tune(specs);
  const kept = store.text ?? "";
  const stale = [
    kept.replaceAll(/"variant":"[^"]+"/g, '"variant":"gone"'),
    kept.replaceAll(/"among":"[^"]+"/g, '"among":"0"'),
    kept.replaceAll(/"variant":"[^"]+"/g, '"variant":7'),
    kept.replace(device().adapter.name, "another adapter"),
    '{"a":null,"b":[1]}',
    "null",
  ];
  for (const text of stale) {
    const tuner = await ConvTuner.open(device(), memoryStore(text));
    assert.is(tuner.choose(specs[0]), undefined, text);
  }
  assert.ok((await ConvTuner.open(device(), memoryStore(kept))).choose(specs[0]));
  dispose();
});

test.run();
