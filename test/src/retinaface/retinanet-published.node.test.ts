/** RetinaNet as torchvision publishes it: names, shapes, anchors, post-processing; and the detector of objects. */
import { nn, type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import {
  CONFIG_KEY,
  Detector,
  findObjects,
  houseNames,
  inferNetwork,
  isRetinaNet,
  type NetworkConfig,
  priorBoxes,
  RETINANET_CONFIG,
  RetinaFaceNetwork,
  registerRetinaNet,
  retinaNetConfig,
  retinaNetHeads,
  toTorchvision,
  weightsOf,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { torchvisionAnchors, torchvisionObjects } from "../reference/objects.js";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { noiseImage } from "../support/tiny-detector.js";

registerRetinaNet();

type Shapes = Map<string, number[]>;

const NORM = ["weight", "bias", "running_mean", "running_var"];

/** torchvision's ResNet-50 behind `backbone.body.`: its norms may be frozen ones, which count no batches. */
function bodyShapes(shapes: Shapes): void {
  const add = (name: string, weight: number[], norm: string) => {
    shapes.set(`backbone.body.${name}.weight`, weight);
    for (const part of NORM) shapes.set(`backbone.body.${norm}.${part}`, [weight[0]]);
  };
  add("conv1", [64, 3, 7, 7], "bn1");
  let from = 64;
  for (const [layer, blocks] of [3, 4, 6, 3].entries()) {
    const planes = 64 << layer;
    for (let block = 0; block < blocks; block++) {
      const at = `layer${layer + 1}.${block}`;
      add(`${at}.conv1`, [planes, from, 1, 1], `${at}.bn1`);
      add(`${at}.conv2`, [planes, planes, 3, 3], `${at}.bn2`);
      add(`${at}.conv3`, [4 * planes, planes, 1, 1], `${at}.bn3`);
      if (block === 0) add(`${at}.downsample.0`, [4 * planes, from, 1, 1], `${at}.downsample.1`);
      from = 4 * planes;
    }
  }
}

type Version = "old" | "v1" | "v2";

/**
 * What torchvision's `retinanet_resnet50_fpn` holds for 91 classes, before its 0.14 (`old`) and since, and its `_v2`
 * (vision/torchvision/models/detection/retinanet.py, ops/feature_pyramid_network.py, ops/misc.py).
 */
function publishedShapes(version: Version): Shapes {
  const shapes: Shapes = new Map();
  const add = (name: string, weight: number[], bias = true) => {
    shapes.set(`${name}.weight`, weight);
    if (bias) shapes.set(`${name}.bias`, [weight[0]]);
  };
  bodyShapes(shapes);
  const block = version === "old" ? "" : ".0";
  for (const [i, channels] of [512, 1024, 2048].entries()) {
    add(`backbone.fpn.inner_blocks.${i}${block}`, [256, channels, 1, 1]);
    add(`backbone.fpn.layer_blocks.${i}${block}`, [256, 256, 3, 3]);
  }
  add("backbone.fpn.extra_blocks.p6", [256, version === "v2" ? 2048 : 256, 3, 3]);
  add("backbone.fpn.extra_blocks.p7", [256, 256, 3, 3]);
  for (const head of ["classification_head", "regression_head"]) {
    for (let n = 0; n < 4; n++) {
      const at = `head.${head}.conv.${version === "old" ? 2 * n : n}`;
      add(version === "old" ? at : `${at}.0`, [256, 256, 3, 3], version !== "v2");
      if (version === "v2") {
        shapes.set(`${at}.1.weight`, [256]);
        shapes.set(`${at}.1.bias`, [256]);
      }
    }
  }
  add("head.classification_head.cls_logits", [9 * 91, 256, 3, 3]);
  add("head.regression_head.bbox_reg", [9 * 4, 256, 3, 3]);
  return shapes;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Every tensor starts with a number of its own; only the pyramid's hold all that their shapes say. */
function stateOf(shapes: Shapes): StateDict {
  const numbered = [...shapes].map(([name, shape], i) => {
    const data = new Float32Array(name.includes("layer_blocks") ? product(shape) : 1);
    data[0] = i + 1;
    return [name, { dtype: "f32" as const, shape, data }] as const;
  });
  return new Map(numbered);
}

/** A file that says nothing of anchors, as PyTorch's do not. */
const NO_CONFIG = writeSafetensors(new Map());

/** What a network here holds, but for counters of batches. */
async function shapesOf(config: NetworkConfig): Promise<Shapes> {
  const host = await createHostDevice();
  const network = new RetinaFaceNetwork(nn.Init.empty(host), config);
  const shapes = [...network.stateShapes()].filter(([name]) => !name.endsWith("_tracked"));
  network.dispose();
  host.destroy();
  return new Map(shapes);
}

const sorted = (names: Iterable<string>) => [...names].sort();

for (const version of ["old", "v1", "v2"] as const) {
  test(`torchvision's names and shapes, ${version}: each tensor to its place, and back`, async () => {
    const published = stateOf(publishedShapes(version));
    const { state, config } = weightsOf(published, NO_CONFIG);
    assert.ok(isRetinaNet(state));
    const network = inferNetwork(state, config.heads);
    const retinanet = version === "v2" ? { p6: "C5", groupNorm: true } : { p6: "P5" };
    assert.equal(network.retinanet, retinanet);
    assert.equal(network.anchorsPerCell, [9, 9, 9, 9, 9]);
    assert.is(config.classes?.length, 91);
    assert.equal([config.classes?.[1], config.classes?.[90]], ["person", "toothbrush"]);
    const own = await shapesOf(network);
    assert.equal(sorted(own.keys()), sorted(state.keys()));
    for (const [name, shape] of own) assert.equal([...state.get(name)!.shape], shape, name);
    const written = toTorchvision(state);
    const current = publishedShapes(version === "old" ? "v1" : version);
    assert.equal(sorted(written.keys()), sorted(current.keys()));
    const firsts = [...current.keys()].map((name) => written.get(name)!.data[0]);
    assert.equal(
      firsts,
      firsts.map((_, i) => i + 1),
    );
  });
}

test("a RetinaNet's checkpoint with something missing, or besides, is refused", () => {
  const shapes = publishedShapes("v1");
  const refused = (change: (shapes: Shapes) => void, message: RegExp) => {
    const changed = new Map(shapes);
    change(changed);
    assert.throws(() => inferNetwork(houseNames(stateOf(changed))), message);
  };
  refused((s) => s.delete("head.regression_head.bbox_reg.weight"), /no "BboxHead.bbox_reg.weight"/);
  refused(
    (s) => s.set("head.regression_head.bbox_ctrness.weight", [9, 256, 3, 3]),
    /not expected: "BboxHead.bbox_ctrness/,
  );
  refused((s) => s.set("roi_heads.box_head.fc6.weight", [4, 4]), /not expected: "roi_heads/);
  refused(
    (s) => s.set("backbone.fpn.layer_blocks.0.0.weight", [1, 256, 1, 1]),
    /weights for fewer/,
  );
  refused((s) => s.set("head.regression_head.bbox_reg.weight", [37, 256, 3, 3]), /anchors a cell/);
});

test("anchors of torchvision's form, corner by corner", () => {
  const { anchors } = weightsOf(stateOf(publishedShapes("v1")), NO_CONFIG).config;
  const [height, width] = [136, 250];
  const expected = anchors.steps.flatMap((step, level) => {
    const cells = [Math.ceil(height / step), Math.ceil(width / step)] as const;
    const x = 32 * 2 ** level;
    const sizes = [x, Math.trunc(x * 2 ** (1 / 3)), Math.trunc(x * 2 ** (2 / 3))];
    return torchvisionAnchors(cells, step, sizes);
  });
  const priors = priorBoxes(height, width, anchors);
  const corners = expected.map((_, i) => {
    const [cx, cy, w, h] = priors.subarray(4 * i, 4 * i + 4);
    const [x, y] = [cx * width, cy * height];
    return [x - (w * width) / 2, y - (h * height) / 2, x + (w * width) / 2, y + (h * height) / 2];
  });
  assertClose(corners.flat(), expected.flat(), { atol: 1e-3 });
});

test("RetinaNet's own anchors: nine a cell on P3 to P7", () => {
  const { anchors } = RETINANET_CONFIG;
  const priors = priorBoxes(256, 256, anchors);
  assert.is(priors.length / 4, 9 * (32 ** 2 + 16 ** 2 + 8 ** 2 + 4 ** 2 + 2 ** 2));
  const first = [...priors.subarray(0, 4)].map((v) => v * 256);
  assertClose(first, [4, 4, 32 * Math.SQRT2, 32 / Math.SQRT2], { atol: 1e-4 });
  const last = [...priors.subarray(-4)].map((v) => v * 256);
  const side = 512 * 2 ** (2 / 3);
  assertClose(last, [192, 192, side / Math.SQRT2, side * Math.SQRT2], { rtol: 1e-5 });
});

test("objects are found as torchvision finds them, class by class", () => {
  const random = new Random(3);
  const [height, width, classes] = [64, 96, 3];
  const anchors = {
    ...RETINANET_CONFIG.anchors,
    minSizes: [
      [24, 30],
      [48, 60],
    ],
    steps: [16, 32],
    form: "torchvision" as const,
  };
  const perCell = 6;
  const levels = anchors.steps.map((step, level) => {
    const cells = [height / step, width / step] as const;
    const boxes = torchvisionAnchors(cells, step, anchors.minSizes[level]);
    const logits = boxes.map(() =>
      Array.from({ length: classes }, () => 2.5 * random.normal() - 2),
    );
    const deltas = boxes.map(() => Array.from({ length: 4 }, () => 0.4 * random.normal()));
    deltas[3][2] = 9;
    logits[3][1] = 4;
    return { cells, anchors: boxes, logits, deltas };
  });
  const settings = { score: 0.05, perLevel: 60, nms: 0.5, most: 40 };
  const expected = torchvisionObjects(levels, [height, width], settings);
  assert.is(expected.length, 40);
  const values = (rows: number[][], cells: readonly number[], wide: number) => ({
    values: Float32Array.from(rows.flat()),
    offset: 0,
    stride: perCell * wide,
    shape: [1, ...cells, perCell * wide],
  });
  const found = findObjects(
    levels.map(({ cells, logits, deltas }) => ({
      conf: values(
        logits.map((row) => [0, ...row]),
        cells,
        classes + 1,
      ),
      loc: values(deltas, cells, 4),
    })),
    {
      heads: retinaNetHeads(classes),
      priors: priorBoxes(height, width, anchors),
      variances: [1, 1],
    },
    { width, height, scaleX: 1, scaleY: 1 },
    { confidenceThreshold: 0.05, topK: 60, nmsThreshold: 0.5, keepTopK: 40, visThreshold: 0 },
  );
  assert.equal(
    found.map(({ label }) => label),
    expected.map(({ label }) => label),
  );
  assertClose(
    found.map(({ score }) => score),
    expected.map(({ score }) => score),
    { atol: 1e-6 },
  );
  assertClose(
    found.flatMap(({ box }) => box),
    expected.flatMap(({ box }) => box),
    { atol: 1e-3 },
  );
});

/** A small network with random weights, as a checkpoint that names its classes. */
async function checkpoint(): Promise<Uint8Array> {
  const host = await createHostDevice();
  const config = retinaNetConfig(["circle", "square"]);
  const network = new RetinaFaceNetwork(nn.Init.seeded(host, 9), {
    backbone: "mobilenet0.25",
    width: 0.125,
    channels: 32,
    heads: config.heads!,
    retinanet: {},
  });
  const state = await network.stateDict();
  const random = new Random(1);
  for (const [name, { data }] of state) {
    if (!name.startsWith("ClassHead") && !name.startsWith("BboxHead")) continue;
    for (const i of data.keys()) (data as Float32Array)[i] = 0.08 * random.normal();
  }
  network.dispose();
  host.destroy();
  return writeSafetensors(state, { [CONFIG_KEY]: JSON.stringify(config) });
}

test("the detector names what it finds, the same on WebGPU and WebAssembly", async () => {
  const weights = await checkpoint();
  const image = noiseImage(80, 56);
  const options = { confidenceThreshold: 0, visThreshold: 0 };
  const results = [];
  for (const backend of ["webgpu", "wasm"] as const) {
    const detector = await Detector.load({ weights, backend });
    assert.is(detector.backend, backend);
    assert.is(detector.thresholds.nmsThreshold, 0.5);
    results.push((await detector.detectBatch([image, image], options))[1]);
    detector.dispose();
  }
  const [gpu, wasm] = results;
  assert.ok(gpu.length > 30);
  assert.equal([...new Set(gpu.map((one) => one.class))].sort(), ["circle", "square"]);
  for (const { label, class: name, box } of gpu) {
    assert.is(name, ["circle", "square"][label - 1]);
    assert.ok(box[0] >= 0 && box[1] >= 0 && box[2] <= 80 && box[3] <= 56);
  }
  assertClose(
    wasm.map(({ score }) => score),
    gpu.map(({ score }) => score),
    { atol: 1e-4 },
  );
});

test.run();
