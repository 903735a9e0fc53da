import { type Face, OptionError, RetinaFace, RetinaFaceError, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { floats, node, onnxFile, value } from "../support/onnx-models.js";
import { readShared, sharedTest } from "../support/shared.js";

/* Detectors from ONNX models. */

const MODEL = "weights/mobilenet0.25_640x640.onnx";
const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const PHOTO = "images/crowds/18f__assets__blog__bechdel__team.jpg";

async function detectWith(weights: Uint8Array, maxSide?: number): Promise<Face[]> {
  const detector = await RetinaFace.load({ weights, backend: "wasm", threads: 2 });
  try {
    return await detector.detect(await toRawImage(await readShared(PHOTO)), { maxSide });
  } finally {
    detector.dispose();
  }
}

sharedTest(
  test,
  "an ONNX model finds what its checkpoint finds, photos being fitted into its size",
  [MODEL, WEIGHTS, PHOTO],
  async () => {
    const model = await readShared(MODEL);
    const [faces, expected] = [
      await detectWith(model),
      await detectWith(await readShared(WEIGHTS), 640),
    ];
    assert.ok(expected.length > 30, `${expected.length} faces`);
    assert.is(faces.length, expected.length);
    // Below a wide photo the model sees the mean, the checkpoint the edge: the last digits differ there.
    for (const [i, { box, score, landmarks }] of faces.entries()) {
      assert.ok(Math.abs(score - expected[i].score) < 1e-3);
      for (const [k, x] of box.entries()) assert.ok(Math.abs(x - expected[i].box[k]) < 0.05);
      const off = landmarks.nose.map((x, k) => Math.abs(x - expected[i].landmarks.nose[k]));
      assert.ok(Math.max(...off) < 0.5);
    }
    try {
      await detectWith(model, 1200);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, OptionError);
      assert.match((error as Error).message, /at most 640×640, not 1200×900: give maxSide 640/);
    }
  },
);

/** A model that gives rows of 4, 2 and 10 numbers for cells of 8 pixels. */
function modelOf(rows: number): Uint8Array {
  const widths = { loc: 4, conf: 2, landms: 10 };
  const nodes = Object.keys(widths).flatMap((name) => [
    node("Conv", ["image", `${name}.weight`], [`${name}.map`], { strides: [8, 8] }),
    node("Transpose", [`${name}.map`], [`${name}.last`], { perm: [0, 2, 3, 1] }),
    node("Reshape", [`${name}.last`, `${name}.shape`], [name]),
  ]);
  return onnxFile({
    node: nodes,
    initializer: Object.entries(widths).flatMap(([name, width]) => [
      floats(`${name}.weight`, [width, 3, 8, 8], new Float32Array(width * 192).fill(1e-3)),
      { name: `${name}.shape`, dims: [3], dataType: 7, int64Data: [1, rows, width] },
    ]),
    input: [value("image", [1, 3, 64, 64])],
    output: Object.keys(widths).map((name) => value(name, [])),
  });
}

async function refused(weights: Uint8Array): Promise<RetinaFaceError> {
  try {
    (await RetinaFace.load({ weights, backend: "wasm" })).dispose();
  } catch (error) {
    assert.instance(error, RetinaFaceError);
    return error as RetinaFaceError;
  }
  throw new Error("not refused");
}

test("a model of other outputs, or of other anchors than are known, is refused", async () => {
  const other = await refused(modelOf(64));
  assert.is(other.code, "CHECKPOINT_UNKNOWN");
  assert.match(other.message, /it has 64 priors for 64×64, the anchors known here 168 or/);
  const none = onnxFile({
    node: [node("Relu", ["image"], ["y"])],
    input: [value("image", [1, 3, 64, 64])],
    output: [value("y", [])],
  });
  assert.match(
    (await refused(none)).message,
    /it gives y \[1, 3, 64, 64\], expected one output of 2/,
  );
});

test("anchors may be given, and a model of one level then detects", async () => {
  const anchors = { minSizes: [[16]], steps: [8] };
  const config = { anchors: { ...anchors, clip: false } };
  const detector = await RetinaFace.load({ weights: modelOf(64), backend: "wasm", config });
  assert.equal(detector.network.anchorsPerCell, [1]);
  const data = new Uint8Array(48 * 40 * 4).fill(200);
  const faces = await detector.detect({ data, width: 48, height: 40 }, { visThreshold: 0.1 });
  assert.ok(faces.length > 0, "equal logits are a score of a half");
  detector.dispose();
});

test.run();
