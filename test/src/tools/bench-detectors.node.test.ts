/** What the comparison of detectors rests on: pictures as models take them, and how their answers are read. */
import path from "node:path";
import type { Detections } from "@retinaface-webgpu/train";
import { type Face, LANDMARK_NAMES, RetinaFace, toRawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openContestant, parseNamed } from "../../../bench/dist/detectors/contestants.js";
import { framePicture } from "../../../bench/dist/detectors/frame.js";
import { foundByKind, readKinds } from "../../../bench/dist/detectors/kinds.js";
import { parseDetectorsOptions } from "../../../bench/dist/detectors/options.js";
import type { OrtTensor } from "../../../bench/dist/detectors/ort.js";
import { formatDetectors } from "../../../bench/dist/detectors/report.js";
import { decodeYunet } from "../../../bench/dist/detectors/yunet.js";
import { oracleAbsent } from "../support/oracle.node.js";
import { repository } from "../support/repository.node.js";
import { sharedExists, sharedPath } from "../support/shared-files.node.js";
import { skip } from "../support/skip.js";
import { noiseImage } from "../support/tiny-detector.js";

test("a picture in its frame: planes B, G, R less the mean, nothing around it", () => {
  const image = noiseImage(5, 3, 2);
  const frame = framePicture(image, { multiple: 4, mean: [10, 20, 30] });
  assert.equal([frame.width, frame.height, frame.scaleX, frame.scaleY], [8, 4, 1, 1]);
  const area = 8 * 4;
  const at = (x: number, y: number) => [0, 1, 2].map((c) => frame.planes[c * area + y * 8 + x]);
  const [r, g, b] = image.data.subarray((2 * 5 + 4) * 4);
  assert.equal(at(4, 2), [b - 10, g - 20, r - 30]);
  assert.equal(at(5, 2), [0, 0, 0]);
  assert.equal(at(0, 3), [0, 0, 0]);
  const down = framePicture(noiseImage(100, 50), {
    sides: { maxSide: 40 },
    multiple: 32,
    mean: [0, 0, 0],
  });
  assert.equal([down.width, down.height, down.scaleX, down.scaleY], [64, 32, 0.4, 0.4]);
  const fitted = framePicture(noiseImage(100, 50), {
    size: { width: 64, height: 64 },
    mean: [0, 0, 0],
  });
  assert.equal([fitted.width, fitted.height, fitted.scaleX], [64, 64, 0.64]);
  const up = framePicture(noiseImage(10, 20), {
    sides: { minSide: 16, maxSide: 24 },
    mean: [0, 0, 0],
  });
  assert.equal([up.width, up.height, up.scaleX], [12, 24, 1.2]);
});

const tensor = (numbers: number[]): OrtTensor => ({
  data: Float32Array.from(numbers),
  dims: [1, numbers.length, 1],
});

test("YuNet's outputs, worked out by hand", () => {
  // A frame of 32×32 has 16, 4 and 1 cells.
  const empty = (name: string, width: number) =>
    [
      [8, 16],
      [16, 4],
      [32, 1],
    ].map(([stride, cells]) => [`${name}_${stride}`, tensor(Array(cells * width).fill(0))]);
  const outputs: Record<string, OrtTensor> = Object.fromEntries([
    ...empty("cls", 1),
    ...empty("obj", 1),
    ...empty("bbox", 4),
    ...empty("kps", 10),
  ]);
  // Cell 6 of stride 8 is column 2, row 1.
  outputs.cls_8.data[6] = 0.8;
  outputs.obj_8.data[6] = 0.5;
  outputs.bbox_8.data.set([0.5, 0.25, Math.log(2), 0], 24);
  outputs.kps_8.data.set([0.5, 1, 0, 0, 0, 0, 0, 0, -1, -0.5], 60);
  outputs.cls_16.data[3] = 0.9;
  outputs.obj_16.data[3] = 0.01;
  const { boxes, scores, landmarks } = decodeYunet(outputs, 32);
  assert.equal(
    [...scores].map((s) => s.toFixed(6)),
    ["0.400000"],
  );
  // Centre (2.5 · 8, 1.25 · 8), 16 wide, 8 high.
  assert.equal(
    [...boxes].map((v) => v.toFixed(4)),
    ["12.0000", "6.0000", "28.0000", "14.0000"],
  );
  assert.equal([...landmarks!.slice(0, 2)], [20, 16]);
  assert.equal([...landmarks!.slice(8)], [8, 4]);
});

test("names, options, and what is refused", () => {
  assert.equal(parseNamed("onnx", "A b=x/y.onnx"), { name: "A b", kind: "onnx", file: "x/y.onnx" });
  assert.equal(parseNamed("weights", "x/y.pth"), { name: "y", kind: "weights", file: "x/y.pth" });
  assert.equal(parseNamed("weights", "default"), { name: "default", kind: "weights" });
  const options = parseDetectorsOptions(["--data", "d", "--weights", "a=1", "--onnx", "b=2"]);
  assert.equal(
    options.detectors.map(({ name, kind }) => [name, kind]),
    [
      ["a", "weights"],
      ["b", "onnx"],
    ],
  );
  for (const args of [
    ["--weights", "a=1", "--onnx", "a=2"],
    ["--threads", "0"],
    ["--scale", "big"],
    ["--photo", "x"],
    ["--sizes", "8"],
  ]) {
    assert.throws(
      () => parseDetectorsOptions(args),
      (e: { code?: string }) => e.code === "USAGE",
    );
  }
});

test("the table shows percent, and a dash where there is nothing to tell", () => {
  const environment = { date: "2026-11-29T12:00:00Z", node: "20", webgpu: "0", commit: "abc" };
  const table = formatDetectors({
    environment: { ...environment, cpu: "a processor", cores: 2, loadAverage: 0.5 },
    data: "photos",
    scale: "640",
    photos: 3,
    rows: [
      {
        name: "ours",
        engine: "WebGPU",
        threshold: 0.45,
        bySize: [{ from: 8, faces: 2, ap50: 0.505, found: 0.5, precision: null }],
        withoutFaces: { photos: 0, falseFaces: null },
        milliseconds: 12.34,
        apBySize: [],
        byKind: [{ kind: "profile", faces: 8, found: 3 }],
      },
    ],
  });
  assert.match(table, /\| ours +\| +50\.5 \| +0\.45 \| +50\.0 \| +– \| +– \| 12\.3 \| +WebGPU \|/);
  assert.match(table, /\| profile +\| +8 \| +37\.5 \|/);
  assert.match(table, /3 photos of photos, size 640; a processor, 2 cores, load 0\.5/);
});

test("tagged faces that are found, of each kind and of all; the file says where it is none", () => {
  const found = (id: string, boxes: number[], scores: number[]) => ({
    record: { id },
    detections: { boxes: Float64Array.from(boxes), scores: Float64Array.from(scores) },
  });
  const images = [
    found("a", [0, 0, 10, 10, 50, 50, 60, 60], [0.9, 0.3]),
    found("b", [0, 0, 10, 10], [0.9]),
  ] as unknown as Parameters<typeof foundByKind>[1];
  const tagged = [
    { image: "a", box: [1, 0, 10, 10], kinds: ["profile", "blur"] },
    { image: "a", box: [50, 50, 60, 60], kinds: ["profile"] },
    { image: "b", box: [8, 8, 18, 18], kinds: ["blur"] },
    { image: "c", box: [0, 0, 10, 10], kinds: ["blur"] },
  ] as const;
  assert.equal(foundByKind(tagged as unknown as Parameters<typeof foundByKind>[0], images, 0.5), [
    { kind: "all", faces: 3, found: 1 },
    { kind: "profile", faces: 2, found: 1 },
    { kind: "blur", faces: 2, found: 1 },
  ]);
  assert.ok(readKinds(path.join(repository, "bench/src/detectors/kinds.jsonl")).length > 24);
  const other = path.join(repository, "package.json");
  assert.throws(() => readKinds(other), /package\.json:1: a tagged face needs "image"/);
});

const NEEDED = [
  "weights/mobilenet0.25_Final.pth",
  "weights/mobilenet0.25_640x640.onnx",
  "weights/peers/yunet_n_dynamic.onnx",
  "images/crowds/18f__assets__blog__bechdel__team.jpg",
];
const [WEIGHTS, MODEL, YUNET, PHOTO] = NEEDED;
const absent = NEEDED.find((file) => !sharedExists(file));
const why = absent ? `needs ../shared/${absent}` : oracleAbsent();

/** For each face the distance to the closest detection, as a share of its side: boxes and landmarks. */
function distances(faces: readonly Face[], { boxes, landmarks }: Detections) {
  return faces.map(({ box, landmarks: points }) => {
    const side = box[2] - box[0];
    const wanted = LANDMARK_NAMES.flatMap((name) => points[name]);
    const rows = Array.from({ length: boxes.length / 4 }, (_, i) => ({
      box: Math.max(...box.map((v, k) => Math.abs(v - boxes[i * 4 + k]))) / side,
      points: Math.max(...wanted.map((v, k) => Math.abs(v - landmarks![i * 10 + k]))) / side,
    }));
    return rows.reduce((a, b) => (b.box < a.box ? b : a));
  });
}

const withModels = (name: string, run: () => Promise<void>) =>
  why ? skip(test, name, why) : test(name, run);

withModels("models in onnxruntime find what the library's own weights find", async () => {
  const image = await toRawImage(sharedPath(PHOTO));
  const detector = await RetinaFace.load({ weights: sharedPath(WEIGHTS), backend: "wasm" });
  const faces = await detector.detect(image, { maxSide: 640 });
  detector.dispose();
  assert.ok(faces.length >= 5);
  const look = async (file: string) => {
    const where = { backend: "wasm", threads: 1 } as const;
    const model = await openContestant(parseNamed("onnx", sharedPath(file)), where);
    const found = await model.pass(image, { maxSide: 640 });
    assert.ok(model.milliseconds() > 0 && model.milliseconds() === 0);
    await model.dispose();
    return distances(faces, found);
  };
  // The same weights, but on a frame of 640×640.
  for (const { box, points } of await look(MODEL)) assert.ok(box < 0.1 && points < 0.1);
  const near = (await look(YUNET)).filter(({ box, points }) => box < 0.35 && points < 0.25);
  assert.ok(near.length >= 0.8 * faces.length, `${near.length} of ${faces.length}`);
});

test.run();
