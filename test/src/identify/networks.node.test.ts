/** Embedding networks against double precision, on both engines, with the names of published checkpoints. */

import {
  buildNetwork,
  EMBEDDER_KEY,
  Embedder,
  type EmbedderConfig,
  embedderConfig,
  fingerprintOf,
  readEmbedder,
  startOf,
  startOfEmbedder,
  toSquare,
  writeEmbedder,
  writePixels,
} from "@retinaface-webgpu/identify";
import { Device, nn, type StateDict, writePth, writeSafetensors } from "@retinaface-webgpu/tensor";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { MobileNetV1, type RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { beginWith } from "../../../packages/identify/dist/networks/start.js";
import type { NdArray } from "../reference/array.js";
import { conv2d } from "../reference/convolution.js";
import { iResNet, mobileFaceNet, mobileNet, unitRows } from "../reference/embedding.js";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { rejectsCode, throwsCode } from "../support/throws.js";

const cases: Record<string, EmbedderConfig> = {
  mobilefacenet: embedderConfig({ size: 32, width: 1 / 16, dimension: 6 }),
  "mobilefacenet, upper half": embedderConfig({
    size: 48,
    width: 1 / 16,
    dimension: 5,
    lower: 0.3,
  }),
  mobilenet: embedderConfig({ architecture: "mobilenet", size: 32, width: 1 / 16, dimension: 6 }),
  resnet18: embedderConfig({ architecture: "resnet18", size: 32, width: 1 / 16, dimension: 6 }),
};

const references = { mobilefacenet: mobileFaceNet, mobilenet: mobileNet, resnet18: iResNet };

/** Weights and statistics of all kinds. */
async function randomState(config: EmbedderConfig, seed: number): Promise<StateDict> {
  const device = await createHostDevice();
  const network = buildNetwork(nn.Init.seeded(device, seed), config);
  const state = await network.stateDict();
  const random = new Random(seed);
  for (const [name, { dtype, data }] of state) {
    if (dtype !== "f32") continue;
    const isVariance = name.endsWith("running_var");
    const isScale = data.every((value) => value === 1);
    for (const i of data.keys()) {
      if (isVariance || isScale) data[i] = random.uniform(0.5, 1.5);
      else if (name.endsWith("running_mean") || name.endsWith("bias"))
        data[i] = random.normal(0, 0.2);
    }
  }
  device.destroy();
  return state;
}

function randomImages(count: number, size: number, seed: number): RawImage[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => ({
    data: Uint8ClampedArray.from({ length: size * size * 4 }, () => random.integer(0, 255)),
    width: size,
    height: size,
  }));
}

function asArray(images: readonly RawImage[]): NdArray {
  const { width: size } = images[0];
  const data = images.flatMap((image) =>
    Array.from({ length: size * size * 3 }, (_, i) => {
      const value = image.data[Math.floor(i / 3) * 4 + (i % 3)];
      return (value - 127.5) / 127.5;
    }),
  );
  return { shape: [images.length, size, size, 3], data: Float64Array.from(data) };
}

for (const [name, config] of Object.entries(cases)) {
  test(`${name}: both engines give what double precision gives`, async () => {
    const state = await randomState(config, 4);
    const images = randomImages(2, config.size, 7);
    const reference = references[config.architecture as keyof typeof references];
    const { data: expected } = unitRows(reference(state, asArray(images), config.lower));
    for (const backend of ["wasm", "webgpu"] as const) {
      const embedder = await Embedder.load(writeEmbedder({ config, state }), { backend });
      try {
        assert.is(embedder.backend, backend);
        const vectors = await embedder.embed(images);
        assertClose(vectors, expected, { atol: 2e-5, what: backend });
      } finally {
        embedder.dispose();
      }
    }
  });
}

test("a network begins with a detector's MobileNet: its first convolution answers as the detector's, but for what a norm takes off", async () => {
  const width = 1 / 16;
  const device = await createHostDevice();
  const detector = new MobileNetV1(nn.Init.seeded(device, 8), width);
  const weights = await detector.stateDict();
  const named = new Map([...weights].map(([name, tensor]) => [`body.${name}`, tensor]));
  const { state: start } = startOf(
    named.set("fpn.output1.0.weight", weights.get("stage2.0.3.weight")!),
  );
  assert.ok([...start.keys()].every((name) => /^stage[12]\./.test(name)));
  const other = start.get("stage2.5.3.weight")!;
  assert.equal(other, weights.get("stage2.5.3.weight"), "but for the first it is as it was");

  const [image] = randomImages(1, 8, 2);
  const numbers = new Float32Array(8 * 8 * 3);
  writePixels(image, numbers);
  const mean = [104, 117, 123];
  const bytes = Float32Array.from({ length: numbers.length }, (_, i) => {
    const c = i % 3;
    return image.data[Math.floor(i / 3) * 4 + 2 - c] - mean[c];
  });
  const first = (state: StateDict, pixels: Float32Array) => {
    const { shape, data } = state.get("stage1.0.0.weight")!;
    const weight = { shape, data: Float64Array.from(data as Float32Array) };
    const x = { shape: [1, 8, 8, 3], data: Float64Array.from(pixels) };
    const geometry = {
      stride: [2, 2],
      padding: [0, 0, 0, 0],
      dilation: [1, 1],
      groups: 1,
    } as const;
    return conv2d(x, weight, undefined, geometry).data;
  };
  const [ours, theirs] = [first(start, numbers), first(weights, bytes)];
  const channels = weights.get("stage1.0.0.weight")!.shape[0];
  const off = Array.from({ length: channels }, (_, c) => ours[c] - theirs[c]);
  const expected = theirs.map((value, i) => value + off[i % channels]);
  assertClose(ours, expected, { atol: 1e-2, what: "the same but for a number a channel" });
  device.destroy();
  throwsCode(() => startOf(new Map()), "OPTION_INVALID", /MobileNet/);
});

test("a network begins with another embedding network, of another input and other vectors too", async () => {
  const device = await createHostDevice();
  for (const [name, spatial, last] of [
    ["mobilenet", "features.layers.0.layers.0.weight", "features.layers.2.weight"],
    ["resnet18", "fc.weight", "fc.weight"],
  ] as const) {
    const config = cases[name];
    const weights = { config, state: await randomState(config, 4) };
    const begun = async (given: Partial<EmbedderConfig>) => {
      const network = buildNetwork(nn.Init.seeded(device, 1), { ...config, ...given });
      beginWith(network, startOfEmbedder(weights, network.config));
      return network.stateDict();
    };
    const same = await begun({});
    for (const [key, { data }] of weights.state) assert.equal(same.get(key)!.data, data, key);

    // Two cells a side become four: at a quarter and three quarters between them, and a quarter of the weight.
    const wide = await begun({ size: 64 });
    const of = (state: StateDict, side: number, plane: number, y: number, x: number) =>
      Number(state.get(spatial)!.data[(plane * side + y) * side + x]);
    for (const plane of [0, 5]) {
      const [a, b, c, d] = [0, 1, 2, 3].map((i) => of(weights.state, 2, plane, i >> 1, i & 1));
      const between = [a, 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b, b];
      const inner = 0.75 * (0.75 * a + 0.25 * b) + 0.25 * (0.75 * c + 0.25 * d);
      assertClose(
        [0, 1, 2, 3].map((x) => 4 * of(wide, 4, plane, 0, x)),
        between,
        { atol: 1e-5 },
      );
      assertClose([4 * of(wide, 4, plane, 1, 1)], [inner], { atol: 1e-5 });
    }
    const longer = await begun({ dimension: 9 });
    assert.is(longer.get(last)!.shape[0], 9);
    const first = [...weights.state.keys()][0];
    assert.equal(longer.get(first)!.data, weights.state.get(first)!.data);
    throwsCode(
      () => startOfEmbedder(weights, { ...config, width: 1 / 8 }),
      "OPTION_INVALID",
      /not of/,
    );
    const part = new Map(weights.state);
    part.delete(first);
    const network = buildNetwork(nn.Init.seeded(device, 1), config);
    throwsCode(() => beginWith(network, { state: part }), "STATE_DICT_MISMATCH");
  }
  device.destroy();
});

test("many images and those of other sizes: the same vectors one by one, on a device of the caller's", async () => {
  const config = cases.mobilefacenet;
  const bytes = writeEmbedder({ config, state: await randomState(config, 1) });
  const images = [...randomImages(9, 32, 3), ...randomImages(1, 50, 4)];
  const device = await Device.create();
  for (const options of [{ backend: "wasm", threads: 1 }, { device }] as const) {
    const embedder = await Embedder.load(bytes, options);
    const all = await embedder.embed(images);
    const single = await Promise.all(images.map((image) => embedder.embed([image])));
    assertClose(
      all,
      single.flatMap((vector) => [...vector]),
      { atol: 1e-6 },
    );
    assert.is((await embedder.embed([])).length, 0);
    await rejectsCode(
      embedder.embed([{ data: new Uint8ClampedArray(4), width: 2, height: 1 }]),
      "OPTION_INVALID",
      /4 bytes/,
    );
    embedder.dispose();
    await rejectsCode(embedder.embed(images), "OPTION_INVALID", /disposed/);
  }
  assert.not(device.isLost, "it stays the caller's");
  device.destroy();
});

test("a picture becomes the network's input: averaged to its size, R, G, B around zero", () => {
  const image = { data: new Uint8ClampedArray(4 * 2 * 4), width: 4, height: 2 };
  image.data.fill(255);
  image.data.set([0, 127, 255, 255], 0);
  const square = toSquare(image, 2);
  assert.equal([...square.data.subarray(0, 4)], [128, 191, 255, 255]);
  const numbers = new Float32Array(13);
  writePixels(square, numbers, 1);
  assertClose(numbers.subarray(0, 4), [0, 128 / 127.5 - 1, 191 / 127.5 - 1, 1], { atol: 1e-6 });
});

test("evened pictures: mean 0, deviation 1, whatever the light; the network is given them so", async () => {
  const [bright] = randomImages(1, 32, 5);
  const dim = {
    ...bright,
    data: bright.data.map((value, i) => (i % 4 < 3 ? 20 + value / 5 : 255)),
  };
  const [light, dark] = [bright, dim].map((image) => {
    const numbers = new Float32Array(32 * 32 * 3);
    writePixels(image, numbers, 0, true);
    return numbers;
  });
  const mean = light.reduce((a, b) => a + b, 0) / light.length;
  const square = light.reduce((a, b) => a + b * b, 0) / light.length;
  assertClose([mean, square], [0, 1], { atol: 1e-4 });
  assertClose(dark, light, { atol: 0.03 });
  const plain = new Float32Array(32 * 32 * 3);
  writePixels({ ...bright, data: bright.data.fill(90) }, plain, 0, true);
  assert.ok(
    plain.every((value) => value === 0),
    "nothing is made of a picture of one colour",
  );
  const config = { ...cases.mobilefacenet, evened: true };
  const weights = writeEmbedder({ config, state: await randomState(config, 1) });
  const embedder = await Embedder.load(weights, { backend: "wasm", threads: 1 });
  const [image] = randomImages(1, 32, 5);
  const vectors = await embedder.embed([image, dim]);
  const half = vectors.length / 2;
  const cosine = vectors.subarray(0, half).reduce((sum, v, i) => sum + v * vectors[half + i], 0);
  assert.ok(cosine > 0.999, `${cosine}`);
  embedder.dispose();
});

test("a flipped network's vector is the picture's and its mirror image's, of length 1 together", async () => {
  const config = cases.mobilefacenet;
  const state = await randomState(config, 1);
  const { size, dimension } = config;
  const images = randomImages(9, size, 6);
  const flip = ({ data, ...rest }: RawImage): RawImage => {
    const pixel = (i: number) => Math.floor(i / size) * size + size - 1 - (i % size);
    const at = (i: number) => pixel(Math.floor(i / 4)) * 4 + (i % 4);
    return { data: Uint8ClampedArray.from(data, (_, i) => data[at(i)]), ...rest };
  };
  const options = { backend: "wasm", threads: 1 } as const;
  const plain = await Embedder.load(writeEmbedder({ config, state }), options);
  const [own, other] = [await plain.embed(images), await plain.embed(images.map(flip))];
  plain.dispose();
  const both = await Embedder.load(
    writeEmbedder({ config: { ...config, flipped: true }, state }),
    options,
  );
  const vectors = await both.embed(images);
  assert.is(both.dimension, dimension * 2);
  both.dispose();
  const expected = images.flatMap((_, i) =>
    [own, other].flatMap((part) =>
      Array.from(part.subarray(i * dimension, (i + 1) * dimension), (v) => v / Math.sqrt(2)),
    ),
  );
  assertClose(vectors, expected, { atol: 1e-6 });
});

/** Names and shapes after arcface_torch's source, batch norms as four tensors and a counter. */
function publishedShapes(config: EmbedderConfig): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const norm = (name: string, n: number) => {
    for (const part of ["weight", "bias", "running_mean", "running_var"])
      shapes.set(`${name}.${part}`, [n]);
    shapes.set(`${name}.num_batches_tracked`, []);
  };
  const { size, dimension, width } = config;
  if (config.architecture !== "mobilefacenet") {
    const planes = [64, 128, 256, 512].map((n) => n * width);
    shapes.set("conv1.weight", [planes[0], 3, 3, 3]);
    norm("bn1", planes[0]);
    shapes.set("prelu.weight", [planes[0]]);
    let before = planes[0];
    for (const [l, blocks] of [3, 4, 14, 3].entries()) {
      for (let b = 0; b < blocks; b++) {
        const name = `layer${l + 1}.${b}`;
        norm(`${name}.bn1`, before);
        shapes.set(`${name}.conv1.weight`, [planes[l], before, 3, 3]);
        norm(`${name}.bn2`, planes[l]);
        shapes.set(`${name}.prelu.weight`, [planes[l]]);
        shapes.set(`${name}.conv2.weight`, [planes[l], planes[l], 3, 3]);
        norm(`${name}.bn3`, planes[l]);
        if (b === 0) {
          shapes.set(`${name}.downsample.0.weight`, [planes[l], before, 1, 1]);
          norm(`${name}.downsample.1`, planes[l]);
        }
        before = planes[l];
      }
    }
    norm("bn2", before);
    shapes.set("fc.weight", [dimension, before * (size / 16) ** 2]);
    shapes.set("fc.bias", [dimension]);
    norm("features", dimension);
    return shapes;
  }
  const block = (name: string, from: number, to: number, kernel: number, active = true) => {
    shapes.set(`${name}.layers.0.weight`, [to, from, kernel, kernel]);
    norm(`${name}.layers.1`, to);
    if (active) shapes.set(`${name}.layers.2.weight`, [to]);
  };
  const bottleneck = (name: string, from: number, inner: number, to: number) => {
    block(`${name}.layers.0`, from, inner, 1);
    block(`${name}.layers.1`, 1, inner, 3);
    block(`${name}.layers.2`, inner, to, 1, false);
  };
  const [a, b] = [64 * width, 128 * width];
  block("layers.0", 3, a, 3);
  block("layers.1", a / 64, a, 3);
  bottleneck("layers.2", a, 128, a);
  for (let n = 0; n < 4; n++) bottleneck(`layers.3.layers.${n}`, a, 128, a);
  bottleneck("layers.4", a, 256, b);
  for (let n = 0; n < 6; n++) bottleneck(`layers.5.layers.${n}`, b, 256, b);
  bottleneck("layers.6", b, 512, b);
  for (let n = 0; n < 2; n++) bottleneck(`layers.7.layers.${n}`, b, 256, b);
  block("conv_sep", b, 512, 1);
  block("features.layers.0", 1, 512, size / 16, false);
  shapes.set("features.layers.2.weight", [dimension, 512]);
  norm("features.layers.3", dimension);
  return shapes;
}

test("names and shapes are those of arcface_torch, and tell the network", async () => {
  const device = await createHostDevice();
  const published: EmbedderConfig[] = [
    embedderConfig(),
    embedderConfig({ width: 2, dimension: 512 }),
    embedderConfig({ architecture: "resnet50", width: 1 / 8, dimension: 32 }),
  ];
  for (const config of published) {
    const network = buildNetwork(nn.Init.empty(device), config);
    const expected = publishedShapes(config);
    assert.equal(new Map([...network.stateShapes()].sort()), new Map([...expected].sort()));
    const state = await network.stateDict();
    const wrapped = new Map([...state].map(([name, tensor]) => [`module.${name}`, tensor]));
    const read = readEmbedder(writePth(wrapped));
    assert.equal(read.config, config);
    assert.is(await fingerprintOf(read), await fingerprintOf({ config, state }));
    network.dispose();
  }
  const parameters = [...publishedShapes(published[0])]
    .filter(([name]) => !/running|num_batches/.test(name))
    .reduce((total, [, shape]) => total + shape.reduce((a, b) => a * b, 1), 0);
  assert.ok(Math.abs(parameters / 1e6 - 0.99) < 0.02, `${parameters}: the paper has 0.99 million`);
  device.destroy();
});

test("a fingerprint is of the numbers and what the network is, not of the file", async () => {
  const config = cases.mobilefacenet;
  const state = await randomState(config, 2);
  const print = await fingerprintOf({ config, state });
  assert.match(print, /^[0-9a-f]{64}$/);
  const reordered = new Map([...state].reverse());
  assert.is(await fingerprintOf(readEmbedder(writeEmbedder({ config, state: reordered }))), print);
  const [name] = [...state.keys()];
  const values = Float32Array.from(state.get(name)!.data as Float32Array);
  values[0] += 1e-3;
  const changed = new Map(state).set(name, {
    dtype: "f32",
    shape: state.get(name)!.shape,
    data: values,
  });
  assert.is.not(await fingerprintOf({ config, state: changed }), print);
  assert.is.not(await fingerprintOf({ config: { ...config, lower: 0.5 }, state }), print);
  assert.is.not(await fingerprintOf({ config: { ...config, evened: true }, state }), print);
  assert.is.not(await fingerprintOf({ config: { ...config, flipped: true }, state }), print);
});

test("weights of another network, damaged ones and wrong options are refused", async () => {
  const config = cases.resnet18;
  const state = await randomState(config, 2);
  const other = writeSafetensors(new Map([["a", [...state.values()][0]]]));
  await rejectsCode(Embedder.load(other), "CHECKPOINT_UNSUPPORTED", /no embedding network/);
  const odd = writeSafetensors(state, { [EMBEDDER_KEY]: '{"size":17}' });
  await rejectsCode(Embedder.load(odd), "CHECKPOINT_CORRUPT", /multiple of 16/);
  const wrong = writeEmbedder({ config: { ...config, dimension: 5 }, state });
  await rejectsCode(Embedder.load(wrong, { backend: "wasm" }), "STATE_DICT_MISMATCH");
  const huge = embedderConfig({ architecture: "resnet100", width: 8, size: 1024, dimension: 8192 });
  const claimed = writeEmbedder({ config: huge, state });
  await rejectsCode(Embedder.load(claimed), "CHECKPOINT_CORRUPT", /not whole/);
  const right = writeEmbedder({ config, state });
  await rejectsCode(Embedder.load(right, { backend: "cuda" as never }), "OPTION_INVALID", /wasm/);
  await rejectsCode(Embedder.load(right, { threads: 0 }), "OPTION_INVALID", /threads/);
  for (const [given, message] of [
    [{ architecture: "vgg" }, /resnet50/],
    [{ size: 100 }, /multiple of 16/],
    [{ width: 0.3 }, /width/],
    [{ dimension: 1 }, /dimension/],
    [{ lower: 2 }, /lower/],
    [{ evened: 1 }, /evened/],
    [{ flipped: "yes" }, /flipped/],
    [{ blocks: [1, 2] }, /four/],
  ] as const) {
    throwsCode(() => embedderConfig(given as never), "OPTION_INVALID", message);
  }
});

test.run();
