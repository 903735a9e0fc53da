import { type StateDict, toFloat32 } from "@retinaface-webgpu/tensor";
import {
  convertCheckpoint,
  type Face,
  type RawImage,
  RetinaFace,
  readCheckpoint,
  resizeBilinear,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { storage, tensorOf, zipFile } from "../support/checkpoint-writer.js";
import { useDevice } from "../support/gpu.js";
import { exifSegment, storedAs } from "../support/images.js";
import { encodeJpeg } from "../support/jpeg-encoder.js";
import { orderedDict } from "../support/pickle-writer.js";
import { readShared, sharedTest } from "../support/shared.js";

const device = useDevice(test);

const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const RETRAINED = "weights/mobilenet0.25_zip_format.pth";
const PHOTO = "images/crowds/18f__assets__blog__agile-workshop__workshop1.jpg";

/**
 * Small, as browsers without a GPU are slow: its faces are still found. Whole blocks of a JPEG, so that it is compressed
 * alike whichever way up it lies.
 */
const [WIDTH, HEIGHT] = [288, 216];

let photo: Promise<RawImage> | undefined;

/** The photo's pixels, scaled down. */
function smallPhoto(): Promise<RawImage> {
  photo ??= readShared(PHOTO)
    .then((file) => toRawImage(file))
    .then((image) => resizeBilinear(image, WIDTH, HEIGHT));
  return photo;
}

async function detect(weights: Uint8Array, image: RawImage): Promise<Face[]> {
  const detector = await RetinaFace.load({ weights, device: device() });
  const faces = await detector.detect(image);
  detector.dispose();
  return faces;
}

/** The largest distance between corresponding boxes and landmarks, and between scores. */
function differences(a: readonly Face[], b: readonly Face[]): { pixels: number; score: number } {
  assert.is(a.length, b.length);
  const numbers = (face: Face) => [...face.box, ...Object.values(face.landmarks).flat()];
  let [pixels, score] = [0, 0];
  for (const [i, face] of a.entries()) {
    const other = numbers(b[i]);
    for (const [k, value] of numbers(face).entries()) {
      pixels = Math.max(pixels, Math.abs(value - other[k]));
    }
    score = Math.max(score, Math.abs(face.score - b[i].score));
  }
  return { pixels, score };
}

/** The same tensors as PyTorch's ZIP format stores them. */
function asZip(state: StateDict): Uint8Array {
  const entries = [...state].filter(([, { dtype }]) => dtype === "f32");
  const storages = entries.map(([, t], i) => storage(String(i), "FloatStorage", toFloat32(t)));
  const root = orderedDict(
    entries.map(([name, { shape }], i) => [name, tensorOf({ storage: storages[i], shape })]),
  );
  return zipFile(root, storages);
}

sharedTest(
  test,
  "legacy, ZIP, safetensors and half-precision weights give the same faces",
  [WEIGHTS, PHOTO],
  async () => {
    const image = await smallPhoto();
    const legacy = await readShared(WEIGHTS);
    const expected = await detect(legacy, image);
    assert.ok(expected.length >= 3, `${expected.length} faces`);
    const zip = await detect(asZip(readCheckpoint(legacy)), image);
    assert.equal(differences(zip, expected), { pixels: 0, score: 0 });
    const converted = await detect(await convertCheckpoint(legacy), image);
    assert.equal(differences(converted, expected), { pixels: 0, score: 0 });
    const half = differences(
      await detect(await convertCheckpoint(legacy, { half: true }), image),
      expected,
    );
    console.log(`# half precision: ${half.pixels.toFixed(3)} px, score ${half.score.toFixed(5)}`);
    assert.ok(half.pixels < 0.5 && half.score < 5e-3);
  },
);

sharedTest(
  test,
  "the retrained ZIP checkpoint finds the same people",
  [RETRAINED, WEIGHTS, PHOTO],
  async () => {
    const image = await smallPhoto();
    const official = await detect(await readShared(WEIGHTS), image);
    const retrained = await detect(await readShared(RETRAINED), image);
    const near = (a: Face, b: Face) => a.box.every((value, i) => Math.abs(value - b.box[i]) < 12);
    const found = official.filter((face) => retrained.some((other) => near(face, other)));
    assert.ok(found.length >= official.length - 1, `${found.length} of ${official.length}`);
  },
);

/** A JPEG of an image as a camera held this way stores it. */
function photographed(upright: RawImage, orientation: number): Uint8Array {
  const { data, width, height } = storedAs(upright, orientation);
  const component = (r: number, g: number, b: number, offset: number) => ({
    sample: (x: number, y: number) => {
      const at = (y * width + x) * 4;
      return offset + r * data[at] + g * data[at + 1] + b * data[at + 2];
    },
  });
  return encodeJpeg({
    width,
    height,
    app1: exifSegment(orientation),
    components: [
      component(0.299, 0.587, 0.114, 0),
      component(-0.168736, -0.331264, 0.5, 128),
      component(0.5, -0.418688, -0.081312, 128),
    ],
  });
}

sharedTest(
  test,
  "the eight orientations of a photo give the same faces",
  [WEIGHTS, PHOTO],
  async () => {
    const image = await smallPhoto();
    const detector = await RetinaFace.load({
      weights: await readShared(WEIGHTS),
      device: device(),
    });
    const faces: Face[][] = [];
    for (let orientation = 1; orientation <= 8; orientation++) {
      faces.push(await detector.detect(photographed(image, orientation)));
    }
    detector.dispose();
    assert.ok(faces[0].length >= 3);
    for (const [i, found] of faces.entries()) {
      const { pixels, score } = differences(found, faces[0]);
      assert.ok(pixels < 0.5 && score < 0.01, `orientation ${i + 1}: ${pixels} px, score ${score}`);
    }
  },
);

test.run();
