import {
  contactSheet,
  type DetectPass,
  detectAtScales,
  type FaceRecord,
  formatTestScale,
  parseTestScale,
  runDetector,
  type Sample,
  withSizes,
} from "@retinaface-webgpu/train";
import { OptionError, type RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

function darkImage(width: number, height: number): RawImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return { data, width, height };
}

/** A dark image with one bright block. */
function blockImage(width: number, height: number, box: readonly number[]): RawImage {
  const image = darkImage(width, height);
  for (let y = box[1]; y < box[3]; y++) {
    image.data.fill(255, (y * width + box[0]) * 4, (y * width + box[2]) * 4);
  }
  return image;
}

/** "Detects" the bright block of the image it gets; the first landmark is its left upper corner. */
const findBlock: DetectPass = async (image) => {
  const bright = [...Array(image.width * image.height).keys()].filter(
    (i) => image.data[i * 4] > 127,
  );
  const xs = bright.map((i) => i % image.width);
  const ys = bright.map((i) => Math.floor(i / image.width));
  const [x1, y1, x2, y2] = [
    Math.min(...xs),
    Math.min(...ys),
    Math.max(...xs) + 1,
    Math.max(...ys) + 1,
  ];
  return {
    boxes: Float64Array.from([x1, y1, x2, y2]),
    scores: Float64Array.from([0.8]),
    landmarks: Float64Array.from([x1, y1, x2, y1, (x1 + x2) / 2, (y1 + y2) / 2, x1, y2, x2, y2]),
  };
};

test("test scales are read and written", () => {
  for (const text of ["original", "640", "1600/2150"]) {
    assert.is(formatTestScale(parseTestScale(text)), text);
  }
  for (const bad of ["", "0", "big", "1600/", "2150/1600", "-1", "1e3"]) {
    assert.throws(
      () => parseTestScale(bad),
      (e: unknown) => e instanceof OptionError,
      bad,
    );
  }
});

test("every size is left to the detector, as its own options", async () => {
  const seen: unknown[] = [];
  const pass: DetectPass = async (image, sides) => {
    seen.push([image.width, image.height, sides]);
    return { boxes: new Float64Array(), scores: new Float64Array() };
  };
  const scales = ["original", "640", "160/1000", "160/200"].map(parseTestScale);
  await detectAtScales(pass, darkImage(120, 80), { scales, mirror: false, voteThreshold: 0.4 });
  assert.equal(seen, [
    [120, 80, {}],
    [120, 80, { maxSide: 640 }],
    [120, 80, { minSide: 160, maxSide: 1000 }],
    [120, 80, { minSide: 160, maxSide: 200 }],
  ]);
});

test("every scale and the mirrored image give the same face, with landmarks in their places", async () => {
  const box = [20, 30, 60, 80];
  const image = blockImage(200, 100, box);
  const expected = [20, 30, 60, 30, 40, 55, 20, 80, 60, 80];
  for (const scales of [["original"], ["200/400"], ["original", "50/100", "200/400"]]) {
    for (const mirror of [false, true]) {
      const found = await detectAtScales(findBlock, image, {
        scales: scales.map(parseTestScale),
        mirror,
        voteThreshold: 0.5,
      });
      assert.is(found.scores.length, 1, `${scales} ${mirror}`);
      assert.ok(
        found.boxes.every((v, i) => Math.abs(v - box[i]) < 1),
        `${[...found.boxes]}`,
      );
      assert.ok(found.landmarks!.every((v, i) => Math.abs(v - expected[i]) < 1));
    }
  }
});

const record = (id: string, image: FaceRecord["image"]): FaceRecord => ({
  id,
  image,
  boxes: Float32Array.from([1, 2, 5, 6]),
  landmarks: new Float32Array(10).fill(Number.NaN),
  labels: ["face"],
  ignored: new Uint8Array(1),
});

test("a run goes over all images; one that cannot be read is a problem", async () => {
  const good = async () => blockImage(10, 10, [1, 2, 5, 6]);
  const bad = async () => {
    throw new Error("damaged");
  };
  const records = [record("a", good), record("b", bad), record("c", good)];
  const progress: string[] = [];
  const { images, problems } = await runDetector(records, findBlock, {
    onProgress: (done, id) => progress.push(`${done} ${id}`),
  });
  assert.equal(
    images.map((image) => [image.record.id, [...image.detections.boxes]]),
    [
      ["a", [1, 2, 5, 6]],
      ["c", [1, 2, 5, 6]],
    ],
  );
  assert.equal(problems, [{ file: "b", message: "damaged" }]);
  assert.equal(progress, ["0 a", "1 b", "2 c"]);
  assert.equal(await runDetector([], findBlock), { images: [], problems: [] });
});

test("missing sizes come from the images", async () => {
  const image = async () => darkImage(12, 9);
  const known = { ...record("known", image), width: 5, height: 6 };
  const broken = record("broken", async () => {
    throw new Error("gone");
  });
  const { records, problems } = await withSizes([known, record("new", image), broken]);
  assert.equal(
    records.map(({ id, width, height }) => [id, width, height]),
    [
      ["known", 5, 6],
      ["new", 12, 9],
    ],
  );
  assert.equal(problems, [{ file: "broken", message: "gone" }]);
});

test("a contact sheet holds every sample with its boxes and landmarks", () => {
  const sample = (ignored: number): Sample => ({
    id: "a",
    image: darkImage(50, 50),
    boxes: Float32Array.from([0.2, 0.2, 0.8, 0.8]),
    landmarks: Float32Array.from([0.4, 0.4, 0.6, 0.4, 0.5, 0.5, Number.NaN, 0, 0.6, 0.7]),
    ignored: Uint8Array.from([ignored]),
  });
  const sheet = contactSheet([sample(0), sample(1), sample(0)], { tile: 100, columns: 2 });
  assert.is(sheet.width, 212);
  const row = 100 + 13 + 4;
  assert.is((sheet.height - 2 * row - 4) % 18, 0, "rows of the legend");
  const at = (x: number, y: number) => [
    ...sheet.data.subarray((y * sheet.width + x) * 4, (y * sheet.width + x) * 4 + 3),
  ];
  const [white, black, green] = [
    [255, 255, 255],
    [0, 0, 0],
    [0, 230, 118],
  ];
  assert.equal(at(0, 0), white);
  assert.equal(at(160, 4 + row + 60), white);
  // Tiles start at 4 and 108; the box's edge is 20 inside, the nose in the middle.
  assert.equal(at(4 + 20, 4 + 50), green);
  assert.equal(at(4 + 20, 4 + row + 50), green);
  assert.equal(at(4 + 50, 4 + 50), white);
  assert.equal(at(4 + 10, 4 + 10), black);
  // Four pixels of black, four of white along the frame of an ignored face, and a cross through it.
  assert.equal(
    [22, 26].map((y) => at(108 + 20, 4 + y)),
    [black, white],
  );
  assert.equal(at(108 + 26, 4 + 26), white);
  assert.equal(at(108 + 73, 4 + 26), white);
  // An "a" below each tile; the swatch of "face" and its text in the legend.
  assert.equal(
    [4, 5, 7, 8].map((x) => at(x, 4 + 100 + 3 + 2)),
    [white, black, black, white],
  );
  assert.equal(at(4, 2 * row + 4), green);
  const legend = sheet.data.subarray((2 * row + 4) * sheet.width * 4);
  assert.ok(
    legend.some((value, i) => i % 4 === 0 && value === 0),
    "no lettering",
  );
  assert.throws(() => contactSheet([], { tile: 9, columns: 1 }), /needs samples/);
});

test.run();
