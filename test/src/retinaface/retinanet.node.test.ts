/** RetinaNet, layer by layer against float64, and on every engine. */
import {
  compile,
  nn,
  type StateDict,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { compileWasm, createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import {
  inferNetwork,
  type NetworkConfig,
  OptionError,
  RetinaFaceNetwork,
  registerRetinaNet,
  retinaNetHeads,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ReferenceWeights } from "../reference/retinaface.js";
import { imagenetInput, ReferenceRetinaNet, resnet18 } from "../reference/retinanet.js";
import * as t from "../reference/tape.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";

registerRetinaNet();

const device = useDevice(test);

const CLASSES = 3;
const ANCHORS = 2;
const SHAPE = [2, 33, 56, 3];
/** Numbers are about 1; GroupNorm divides by the spread of a few. */
const MARGIN = { atol: 2e-4, rtol: 2e-4 };

const V1: NetworkConfig = {
  backbone: "mobilenet0.25",
  width: 0.125,
  channels: 32,
  anchorsPerCell: Array(5).fill(ANCHORS),
  extraLevels: 2,
  heads: retinaNetHeads(CLASSES),
  retinanet: { p6: "P5" },
};
const V2: NetworkConfig = { ...V1, channels: 64, retinanet: { p6: "C5", groupNorm: true } };

function pixels(shape: readonly number[], seed: number): Float32Array {
  const random = new Random(seed);
  const count = shape.reduce((a, b) => a * b);
  return Float32Array.from({ length: count }, () => random.uniform(-110, 130));
}

/** Weights that let nothing vanish, with statistics that are not those of the start. */
async function lively(network: RetinaFaceNetwork): Promise<ReferenceWeights> {
  const random = new Random(5);
  const state: StateDict = new Map();
  for (const [name, { shape, dtype, data }] of await network.stateDict()) {
    if (dtype !== "f32") continue;
    const deviation = 1.4 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1));
    const values = (data as Float32Array).map(() => {
      if (shape.length === 4) return deviation * random.normal();
      return /weight|var/.test(name) ? random.uniform(0.6, 1.4) : random.uniform(-0.2, 0.2);
    });
    state.set(name, { dtype, shape, data: values as Float32Array<ArrayBuffer> });
  }
  network.loadStateDict(new Map([...(await network.stateDict()), ...state]));
  return new Map(
    [...state].map(([name, { shape, data }]) => [
      name,
      { shape, data: Float64Array.from(data as Float32Array) },
    ]),
  );
}

/** A level's logits with the background's 0 before each anchor's. */
function withBackground({ data }: t.Var): Float64Array {
  const rows = data.length / CLASSES;
  return Float64Array.from({ length: rows * (CLASSES + 1) }, (_, i) => {
    const [row, c] = [Math.floor(i / (CLASSES + 1)), i % (CLASSES + 1)];
    return c === 0 ? 0 : data[row * CLASSES + c - 1];
  });
}

async function close(actual: Tensor, expected: ArrayLike<number>, what: string): Promise<void> {
  assertClose((await actual.data()) as Float32Array, expected, { ...MARGIN, what });
  actual.dispose();
}

for (const [version, config] of Object.entries({ v1: V1, v2: V2 })) {
  test(`${version}: every layer says what float64 says`, async () => {
    const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 3), config);
    network.eval();
    const weights = await lively(network);
    const { p6 = "C5", groupNorm } = config.retinanet!;
    const reference = new ReferenceRetinaNet(weights, { p6, ...(groupNorm && { groups: 32 }) });
    const bgr = pixels(SHAPE, 7);
    const maps = reference.backbone(imagenetInput(SHAPE, bgr));
    const pyramid = reference.pyramid(maps);
    const said = pyramid.map((level) => ({
      conf: withBackground(reference.subnet(level, "ClassHead.cls_logits")),
      loc: reference.subnet(level, "BboxHead.bbox_reg").data,
    }));
    const parts = network.parts();
    assert.equal(
      parts.map(({ name }) => name),
      ["stem", "stage1", "stage2", "stage3", "fpn"],
    );
    const found = tidy(() => {
      let now = [tensor(device(), bgr, SHAPE)];
      for (const part of parts.slice(0, -1)) now = part.run(now);
      const levels = parts[4].run(now);
      return { body: now, levels, heads: network.predict(levels) };
    });
    for (const [i, map] of found.body.entries()) await close(map, maps[i].data, `C${i + 3}`);
    for (const [i, map] of found.levels.entries()) await close(map, pyramid[i].data, `P${i + 3}`);
    for (const [i, { conf, loc }] of said.entries()) {
      await close(found.heads.conf[i], conf, `logits of P${i + 3}`);
      await close(found.heads.loc[i], loc, `offsets of P${i + 3}`);
    }
    network.dispose();
  });

  test(`${version}: eager, WebGPU and WebAssembly agree, and its checkpoint tells its shape`, async () => {
    const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 3), config);
    network.eval().requiresGrad(false);
    await lively(network);
    const state = await network.stateDict();
    assert.equal(inferNetwork(state), network.config);
    const shape = [1, ...SHAPE.slice(1)];
    const bgr = pixels(shape, 11);
    const spec = [{ shape, dtype: "f32" as const }];
    const eager = tidy(() => network.forward(tensor(device(), bgr, shape)));
    const plan = await compile(device(), (image) => network.forward(image), spec);
    plan.inputs[0].write(bgr);
    plan.run();
    const host = await createHostDevice();
    const engine = await WasmEngine.create({ threads: 2 });
    const onHost = new RetinaFaceNetwork(nn.Init.empty(host), network.config);
    onHost.loadStateDict(state);
    onHost.eval().requiresGrad(false);
    const wasm = await compileWasm(host, engine, (image) => onHost.forward(image), spec);
    const results = await wasm.run([bgr]);
    for (const name of ["conf", "loc"]) {
      const expected = (await eager[name].data()) as Float32Array;
      const compiled = (await plan.outputs[name].tensor.data()) as Float32Array;
      assertClose(compiled, expected, { ...MARGIN, what: `${name} on WebGPU` });
      const onWasm = results[wasm.outputs[name].result];
      assertClose(onWasm, expected, { ...MARGIN, what: `${name} on WebAssembly` });
      eager[name].dispose();
    }
    for (const one of [plan, wasm, network, onHost, engine]) one.dispose();
    host.destroy();
  });
}

test("gradients gather over the levels that share a subnet", async () => {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 3), V1);
  network.eval();
  const weights = await lively(network);
  const reference = new ReferenceRetinaNet(weights, { p6: "P5" });
  const shape = [1, ...SHAPE.slice(1)];
  const bgr = pixels(shape, 13);
  const levels = reference.pyramid(reference.backbone(imagenetInput(shape, bgr)));
  const outputs = levels.map((level) => reference.subnet(level, "BboxHead.bbox_reg"));
  const flat = t.concat(
    outputs.map((y) => t.reshape(y, [1, y.data.length])),
    1,
  );
  const [ones, same] = [new Float64Array(flat.data.length).fill(1), (v: number) => v];
  t.backward(t.weightedSum(flat, ones, same, () => 1));
  tidy(() => sum(network.forward(tensor(device(), bgr, shape)).loc).backward());
  const parameters = new Map(network.namedParameters());
  for (const name of [
    "BboxHead.conv.0.0.weight",
    "BboxHead.bbox_reg.bias",
    "fpn.extra_blocks.p7.weight",
    "fpn.inner_blocks.2.0.weight",
    "body.stage1.0.0.weight",
  ]) {
    const gradient = (await parameters.get(name)!.grad!.data()) as Float32Array;
    const expected = reference.leaves.get(name)!.grad;
    const most = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    assertClose(gradient, expected, { atol: 1e-4 * most, rtol: 1e-3, what: name });
  }
  network.dispose();
});

test("ResNet-18's layers say what float64 says", async () => {
  const config = { ...V1, backbone: "resnet18", width: undefined } as unknown as NetworkConfig;
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 3), config);
  network.eval().requiresGrad(false);
  const weights = await lively(network);
  const shape = [1, 33, 48, 3];
  const bgr = pixels(shape, 17);
  const expected = resnet18(weights, imagenetInput(shape, bgr)).slice(1);
  const maps = tidy(() => {
    let now = [tensor(device(), bgr, shape)];
    for (const part of network.parts().slice(0, -1)) now = part.run(now);
    return now;
  });
  assert.is(maps.length, 3);
  for (const [i, map] of maps.entries()) {
    const most = expected[i].data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    assertClose((await map.data()) as Float32Array, expected[i].data, { atol: 1e-4 * most });
    map.dispose();
  }
  network.dispose();
});

test("a RetinaNet that cannot be is refused", () => {
  const refused = (change: Partial<NetworkConfig>, message: RegExp) =>
    assert.throws(
      () => new RetinaFaceNetwork(nn.Init.empty(device()), { ...V2, ...change }),
      (error: unknown) => error instanceof OptionError && message.test(error.message),
    );
  refused({ channels: 48 }, /multiple of 32/);
  refused({ anchorsPerCell: [2, 2, 2, 2, 3] }, /share their heads/);
  refused({ extraLevels: 1, backbone: "slim", channels: 30 }, /multiple of 4|multiple of 32/);
});

test.run();
