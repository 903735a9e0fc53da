/** `load({ precision: "f16" })`: what it finds, what it cannot hold, and where it cannot be had. */
import { Device, type StateDict } from "@retinaface-webgpu/tensor";
import { type Face, RetinaFace, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { halfTest, whereHalf } from "../support/half.js";
import { readShared, sharedTest } from "../support/shared.js";
import { rejectsCode } from "../support/throws.js";
import { noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);

const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const PHOTO = "images/crowds/18f__assets__blog__agile-workshop__workshop1.jpg";

const EVERYTHING = { confidenceThreshold: 0, visThreshold: 0, nmsThreshold: 1, keepTopK: 10_000 };
const IMAGE = noiseImage(48, 40);

async function detect(weights: Uint8Array, precision?: "f32" | "f16"): Promise<Face[]> {
  const detector = await RetinaFace.load({ weights, device: device(), precision });
  try {
    return await detector.detect(IMAGE, EVERYTHING);
  } finally {
    detector.dispose();
  }
}

/** For each face the nearest of the others, and how far away it is: pixels and score. */
function distance(
  faces: readonly Face[],
  others: readonly Face[],
): { pixels: number; score: number } {
  const worst = { pixels: 0, score: 0 };
  const numbers = ({ box, landmarks }: Face) => [...box, ...Object.values(landmarks).flat()];
  const apart = (a: Face, b: Face) =>
    numbers(b).reduce((most, v, i) => Math.max(most, Math.abs(v - numbers(a)[i])), 0);
  for (const face of faces) {
    const distances = others.map((other) => apart(face, other));
    const pixels = Math.min(...distances);
    const nearest = others[distances.indexOf(pixels)];
    worst.pixels = Math.max(worst.pixels, pixels);
    worst.score = Math.max(worst.score, Math.abs(nearest.score - face.score));
  }
  return worst;
}

/** An untrained network whose numbers do not fade on their way: batch norm makes up for what convolutions take. */
function lively(edit: (state: StateDict) => void = () => {}): Promise<Uint8Array> {
  return tinyWeights(device(), (state) => {
    for (const name of state.keys()) {
      if (name.endsWith(".running_var"))
        scaleTensor(state, name.replace("running_var", "weight"), 2.4);
    }
    edit(state);
  });
}

function scaleTensor(state: StateDict, name: string, factor: number): void {
  const data = state.get(name)!.data as Float32Array;
  for (let i = 0; i < data.length; i++) data[i] *= factor;
}

/** Multiplies a layer's outputs and divides what reads them: the network computes the same in f32, to the last bit. */
function scaleBetween(outputs: readonly string[], readers: readonly string[], factor: number) {
  return (state: StateDict): void => {
    for (const name of outputs) {
      scaleTensor(state, `${name}.weight`, factor);
      scaleTensor(state, `${name}.bias`, factor);
    }
    for (const name of readers) scaleTensor(state, `${name}.weight`, 1 / factor);
  };
}

/** Batch norms, and the convolutions that read what they give. */
const PLACES: readonly (readonly [name: string, outputs: readonly string[], readers: string[]])[] =
  [
    ["the first layer", ["body.stage1.0.1"], ["body.stage1.1.0"]],
    ["a depthwise layer", ["body.stage2.1.1"], ["body.stage2.1.3"]],
    ["a context module", ["ssh2.conv5X5_1.1"], ["ssh2.conv5X5_2.0", "ssh2.conv7X7_2.0"]],
    [
      "the heads' input",
      ["ssh3.conv3X3.1", "ssh3.conv5X5_2.1", "ssh3.conv7x7_3.1"],
      ["ClassHead", "BboxHead", "LandmarkHead"].map((head) => `${head}.2.conv1x1`),
    ],
  ];

test("without shader-f16 there is no f16, and the message says what there is", async () => {
  const plain = await Device.create({ features: [] });
  const weights = await tinyWeights(plain);
  const load = (precision?: "f32" | "f16") =>
    RetinaFace.load({ weights, device: plain, precision });
  await rejectsCode(load("f16"), "PRECISION_UNAVAILABLE", /shader-f16.*f32/);
  for (const precision of ["f32", undefined] as const) (await load(precision)).dispose();
  plain.destroy();
});

test("other precisions, and a tuning that is none, are options out of range", async () => {
  const weights = await tinyWeights(device());
  for (const options of [{ precision: "fp16" }, { tune: true }] as object[]) {
    await rejectsCode(
      RetinaFace.load({ weights, device: device(), ...options }),
      "OPTION_INVALID",
      /f32 or f16|measureKernels\(\)/,
    );
  }
});

halfTest(test, "f16 gives about the same faces, in less memory", async () => {
  const weights = await lively();
  const taken: number[] = [];
  for (const precision of ["f32", "f16"] as const) {
    const detector = await RetinaFace.load({ weights, device: device(), precision });
    const before = device().memory().liveBytes;
    await detector.detect(noiseImage(256, 192));
    taken.push(device().memory().liveBytes - before);
    detector.dispose();
  }
  assert.ok(taken[1] < taken[0], taken.join());
  const [single, half] = [await detect(weights, "f32"), await detect(weights, "f16")];
  assert.equal(await detect(weights), single, "f32 is the default");
  assert.not.equal(half, single);
  assert.is(half.length, single.length);
  const { pixels, score } = distance(single, half);
  assert.ok(pixels < 0.5 && score < 0.005, `${pixels} px, score ${score}`);
});

for (const [place, outputs, readers] of PLACES) {
  halfTest(test, `${place}: what f16 cannot hold is an error and never another face`, async () => {
    const single = await detect(await lively());
    const outcomes = new Set<string>();
    for (let exponent = 0; exponent <= 24; exponent += 4) {
      const edit = scaleBetween(outputs, readers, 2 ** exponent);
      const weights = await lively(edit);
      if (exponent % 12 === 0) assert.equal(await detect(weights, "f32"), single);
      const half = await detect(weights, "f16").catch((error) => error);
      if (half instanceof Error) {
        await rejectsCode(Promise.reject(half), "HALF_OVERFLOW", /65504.*f32/);
        outcomes.add("error");
        continue;
      }
      const { pixels, score } = distance(single, half);
      assert.ok(pixels < 0.5 && score < 0.005, `2^${exponent}: ${pixels} px, score ${score}`);
      assert.not.ok(outcomes.has("error"), "once too large, always too large");
      outcomes.add("faces");
    }
    assert.equal(outcomes, new Set(["faces", "error"]));
  });
}

halfTest(test, "a detector whose image overflowed goes on with the next", async () => {
  const [, outputs, readers] = PLACES[0];
  const weights = await lively(scaleBetween(outputs, readers, 2 ** 9));
  const detector = await RetinaFace.load({ weights, device: device(), precision: "f16" });
  const grey = { data: new Uint8Array(48 * 40 * 4).fill(114), width: 48, height: 40 };
  const faces = await detector.detect(grey, EVERYTHING);
  await rejectsCode(detector.detect(IMAGE, EVERYTHING), "HALF_OVERFLOW");
  assert.equal(await detector.detect(grey, EVERYTHING), faces);
  detector.dispose();
});

async function photoInBoth(): Promise<void> {
  const image = await toRawImage(await readShared(PHOTO));
  const found: Face[][] = [];
  for (const precision of ["f32", "f16"] as const) {
    const weights = await readShared(WEIGHTS);
    const detector = await RetinaFace.load({ weights, device: device(), precision });
    found.push(await detector.detect(image, { maxSide: 384 }));
    detector.dispose();
  }
  assert.ok(found[0].length >= 3 && found[0].length === found[1].length);
  const { pixels, score } = distance(found[0], found[1]);
  assert.ok(pixels > 0 && pixels < 0.5 && score < 0.01, `${pixels} px, score ${score}`);
}

const PHOTO_TEST = "a photo's faces in f16";
whereHalf(test, PHOTO_TEST, () => sharedTest(test, PHOTO_TEST, [WEIGHTS, PHOTO], photoInBoth));

test.run();
