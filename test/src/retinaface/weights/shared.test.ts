import { readOnnx } from "@retinaface-webgpu/onnx";
import { type StateDict, toFloat32 } from "@retinaface-webgpu/tensor";
import { checkpointFormat, convertCheckpoint, readCheckpoint } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readShared, sharedTest } from "../../support/shared.js";

const OFFICIAL = "weights/mobilenet0.25_Final.pth";
const RETRAINED = "weights/mobilenet0.25_zip_format.pth";
const BACKBONE = "weights/mobilenetV1X0.25_pretrain.tar";
const ONNX = "weights/mobilenet0.25_640x640.onnx";

function elements(tensors: StateDict): number {
  return [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}

const EPSILON = 1e-5;

/** A convolution's weight and bias with the batch norm that follows it folded in, in doubles. */
function folded(tensors: StateDict, name: string): [weight: Float64Array, bias: Float64Array] {
  const values = (key: string) => Float64Array.from(toFloat32(tensors.get(key)!));
  const weight = values(name);
  const norm = name.replace(/0\.weight$/, "1").replace(/3\.weight$/, "4");
  if (!tensors.has(`${norm}.running_var`)) {
    return [weight, values(name.replace(/weight$/, "bias"))];
  }
  const variance = values(`${norm}.running_var`);
  const mean = values(`${norm}.running_mean`);
  const scale = values(`${norm}.weight`).map((g, i) => g / Math.sqrt(variance[i] + EPSILON));
  const size = weight.length / scale.length;
  return [
    weight.map((value, i) => value * scale[Math.floor(i / size)]),
    values(`${norm}.bias`).map((beta, i) => beta - mean[i] * scale[i]),
  ];
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

sharedTest(test, "the official weights: legacy format", [OFFICIAL], async () => {
  const bytes = await readShared(OFFICIAL);
  assert.is(checkpointFormat(bytes), "pth-legacy");
  const tensors = readCheckpoint(bytes);
  assert.is(tensors.size, 300);
  assert.is(elements(tensors), 433_343);
  assert.equal(tensors.get("body.stage1.0.0.weight")!.shape, [8, 3, 3, 3]);
  assert.is(tensors.get("body.stage1.0.1.num_batches_tracked")!.dtype, "i64");
});

sharedTest(test, "its convolutions, folded, are the ONNX export's", [OFFICIAL, ONNX], async () => {
  const tensors = readCheckpoint(await readShared(OFFICIAL));
  const rest = new Set(readOnnx(await readShared(ONNX)).constants.values());
  assert.is(rest.size, 112);
  const convolutions = [...tensors].filter(([, { shape }]) => shape.length === 4);
  assert.is(convolutions.length, 56);
  for (const [name] of convolutions) {
    for (const values of folded(tensors, name)) {
      const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      const twin = [...rest].find(({ data }) => largestDifference(values, data) <= 1e-6 * scale);
      assert.ok(twin, `${name} has its twin`);
      rest.delete(twin!);
    }
  }
});

sharedTest(
  test,
  "retrained weights: ZIP format, the same names and shapes",
  [OFFICIAL, RETRAINED],
  async () => {
    const bytes = await readShared(RETRAINED);
    assert.is(checkpointFormat(bytes), "pth-zip");
    const tensors = readCheckpoint(bytes);
    const official = readCheckpoint(await readShared(OFFICIAL));
    const summary = (dict: StateDict) =>
      [...dict].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape}`).sort();
    assert.equal(summary(tensors), summary(official));
    for (const [name, tensor] of tensors) {
      assert.ok(toFloat32(tensor).every(Number.isFinite), name);
      if (name.endsWith("running_var"))
        assert.ok(
          toFloat32(tensor).every((v) => v >= 0),
          name,
        );
    }
  },
);

sharedTest(
  test,
  "the ImageNet backbone: state_dict under module.",
  [BACKBONE, OFFICIAL],
  async () => {
    const tensors = readCheckpoint(await readShared(BACKBONE));
    const official = readCheckpoint(await readShared(OFFICIAL));
    const backbone = [...official.keys()].filter((name) => name.startsWith("body."));
    for (const name of backbone) {
      const twin = tensors.get(name.slice("body.".length));
      assert.equal(twin?.shape, official.get(name)!.shape, name);
    }
    const extra = [...tensors.keys()].filter((name) => !official.has(`body.${name}`));
    assert.equal(extra, ["fc.weight", "fc.bias"]);
  },
);

sharedTest(
  test,
  "conversion keeps every value; half rounds each within 2^-11",
  [OFFICIAL],
  async () => {
    const bytes = await readShared(OFFICIAL);
    const tensors = readCheckpoint(bytes);
    assert.equal([...readCheckpoint(await convertCheckpoint(bytes))], [...tensors]);
    const half = await convertCheckpoint(bytes, { half: true });
    assert.ok(half.length < bytes.length * 0.55);
    for (const [name, tensor] of readCheckpoint(half)) {
      const values = toFloat32(tensors.get(name)!);
      toFloat32(tensor).forEach((value, i) => {
        const bound = Math.max(Math.abs(values[i]) * 2 ** -11, 2 ** -25);
        if (!(Math.abs(value - values[i]) <= bound)) assert.unreachable(`${name}[${i}]`);
      });
    }
  },
);

test.run();
