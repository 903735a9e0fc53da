/** The paper's form of the network, each of its parts a switch: the same eager, as a plan and on the engine for processors. */
import {
  compile,
  contiguous,
  Device,
  nn,
  type Tensor,
  tensor,
  tidy,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmOutput,
} from "@retinaface-webgpu/tensor/wasm";
import {
  anchorCount,
  CODECS,
  CONFIG_KEY,
  checkAnchorsFit,
  inferNetwork,
  type NetworkConfig,
  paperNetwork,
  priorBoxes,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceNetwork,
  relativeToAnchors,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";
import { LENIENT, noiseImage } from "../support/tiny-detector.js";

let engine: WasmEngine;
let host: Device;
let gpu: Device;

test.before(async () => {
  engine = await WasmEngine.create({ threads: 2 });
  host = await createHostDevice();
  gpu = await Device.create();
});

test.after(() => {
  engine.dispose();
  host.destroy();
  gpu.destroy();
});

const TINY = { width: 0.125, channels: 16 } as const;

/** A network in inference mode whose deformable convolutions do move their taps. */
function make(device: Device, config: NetworkConfig): RetinaFaceNetwork {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, 7), config).eval();
  const random = new Random(8);
  for (const [name, parameter] of network.namedParameters()) {
    if (!name.includes("conv_offset")) continue;
    parameter.write(Float32Array.from({ length: parameter.size }, () => random.uniform(-0.3, 0.3)));
  }
  return network;
}

test("the paper's anchors are 102,300 at 640×640, and the levels of both backbones have their strides", () => {
  const { network, config } = paperNetwork("mobilenet0.25", TINY);
  assert.is(anchorCount(640, 640, config.anchors), 102300);
  assert.is(priorBoxes(64, 32, config.anchors).length / 4, (128 + 32 + 8 + 2 + 1) * 3);
  assertClose(config.anchors.minSizes.flat().slice(-3), [256, 322.54, 406.37], { atol: 0.01 });
  for (const config of [network, { ...network, backbone: "resnet50", width: 1 }]) {
    const made = new RetinaFaceNetwork(nn.Init.empty(host), config);
    checkAnchorsFit(made.levels, paperNetwork("resnet50").config.anchors);
    made.dispose();
  }
});

const FORMS: readonly Partial<NetworkConfig>[] = [
  {},
  { context: false, cascade: false, extraLevels: 0, anchorsPerCell: [2, 1, 2] },
];

for (const others of FORMS) {
  const shown = JSON.stringify(others);
  test(`the paper's network with ${shown}: eager, plans on both engines, and from its checkpoint`, async () => {
    const config = paperNetwork("mobilenet0.25", { ...TINY, ...others }).network;
    const network = make(gpu, config);
    const random = new Random(2);
    const shape = [1, 40, 24, 3];
    const values = random.normals(40 * 24 * 3, 0, 40);
    const eager = tidy(() => Object.entries(network.heads(tensor(gpu, values, shape))));
    const info = { shape, dtype: "f32" as const };
    const heads = (net: RetinaFaceNetwork) => (image: Tensor) =>
      Object.values(net.heads(image)).flat();
    const plan = await compile(gpu, heads(network), [info]);
    plan.inputs[0].write(values);
    plan.run();
    const onHost = make(host, config);
    const wasm = await compileWasm(host, engine, heads(onHost), [info]);
    const results = await wasm.run([values]);
    assert.equal(
      eager.map(([name]) => name),
      ["conf", "loc", "landms"],
    );
    for (const [i, tensor] of eager.flatMap(([, levels]) => levels).entries()) {
      const expected = await tensor.data();
      const close = { atol: 2e-4, rtol: 2e-4, what: `output ${i}` };
      assert.ok(expected.some((v) => Math.abs(v) > 1e-3));
      assertClose(await contiguous(plan.outputs[i]).data(), expected, close);
      assertClose(outputValues(wasm.outputs[i] as WasmOutput, results), expected, close);
    }
    const state = await network.stateDict();
    assert.equal(inferNetwork(state), network.config);
    assert.equal(
      [...state.keys()].some((name) => name.endsWith("conv_offset.bias")),
      !!config.deformable,
    );
    plan.dispose();
    wasm.dispose();
    network.dispose();
    onHost.dispose();
  });
}

test("both stages as one are what decoding the first's boxes, and the second from these, gives", async () => {
  const random = new Random(3);
  const count = 6;
  const variances = [0.1, 0.2] as const;
  const priors = Float32Array.from({ length: count * 4 }, () => random.uniform(0.2, 0.6));
  const [first, second] = [0, 1].map(() => random.normals(count * 4));
  const points = random.normals(count * 10);
  const [, box, landmarks] = RETINAFACE_HEADS;
  const [joined, moved] = tidy(() => {
    const cells = [1, 3, 1, 8];
    const said = tensor(gpu, first, cells);
    return [
      relativeToAnchors(box, said, tensor(gpu, second, cells)),
      relativeToAnchors(landmarks, said, tensor(gpu, points, [1, 3, 1, 20])),
    ];
  });
  const corners = CODECS.box.decode(first, priors, variances, 4);
  const between = Float64Array.from(corners, (_, i) => {
    const at = i - (i % 4);
    const axis = i % 2;
    const [low, high] = [corners[at + axis], corners[at + axis + 2]];
    return i % 4 < 2 ? (low + high) / 2 : high - low;
  });
  const close = { atol: 1e-6, rtol: 1e-5 };
  for (const [head, said, wanted] of [
    [box, joined, second],
    [landmarks, moved, points],
  ] as const) {
    const { decode } = CODECS[head.meaning];
    const expected = decode(wanted, Float32Array.from(between), variances, head.width);
    assertClose(decode(await said.data(), priors, variances, head.width), expected, close);
  }
});

test("a detector loads the paper's network from a checkpoint, and finds the same on both engines", async () => {
  const { network, config } = paperNetwork("mobilenet0.25", TINY);
  const made = make(gpu, network);
  const weights = writeSafetensors(await made.stateDict(), {
    [CONFIG_KEY]: JSON.stringify(config),
  });
  made.dispose();
  const image = noiseImage(64, 48);
  const [a, b] = await Promise.all(
    (["webgpu", "wasm"] as const).map(async (backend) => {
      const detector = await RetinaFace.load({ weights, backend, ...LENIENT });
      assert.is(detector.network.cascade, true);
      const faces = await detector.detect(image);
      detector.dispose();
      return faces;
    }),
  );
  assert.is(a.length, LENIENT.keepTopK);
  assertClose(
    b.flatMap(({ box, score }) => [...box, score]),
    a.flatMap(({ box, score }) => [...box, score]),
    { atol: 0.01, rtol: 1e-3 },
  );
});

test("a cascade over another scale of sizes, or over maps without a pyramid, is an error", async () => {
  const { network, config } = paperNetwork("mobilenet0.25", { ...TINY, deformable: false });
  const made = new RetinaFaceNetwork(nn.Init.seeded(host, 1), network);
  const other = { ...config, variances: [0.1, 0.3] };
  const weights = writeSafetensors(await made.stateDict(), { [CONFIG_KEY]: JSON.stringify(other) });
  await RetinaFace.load({ weights, backend: "wasm" }).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /variances \[centre, 0.2\], not \[0.1, 0.3\]/),
  );
  throwsCode(
    () => new RetinaFaceNetwork(nn.Init.empty(host), { backbone: "slim", cascade: true }),
    "OPTION_INVALID",
    /without a pyramid/,
  );
});

test.run();
