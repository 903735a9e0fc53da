import { type Conv2dSpec, conv2dVariants, type Kernel } from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  compile,
  conv2d,
  conv2dTraits,
  Device,
  nn,
  type Plan,
  relu,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import { RetinaFace, RetinaFaceNetwork } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { halfTest } from "../../support/half.js";
import { Random } from "../../support/random.js";
import { rejectsCode } from "../../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../../support/tiny-detector.js";

const device = useDevice(test);
const info = { shape: [2, 9, 11, 16], dtype: "f32" as const };

/** A device whose driver gets kernels of these names wrong: negative outputs are wrong. */
function brokenDevice(...names: string[]): Promise<Device> {
  return damagedDevice((kernel) => {
    if (!names.some((name) => kernel.name === `conv2d/${name}`)) return kernel.wgsl;
    assert.match(kernel.wgsl, "x * p.slope", "the kernels' text has changed: break it elsewhere");
    return kernel.wgsl.replaceAll("x * p.slope", "x * (p.slope + 1.0)");
  });
}

/** A device whose driver makes what f16 cannot hold the largest number that it can. */
function saturatingDevice(): Promise<Device> {
  const store = /(fn store\(.*, )y: (\w+)\) \{/;
  return damagedDevice(({ wgsl, features }) => {
    if (!features?.includes("shader-f16")) return wgsl;
    assert.match(wgsl, store, "the kernels' text has changed: break it elsewhere");
    return wgsl.replace(store, "$1wide: $2) {\n  let y = clamp(wide, $2(-65504.0), $2(65504.0));");
  });
}

async function damagedDevice(textOf: (kernel: Kernel) => string): Promise<Device> {
  const own = await Device.create();
  const damage = (kernel: Kernel): Kernel => ({ ...kernel, wgsl: textOf(kernel) });
  const { run, prepare } = own;
  own.run = (kernel, bindings) => run.call(own, damage(kernel), bindings);
  own.prepare = (kernel) => prepare.call(own, damage(kernel));
  return own;
}

function layers(init: nn.Init): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(init, 16, 16, { kernelSize: 3, padding: 1, groups: 16 }),
    new nn.ReLU(),
    new nn.Conv2d(init, 16, 24, { kernelSize: 1 }),
    new nn.LeakyReLU(0.1),
    new nn.Conv2d(init, 24, 12, { kernelSize: 3, stride: 2, padding: 1 }),
  );
}

async function outputOf(plan: Plan, values: Float32Array): Promise<Float32Array> {
  plan.inputs[0].write(values);
  plan.run();
  return (await plan.outputs[0].tensor.data()) as Float32Array;
}

/** The network's output on a device, and what was warned of. */
async function compute(on: Device) {
  const network = layers(nn.Init.seeded(on, 3)).eval().requiresGrad(false);
  const warnings: string[] = [];
  const forward = (x: Tensor) => [network.forward(x) as Tensor];
  const plan = await compile(on, forward, [info], { warn: (text) => warnings.push(text) });
  const values = new Random(5).normals(2 * 9 * 11 * 16);
  const output = await outputOf(plan, values);
  plan.dispose();
  network.dispose();
  return { output, warnings };
}

test("a kernel that computes wrong is noticed and replaced, with a warning", async () => {
  const expected = await compute(device());
  assert.equal(expected.warnings, [], "a sound adapter");
  const own = await brokenDevice("depthwise", "subgroup-depthwise", "subgroup-gemm");
  const { output, warnings } = await compute(own);
  assert.is(warnings.length, 1);
  assert.match(warnings[0], "depthwise");
  assertClose(output, expected.output, { atol: 1e-5, rtol: 1e-5 });
  own.destroy();
});

test("a kernel that is right without a residual and wrong with one is noticed", async () => {
  const own = await damagedDevice(({ name, wgsl }) =>
    name === "conv2d/direct"
      ? wgsl
      : wgsl.replace("p.residual_order == 1u", "p.residual_order == 9u"),
  );
  const weight = tensor(own, new Random(6).normals(24 * 24), [24, 24, 1, 1]);
  const values = new Random(7).normals(2 * 9 * 11 * 24);
  const wide = { shape: [2, 9, 11, 24], dtype: "f32" as const };
  const warnings: string[] = [];
  const outputs = async (forward: (x: Tensor) => Tensor) => {
    const warn = (text: string) => warnings.push(text);
    const choose = (spec: Conv2dSpec) =>
      conv2dVariants(spec, conv2dTraits(own)).find((name) => name !== "direct");
    const plan = await compile(own, (x) => [forward(x)], [wide], { warn, choose });
    return outputOf(plan, values);
  };
  const plain = await outputs((x) => conv2d(x, weight, undefined));
  assert.equal(warnings, []);
  const sum = await outputs((x) => relu(add(conv2d(x, weight, undefined), x)));
  assert.is(warnings.length, 1);
  assertClose(
    sum,
    plain.map((v, i) => Math.max(v + values[i], 0)),
    { atol: 1e-5 },
  );
  own.destroy();
});

test("an adapter that gets the general kernel wrong is refused", async () => {
  const own = await brokenDevice("depthwise", "subgroup-depthwise", "subgroup-gemm", "direct");
  await rejectsCode(compute(own), "SELF_TEST", /driver/);
  own.destroy();
});

halfTest(test, "an adapter that hides what f16 cannot hold is refused for f16 alone", async () => {
  const weights = await tinyWeights(device());
  const own = await saturatingDevice();
  for (const precision of ["f16", "f32"] as const) {
    const detector = await RetinaFace.load({ weights, device: own, precision });
    const found = detector.detect(noiseImage(32, 32), LENIENT);
    if (precision === "f16") await rejectsCode(found, "SELF_TEST", /f32/);
    else assert.ok((await found).length > 0);
    detector.dispose();
  }
  own.destroy();
});

test("a detector finds the same faces on an adapter with a broken kernel", async () => {
  const weights = await tinyWeights(device());
  const image = noiseImage(64, 48);
  const sound = await RetinaFace.load({ weights, device: device() });
  const expected = await sound.detect(image, LENIENT);
  sound.dispose();
  const own = await brokenDevice("depthwise", "subgroup-depthwise");
  const detector = await RetinaFace.load({ weights, device: own });
  const { warn } = console;
  const warnings: string[] = [];
  console.warn = (text: string) => warnings.push(text);
  const faces = await detector.detect(image, LENIENT);
  await detector.detect(noiseImage(32, 32), LENIENT);
  console.warn = warn;
  assert.is(warnings.length, 1, "warned of once");
  assert.is(faces.length, expected.length);
  for (const [i, { box, score }] of faces.entries()) {
    assertClose([...box, score], [...expected[i].box, expected[i].score], {
      atol: 1e-3,
      rtol: 1e-3,
    });
  }
  detector.dispose();
  own.destroy();
});

test("it costs little", async () => {
  const own = await Device.create();
  const network = new RetinaFaceNetwork(nn.Init.seeded(own, 1), { backbone: "mobilenet0.25" });
  network.eval().requiresGrad(false);
  const forward = (x: Tensor) => network.heads(x).loc;
  const shape = [1, 64, 64, 3];
  const before = own.memory().dispatches;
  const plan = await compile(own, forward, [{ shape, dtype: "f32" }]);
  const { pipelines, dispatches } = own.memory();
  const again = await compile(own, forward, [{ shape: [1, 96, 64, 3], dtype: "f32" }]);
  console.log(`# ${pipelines} pipelines, ${dispatches - before} dispatches before the first run`);
  assert.is(own.memory().pipelines, pipelines, "kernels are tested once");
  plan.dispose();
  again.dispose();
  network.dispose();
  own.destroy();
});

test.run();
