/** Test-time augmentation: box voting, mirroring, and a detector's passes as one. */
import { detectAtScales, packFaces } from "@retinaface-webgpu/train";
import {
  type Face,
  mirrorBackFaces,
  type RawImage,
  RetinaFace,
  type TestTimeOptions,
  voteFaces,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { rejectsCode } from "../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);

function face(x: number, score: number, more: Partial<Face> = {}): Face {
  const landmarks = {
    leftEye: [x + 2, 5],
    rightEye: [x + 8, 4],
    nose: [x + 5, 6],
    leftMouth: [x + 3, 8],
    rightMouth: [x + 7, 9],
  } as Face["landmarks"];
  return { box: [x, 0, x + 9, 9], score, landmarks, ...more };
}

test("faces that overlap become their mean by score, with the best score and the class of most score", () => {
  const found = [
    face(2, 0.3, { class: "b", values: { mask: [1] } }),
    face(0, 0.6, { class: "a" }),
    face(40, 0.2),
    face(1, 0.5, { class: "b", values: { mask: [3] } }),
  ];
  const [first, second, ...others] = voteFaces(found, 0.4);
  assert.is(others.length, 0);
  const x = (0.6 * 0 + 0.5 * 1 + 0.3 * 2) / 1.4;
  assertClose(first.box, [x, 0, x + 9, 9], { atol: 1e-9 });
  assertClose(first.landmarks.rightMouth, [x + 7, 9], { atol: 1e-9 });
  assert.is(first.score, 0.6);
  assert.is(first.class, "b");
  assertClose(first.values!.mask, [(0.3 * 1 + 0.5 * 3) / 0.8], { atol: 1e-9 });
  assert.equal(second, face(40, 0.2));
  // 0 and 2 overlap by 80 of 120 pixels, 1 lies between them.
  assert.is(voteFaces(found, 0.7).length, 3);
});

test("what was found in a mirrored image is turned back, eyes and mouth corners too", () => {
  const [turned] = mirrorBackFaces([face(2, 0.5, { values: { mask: [1] } })], 100);
  assert.equal(turned.box, [89, 0, 98, 9]);
  assert.equal(turned.landmarks.leftEye, [90, 4]);
  assert.equal(turned.landmarks.rightEye, [96, 5]);
  assert.equal(turned.landmarks.nose, [93, 6]);
  assert.equal(turned.landmarks.leftMouth, [91, 9]);
  assert.not("values" in turned);
});

test("detect with testTime is what its passes find, voted on, as evaluate has it", async () => {
  const weights = await tinyWeights(device());
  const detector = await RetinaFace.load({ weights, device: device(), ...LENIENT });
  const image = noiseImage(60, 44);
  const scales = [
    { minSide: 33, maxSide: 60 },
    { minSide: 64, maxSide: 96 },
  ];
  const testTime: TestTimeOptions = { scales, mirror: true, voteThreshold: 0.5 };
  const faces = await detector.detect(image, { testTime });
  const pass = async (one: RawImage, sides = {}) => packFaces(await detector.detect(one, sides));
  const expected = await detectAtScales(pass, image, {
    scales: scales.map(({ minSide, maxSide }) => ({ kind: "short", side: minSide, most: maxSide })),
    mirror: true,
    voteThreshold: 0.5,
  });
  assert.ok(faces.length > 3 && faces.length <= LENIENT.keepTopK);
  const boxes = faces.flatMap(({ box }) => box);
  assertClose(boxes, expected.boxes.slice(0, boxes.length), { atol: 1e-6 });
  const plain = await detector.detect(image, scales[0]);
  assert.not.equal(plain[0].box, faces[0].box);
  let total = 0;
  const onTimings = (timings: { total: number }) => {
    total = timings.total;
  };
  const shown = await detector.detect(image, {
    testTime: { scales: scales.slice(1), mirror: false },
    visThreshold: faces[2].score,
    onTimings,
  });
  assert.ok(total > 0 && shown.every(({ score }) => score >= faces[2].score));
  const small = detector.detect(image, { testTime: true, maxSide: 64 });
  await rejectsCode(small, "OPTION_INVALID", /leave maxSide and minSide out/);
  const none = detector.detect(image, { testTime: { scales: [] } });
  await rejectsCode(none, "OPTION_INVALID", /at least one size/);
  detector.dispose();
});

test.run();
