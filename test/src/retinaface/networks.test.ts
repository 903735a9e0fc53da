import { compile, nn, type StateDict, tensor, tidy } from "@retinaface-webgpu/tensor";
import {
  type HeadSpec,
  inferNetwork,
  matchStateDict,
  type NetworkConfig,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
  readCheckpoint,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { readShared, sharedTest } from "../support/shared.js";

const device = useDevice(test);

type Shapes = Map<string, number[]>;

/** A convolution, and its batch norm named as given, into `shapes`. */
function conv(shapes: Shapes, name: string, weight: number[], norm: string): void {
  shapes.set(`${name}.weight`, weight);
  for (const field of ["weight", "bias", "running_mean", "running_var"]) {
    shapes.set(`${norm}.${field}`, [weight[0]]);
  }
  shapes.set(`${norm}.num_batches_tracked`, []);
}

/**
 * The state dict of torchvision's ResNet-50 as published: stages of 3, 4, 6 and 3 bottlenecks of 64, 128,
 * 256 and 512 planes with expansion 4, a projection in the first of each.
 */
function resnet50Shapes(): Shapes {
  const shapes: Shapes = new Map();
  conv(shapes, "body.conv1", [64, 3, 7, 7], "body.bn1");
  let inChannels = 64;
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const planes = 64 * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const base = `body.layer${stage + 1}.${block}`;
      conv(shapes, `${base}.conv1`, [planes, inChannels, 1, 1], `${base}.bn1`);
      conv(shapes, `${base}.conv2`, [planes, planes, 3, 3], `${base}.bn2`);
      conv(shapes, `${base}.conv3`, [planes * 4, planes, 1, 1], `${base}.bn3`);
      if (block === 0) {
        const projection = [planes * 4, inChannels, 1, 1];
        conv(shapes, `${base}.downsample.0`, projection, `${base}.downsample.1`);
      }
      inChannels = planes * 4;
    }
  }
  return shapes;
}

/** RetinaFace's pyramid, context modules and heads over feature maps of the given channels. */
function detectorShapes(features: number[], channels: number): Shapes {
  const shapes: Shapes = new Map();
  for (const [i, n] of features.entries()) {
    conv(shapes, `fpn.output${i + 1}.0`, [channels, n, 1, 1], `fpn.output${i + 1}.1`);
  }
  for (const merge of ["fpn.merge1", "fpn.merge2"]) {
    conv(shapes, `${merge}.0`, [channels, channels, 3, 3], `${merge}.1`);
  }
  const quarter = channels / 4;
  for (const level of [1, 2, 3]) {
    for (const [name, outputs, inputs] of [
      ["conv3X3", channels / 2, channels],
      ["conv5X5_1", quarter, channels],
      ["conv5X5_2", quarter, quarter],
      ["conv7X7_2", quarter, quarter],
      ["conv7x7_3", quarter, quarter],
    ] as const) {
      conv(shapes, `ssh${level}.${name}.0`, [outputs, inputs, 3, 3], `ssh${level}.${name}.1`);
    }
    for (const [head, width] of [
      ["ClassHead", 2],
      ["BboxHead", 4],
      ["LandmarkHead", 10],
    ] as const) {
      shapes.set(`${head}.${level - 1}.conv1x1.weight`, [2 * width, channels, 1, 1]);
      shapes.set(`${head}.${level - 1}.conv1x1.bias`, [2 * width]);
    }
  }
  return shapes;
}

function zeroState(shapes: Shapes): StateDict {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      return [name, { dtype: "f32", shape, data }];
    }),
  );
}

const sorted = (shapes: Shapes) => [...shapes].sort(([a], [b]) => (a < b ? -1 : 1));

test("RetinaFace on ResNet-50 has the published names and shapes", () => {
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), { backbone: "resnet50" });
  const published = new Map([...resnet50Shapes(), ...detectorShapes([512, 1024, 2048], 256)]);
  assert.equal(sorted(network.stateShapes()), sorted(published));
  const classifier = new Map([...published, ["fc.weight", [1000, 2048]], ["fc.bias", [1000]]]);
  const matched = matchStateDict(network.stateShapes(), zeroState(classifier));
  network.loadStateDict(matched);
  assert.equal(inferNetwork(zeroState(published)), {
    backbone: "resnet50",
    channels: 256,
    anchorsPerCell: [2, 2, 2],
  });
  network.dispose();
});

test("RetinaFace on ResNet-50 runs: plan and eager pass agree", async () => {
  const init = nn.Init.seeded(device(), 3);
  const network = new RetinaFaceNetwork(init, { backbone: "resnet50" });
  network.eval().requiresGrad(false);
  const shape = [1, 33, 47, 3];
  const pixels = Float32Array.from({ length: 33 * 47 * 3 }, (_, i) => ((i * 37) % 255) - 117);
  const eager = tidy(() => network.forward(tensor(device(), pixels, shape)));
  const priors = [8, 16, 32].reduce((n, s) => n + 2 * Math.ceil(33 / s) * Math.ceil(47 / s), 0);
  assert.equal(eager.landms.shape, [1, priors, 10]);
  const plan = await compile(
    device(),
    (x) => {
      const { loc, conf, landms } = network.forward(x);
      return [loc, conf, landms];
    },
    [{ shape, dtype: "f32" }],
  );
  plan.inputs[0].write(pixels);
  plan.run();
  for (const [i, expected] of [eager.loc, eager.conf, eager.landms].entries()) {
    const actual = (await plan.outputs[i].tensor.data()) as Float32Array;
    assertClose(actual, (await expected.data()) as Float32Array, { atol: 1e-4, rtol: 1e-4 });
    expected.dispose();
  }
  plan.dispose();
  network.dispose();
});

test("MobileNet's width follows from the checkpoint", () => {
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), {
    backbone: "mobilenet0.25",
    width: 0.125,
    channels: 32,
    anchorsPerCell: [3, 2, 2],
  });
  assert.equal(inferNetwork(zeroState(network.stateShapes())), {
    backbone: "mobilenet0.25",
    width: 0.125,
    channels: 32,
    anchorsPerCell: [3, 2, 2],
  });
  network.dispose();
});

/** Names and shapes of a small network, as a checkpoint. */
function smallState(config: Omit<NetworkConfig, "backbone">): StateDict {
  const shape = { backbone: "mobilenet0.25", width: 1 / 16, channels: 8, ...config } as const;
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), shape);
  const state = zeroState(network.stateShapes());
  network.dispose();
  return state;
}

const small = { backbone: "mobilenet0.25", width: 1 / 16, channels: 8 };

test("levels, anchors and heads of a checkpoint follow from all its names", () => {
  const cases: Omit<NetworkConfig, "backbone">[] = [
    { anchorsPerCell: [3, 2, 2, 3] },
    { anchorsPerCell: [1] },
    { anchorsPerCell: [3, 3, 3, 3, 3], extraLevels: 1 },
    { anchorsPerCell: [1, 2, 3, 4, 5, 6], extraLevels: 2 },
    { anchorsPerCell: [2, 2, 2], heads: RETINAFACE_HEADS.slice(0, 2) },
    { anchorsPerCell: [2, 2, 2], separable: true },
    { anchorsPerCell: [2, 2, 2], separable: true, context: false },
    {
      anchorsPerCell: [2, 2, 2],
      heads: RETINAFACE_HEADS.map((h) => (h.meaning === "class" ? { ...h, width: 3 } : h)),
    },
  ];
  for (const config of cases) {
    assert.equal(inferNetwork(smallState(config)), { ...small, ...config });
  }
  const mask = { name: "mask", module: "MaskHead", width: 7, meaning: "values", loss: "mask" };
  const heads = [...RETINAFACE_HEADS, mask as HeadSpec];
  const state = smallState({ heads });
  assert.equal(inferNetwork(state, heads), { ...small, anchorsPerCell: [2, 2, 2], heads });
  const six = { ...small, anchorsPerCell: [2, 2, 2, 2, 2, 2], extraLevels: 3 };
  const network = new RetinaFaceNetwork(nn.Init.empty(device()), six);
  assert.equal(
    network.levels.map(({ stride }) => stride),
    [8, 16, 32, 64, 128, 256],
  );
  network.dispose();
});

test("light has separable convolutions behind its backbone unless something else is asked for", () => {
  const cases: Omit<NetworkConfig, "backbone">[] = [
    { channels: 32 },
    { channels: 16, separable: false },
    { channels: 16, deformable: true },
    { channels: 256 },
  ];
  for (const config of cases) {
    const shape = { backbone: "light", ...config };
    const network = new RetinaFaceNetwork(nn.Init.empty(device()), shape);
    const shapes = network.stateShapes();
    const separable = config.separable !== false && !config.deformable;
    assert.is(shapes.has("fpn.merge1.0.depthwise.weight"), separable);
    assert.is(shapes.has("ssh3.conv7x7_3.0.pointwise.weight"), separable);
    assert.equal(inferNetwork(zeroState(shapes)), { ...shape, anchorsPerCell: [2, 2, 2] });
    network.dispose();
  }
});

function refusal(state: StateDict): string {
  try {
    inferNetwork(state);
  } catch (error) {
    assert.is((error as { code?: string }).code, "CHECKPOINT_UNKNOWN");
    return (error as Error).message;
  }
  throw new Error("the checkpoint was taken");
}

test("a checkpoint that fits no network is refused with what was found and what was expected", () => {
  const without = (pattern: RegExp) =>
    new Map([...smallState({})].filter(([name]) => !pattern.test(name)));
  const tensor = (...shape: number[]) => zeroState(new Map([["x", shape]])).get("x")!;
  const withTensor = (name: string, ...shape: number[]) =>
    new Map([...smallState({}), [name, tensor(...shape)]]);
  assert.match(refusal(new Map()), /no backbone/);
  assert.match(refusal(without(/^BboxHead/)), /0 levels.*not found: "BboxHead.0".*not expected/);
  assert.match(refusal(without(/^ClassHead\.1/)), /3 levels.*not found: "ClassHead.1"/);
  assert.match(refusal(without(/^LandmarkHead\.2/)), /not found: "LandmarkHead.2"/);
  assert.match(refusal(without(/^ssh3/)), /not found: "ssh3"/);
  assert.match(refusal(without(/^fpn\.merge1/)), /not found: "fpn.merge1"/);
  assert.match(refusal(withTensor("ssh4.x.weight", 1)), /not expected: "ssh4"/);
  const four = withTensor("LandmarkHead.3.conv1x1.weight", 20, 8, 1, 1);
  assert.match(refusal(four), /by its BboxHead it has 3 levels. Found and not expected/);
  assert.match(refusal(withTensor("MeshHead.0.conv1x1.weight", 936, 8, 1, 1)), /"MeshHead.0"/);
  const odd = withTensor("BboxHead.1.conv1x1.weight", 6, 8, 1, 1);
  assert.match(refusal(odd), /BboxHead has 8, 6, 8 numbers a cell/);
  const fewer = withTensor("ClassHead.2.conv1x1.weight", 2, 8, 1, 1);
  assert.match(refusal(fewer), /ClassHead has 2, 2, 1 numbers an anchor.*two or more/);
  const points = withTensor("LandmarkHead.0.conv1x1.weight", 28, 8, 1, 1);
  assert.match(refusal(points), /LandmarkHead has 14, 10, 10 numbers an anchor.*expected 10/);
});

test("shapes that no network has are refused", () => {
  const make = (config: Omit<NetworkConfig, "backbone">, backbone = "mobilenet0.25") =>
    assert.throws(
      () => new RetinaFaceNetwork(nn.Init.empty(device()), { backbone, ...config }),
      (e: { code?: string; message: string }) => e.code === "OPTION_INVALID" && /:/.test(e.message),
    );
  make({}, "vgg16");
  make({ anchorsPerCell: [] });
  make({ anchorsPerCell: Array(7).fill(1), extraLevels: 3 });
  make({ anchorsPerCell: [2, 0, 2] });
  make({ anchorsPerCell: [1, 1, 1, 1, 1, 1] });
  make({ anchorsPerCell: [1, 1], extraLevels: 2 });
  make({ channels: 6 });
  make({ channels: 64 }, "slim");
  make({ separable: true }, "slim");
  make({ separable: true, deformable: true });
  make({ extraLevels: 1 }, "rfb");
  make({ heads: RETINAFACE_HEADS.slice(1) });
  make({ heads: [...RETINAFACE_HEADS, RETINAFACE_HEADS[2]] });
});

for (const [file, what] of [
  ["mobilenetV1X0.25_pretrain.tar", /MobileNet's backbone alone/],
] as const) {
  sharedTest(test, `${file} is refused by what it is`, [`weights/${file}`], async () => {
    assert.match(refusal(readCheckpoint(await readShared(`weights/${file}`))), what);
  });
}

test.run();
