/** Crops, poses and sharpness of faces, on pictures and heads whose answers are known. */
import {
  AlignError,
  cropFace,
  facePose,
  type Landmarks,
  OptionError,
  type Point,
  type RawImage,
  sharpness,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { Random } from "../../support/random.js";

/** A picture whose red is x and green is y. */
function grid(width: number, height: number): RawImage {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x, y, 7], (y * width + x) * 4);
  }
  return { data, width, height };
}

const pixel = ({ data, width }: RawImage, x: number, y: number) =>
  Array.from(data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4));

test("a crop is a square about the box with its margin, black beyond the image", () => {
  const crop = cropFace(grid(100, 80), { box: [10, 20, 30, 60] }, { margin: 0.25 });
  assert.equal([crop.width, crop.height], [60, 60]);
  // The box's centre is at 20, 40: the square begins at -10, 10.
  assert.equal(pixel(crop, 9, 5), [0, 0, 0, 255]);
  assert.equal(pixel(crop, 10, 0), [0, 10, 7, 255]);
  assert.equal(pixel(crop, 59, 59), [49, 69, 7, 255]);
  const small = cropFace(grid(100, 80), { box: [20, 20, 60, 60] }, { margin: 0, size: 10 });
  assert.equal([small.width, small.height], [10, 10]);
  assertClose(pixel(small, 0, 0), [21.5, 21.5, 7, 255], { atol: 1 });
  const outside = cropFace(grid(10, 10), { box: [50, 50, 60, 60] }, { margin: 0 });
  assert.ok(outside.data.every((value, i) => value === (i % 4 === 3 ? 255 : 0)));
});

test("of an image that was decoded smaller the crop is where its original has the face", () => {
  const image = grid(50, 40);
  const smaller = { ...image, original: { width: 500, height: 400 } };
  const crop = cropFace(smaller, { box: [100, 100, 200, 220] }, { margin: 0.25 });
  assert.equal(crop, cropFace(image, { box: [10, 10, 20, 22] }, { margin: 0.25 }));
});

test("a face larger than the largest crop, and one mostly outside, take no more than their picture", () => {
  const image = grid(40, 30);
  const huge = cropFace(image, { box: [-1e9, -1e9, 1e9, 1e9] }, { margin: 0, size: 8 });
  assert.equal([huge.width, huge.height], [8, 8]);
  const shown = cropFace(image, { box: [-9000, -9000, 9020, 9020] }, { size: 16 });
  assert.is(shown.data.length, 16 * 16 * 4);
  const corner = cropFace(image, { box: [-30, -20, 10, 20] }, { margin: 0, size: 20 });
  assert.equal(pixel(corner, 14, 9), [0, 0, 0, 255]);
  assert.equal(pixel(corner, 9, 12), [0, 0, 0, 255]);
  assertClose(pixel(corner, 15, 10), [0.5, 0.5, 7, 255], { atol: 1 });
  assertClose(pixel(corner, 19, 19), [8.5, 18.5, 7, 255], { atol: 1 });
});

test("crops of wrong options, boxes and pixels are refused", () => {
  const image = grid(10, 10);
  const refused = (box: [number, number, number, number], options: object) =>
    assert.throws(
      () => cropFace(image, { box }, options),
      (error: unknown) => error instanceof OptionError,
    );
  refused([0, 0, 5, 5], { margin: -0.1 });
  refused([0, 0, 5, 5], { size: 1.5 });
  refused([0, 0, 5, 5], { size: 100_000 });
  refused([5, 5, 5, 5], {});
  refused([0, 0, Number.NaN, 5], {});
});

/** A mean head's landmarks, as in `facePose`. */
const HEAD = [
  [38.2946, 51.6963, 0],
  [73.5318, 51.5014, 0],
  [56.0252, 71.7366, 21],
  [41.5493, 92.3655, 4.6],
  [70.7299, 92.2041, 4.6],
];
const NAMES = ["leftEye", "rightEye", "nose", "leftMouth", "rightMouth"] as const;

/** The head turned by angles in degrees, seen from afar at a scale, with noise. */
function seen(yaw: number, pitch: number, roll: number, noise = 0): Landmarks {
  const random = new Random(1);
  const [y, p, r] = [yaw, pitch, roll].map((angle) => (angle * Math.PI) / 180);
  const named = HEAD.map(([a, b, c], i): [string, Point] => {
    const [x1, z1] = [a * Math.cos(y) + c * Math.sin(y), c * Math.cos(y) - a * Math.sin(y)];
    const y2 = b * Math.cos(p) + z1 * Math.sin(p);
    const [x3, y3] = [x1 * Math.cos(r) - y2 * Math.sin(r), x1 * Math.sin(r) + y2 * Math.cos(r)];
    return [
      NAMES[i],
      [300 + 2 * x3 + random.normal(0, noise), 200 + 2 * y3 + random.normal(0, noise)],
    ];
  });
  return Object.fromEntries(named) as unknown as Landmarks;
}

test("poses of a turned head are those it was turned by", () => {
  for (const yaw of [-60, -20, 0, 35]) {
    const pose = facePose(seen(yaw, 0, 0));
    assertClose([pose.yaw, pose.pitch], [yaw, 0], { atol: 1e-6, what: `yaw ${yaw}` });
  }
  for (const pitch of [-40, 15, 30]) {
    const { yaw, pitch: found, roll } = facePose(seen(0, pitch, 0));
    assertClose([yaw, found, roll], [0, pitch, 0], { atol: 1e-6, what: `pitch ${pitch}` });
  }
  for (const roll of [-80, 10, 45]) {
    const pose = facePose(seen(0, 0, roll));
    assertClose([pose.yaw, pose.pitch, pose.roll], [0, 0, roll], { atol: 1e-6, what: `${roll}` });
  }
  const noisy = facePose(seen(30, 10, 0, 1));
  assertClose([noisy.yaw, noisy.pitch], [30, 10], { atol: 6 });
});

test("landmarks in one place or not finite are no face", () => {
  for (const value of [5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const landmarks = Object.fromEntries(NAMES.map((name) => [name, [value, value]]));
    assert.throws(
      () => facePose(landmarks as unknown as Landmarks),
      (error: unknown) => error instanceof AlignError,
    );
  }
});

test("sharpness falls as an image is blurred and does not ask for contrast", () => {
  const random = new Random(2);
  const noise = Array.from({ length: 34 * 34 }, () => random.uniform());
  const picture = (radius: number, contrast: number): RawImage => {
    const data = new Uint8ClampedArray(32 * 32 * 4).fill(255);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        let sum = 0;
        for (let dy = -radius; dy <= radius; dy++) {
          for (let dx = -radius; dx <= radius; dx++) sum += noise[(y + 1 + dy) * 34 + x + 1 + dx];
        }
        data.fill(
          100 + contrast * (sum / (2 * radius + 1) ** 2 - 0.5),
          (y * 32 + x) * 4,
          (y * 32 + x) * 4 + 3,
        );
      }
    }
    return { data, width: 32, height: 32 };
  };
  const sharp = sharpness(picture(0, 150));
  assert.ok(sharpness(picture(1, 150)) < 0.5 * sharp);
  assertClose([sharpness(picture(0, 75))], [sharp], { rtol: 0.05 });
  assert.is(sharpness(grid(1, 1)), 0);
  assert.is(sharpness({ data: new Uint8ClampedArray(400).fill(9), width: 10, height: 10 }), 0);
});

test.run();
