import type { Random } from "@retinaface-webgpu/tensor";
import {
  type AugmentOptions,
  augment,
  createSampler,
  epochOrder,
  type FaceRecord,
  type LoadedSample,
  loadSamples,
  plainAugment,
  RESAMPLE_METHODS,
  type ResampleMethod,
  resample,
  type Sampler,
  sampleJobs,
  sampleRandom,
  seededRandom,
  trainingAugment,
} from "@retinaface-webgpu/train";
import type { RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

function makeImage(
  width: number,
  height: number,
  pixel: (x: number, y: number) => number[],
): RawImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([...pixel(x, y), 255], (y * width + x) * 4);
  }
  return { data, width, height };
}

const noise = (random: Random, width: number, height: number) =>
  makeImage(width, height, () => [random.integer(256), random.integer(256), random.integer(256)]);

function face(box: number[], points?: number[]): FaceRecord {
  return {
    id: "a",
    image: "a",
    boxes: Float32Array.from(box),
    landmarks: Float32Array.from(points ?? Array(10).fill(Number.NaN)),
    labels: ["face"],
    ignored: new Uint8Array(1),
  };
}

const sameNumbers = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  a.length === b.length && Array.from(a).every((value, i) => value === b[i]);

/** Only what a test asks for. */
const only = (size: number, options: Partial<AugmentOptions> = {}) => ({
  ...plainAugment(size),
  ...options,
});

test("every method keeps a constant image and, at the same size, any image", () => {
  const grey = makeImage(13, 7, () => [90, 130, 200]);
  const random = noise(seededRandom(1), 13, 7);
  for (const method of RESAMPLE_METHODS) {
    const { data } = resample(grey, 29, 5, method);
    assert.is(data.length, 29 * 5 * 4);
    const constant = data.every((v, i) => v === [90, 130, 200, 255][i % 4]);
    assert.ok(constant, method);
    assert.ok(sameNumbers(resample(random, 13, 7, method).data, random.data), method);
  }
});

/** The kernels by their textbook formulas, one output pixel at a time. */
const KERNELS: Partial<Record<ResampleMethod, [number, (x: number) => number]>> = {
  cubic: [
    2,
    (x) => {
      const t = Math.abs(x);
      if (t < 1) return 1.25 * t ** 3 - 2.25 * t ** 2 + 1;
      return t < 2 ? -0.75 * t ** 3 + 3.75 * t ** 2 - 6 * t + 3 : 0;
    },
  ],
  lanczos: [
    4,
    (x) => {
      const sinc = (v: number) => (v === 0 ? 1 : Math.sin(Math.PI * v) / (Math.PI * v));
      return Math.abs(x) < 4 ? sinc(x) * sinc(x / 4) : 0;
    },
  ],
};

test("cubic and lanczos equal their formulas in double precision", () => {
  const image = noise(seededRandom(2), 11, 9);
  for (const [method, [radius, kernel]] of Object.entries(KERNELS)) {
    for (const [width, height] of [
      [23, 14],
      [5, 4],
    ]) {
      const result = resample(image, width, height, method as ResampleMethod);
      const weights = (from: number, to: number, i: number) => {
        const centre = ((i + 0.5) * from) / to - 0.5;
        const taps: [number, number][] = [];
        for (let s = Math.ceil(centre - radius); s <= centre + radius; s++) {
          taps.push([Math.max(0, Math.min(from - 1, s)), kernel(s - centre)]);
        }
        const sum = taps.reduce((total, [, w]) => total + w, 0);
        return taps.map(([s, w]) => [s, w / sum]);
      };
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          for (let c = 0; c < 3; c++) {
            let value = 0;
            for (const [sy, wy] of weights(9, height, y)) {
              for (const [sx, wx] of weights(11, width, x)) {
                value += wy * wx * image.data[(sy * 11 + sx) * 4 + c];
              }
            }
            const expected = Math.max(0, Math.min(255, value));
            const difference = Math.abs(result.data[(y * width + x) * 4 + c] - expected);
            assert.ok(difference <= 0.501, `${method} ${width}×${height}: ${difference}`);
          }
        }
      }
    }
  }
});

test("area averages what a pixel covers; nearest takes the pixel at the centre", () => {
  const image = makeImage(5, 1, (x) => [x * 50, 0, 0]);
  const reds = (method: ResampleMethod, width: number) =>
    [...resample(image, width, 1, method).data].filter((_, i) => i % 4 === 0);
  // Pixels of 2.5: (0·1 + 50·1 + 100·0.5)/2.5 and (100·0.5 + 150 + 200)/2.5.
  assert.equal(reds("area", 2), [40, 160]);
  assert.equal(reds("nearest", 2), [50, 150]);
  assert.equal(reds("nearest", 10), [0, 0, 50, 50, 100, 100, 150, 150, 200, 200]);
});

/** Hue in degrees, saturation and value in 0…1, by the textbook. */
function toHsv([r, g, b]: number[]): number[] {
  const max = Math.max(r, g, b);
  const delta = max - Math.min(r, g, b);
  let hue = 0;
  if (delta > 0) {
    if (max === r) hue = 60 * ((g - b) / delta);
    else if (max === g) hue = 60 * ((b - r) / delta + 2);
    else hue = 60 * ((r - g) / delta + 4);
  }
  return [(hue + 360) % 360, max === 0 ? 0 : delta / max, max / 255];
}

test("distortion: colours change as hue, saturation and value say", () => {
  const random = seededRandom(3);
  const image = noise(random, 24, 24);
  const options = only(24, { distort: true });
  const seen = { hue: 0, saturation: 0, brightness: 0 };
  for (let seed = 0; seed < 60; seed++) {
    const { data } = augment(face([0, 0, 24, 24]), image, options, seededRandom(seed)).image;
    const turns: number[] = [];
    const factors: number[] = [];
    let changed = false;
    for (let i = 0; i < data.length; i += 4) {
      const before = toHsv([...image.data.subarray(i, i + 3)]);
      const after = toHsv([...data.subarray(i, i + 3)]);
      changed ||= before[2] !== after[2];
      // Only colours far from clipping and from grey say what happened exactly.
      if (before[1] < 0.3 || before[1] > 0.6 || before[2] < 0.6) continue;
      turns.push(((after[0] - before[0] + 540) % 360) - 180);
      factors.push(after[1] / before[1]);
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
    const turn = median(turns);
    assert.ok(Math.abs(turn) < 37, `hue turned by ${turn}`);
    if (changed) seen.brightness++;
    else {
      const spread = turns[Math.floor(turns.length * 0.9)] - turns[Math.floor(turns.length * 0.1)];
      assert.ok(spread < 2, `one hue turn for all, not a spread of ${spread}`);
      if (Math.abs(turn) > 1) seen.hue++;
      if (Math.abs(median(factors) - 1) > 0.03) seen.saturation++;
    }
    assert.ok(data.every((v, i) => i % 4 !== 3 || v === 255));
  }
  assert.ok(seen.hue > 2 && seen.saturation > 2 && seen.brightness > 10, JSON.stringify(seen));
});

test("distortion: grey pixels stay grey", () => {
  const image = makeImage(8, 8, (x, y) => Array(3).fill(x * 30 + y));
  const options = only(8, { distort: true });
  for (let seed = 0; seed < 30; seed++) {
    const { data } = augment(face([0, 0, 8, 8]), image, options, seededRandom(seed)).image;
    for (let i = 0; i < data.length; i += 4) {
      assert.ok(data[i] === data[i + 1] && data[i] === data[i + 2]);
    }
  }
});

const COLOURS = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
  [0, 255, 255],
];

test("boxes and landmarks go where the pixels go, with sides changed when mirrored", () => {
  const points = [40, 30, 60, 30, 50, 40, 42, 50, 58, 50];
  const image = makeImage(160, 100, (x, y) => {
    for (const [i, colour] of COLOURS.entries()) {
      if (Math.abs(x + 0.5 - points[i * 2]) < 3 && Math.abs(y + 0.5 - points[i * 2 + 1]) < 3) {
        return colour;
      }
    }
    return x >= 30 && x < 70 && y >= 20 && y < 60 ? [128, 128, 128] : [0, 0, 0];
  });
  const record = face([30, 20, 70, 60], points);
  const options = { ...trainingAugment(200), distort: false };
  let mirrored = 0;
  for (let seed = 0; seed < 40; seed++) {
    const sample = augment(record, image, options, sampleRandom(1, 0, seed));
    const at = (fx: number, fy: number) => {
      const [x, y] = [fx, fy].map((v) => Math.min(199, Math.floor(v * 200)));
      return [...sample.image.data.subarray((y * 200 + x) * 4, (y * 200 + x) * 4 + 3)];
    };
    const colours = COLOURS.map((_, i) =>
      at(sample.landmarks[i * 2], sample.landmarks[i * 2 + 1]).map((v) => (v > 127 ? 255 : 0)),
    );
    const isMirrored = colours[0][1] === 255;
    mirrored += isMirrored ? 1 : 0;
    const order = isMirrored ? [1, 0, 2, 4, 3] : [0, 1, 2, 3, 4];
    assert.equal(
      colours,
      order.map((i) => COLOURS[i]),
      `seed ${seed}`,
    );
    const [x1, y1, x2, y2] = sample.boxes;
    const inset = 4 / 200;
    for (const [x, y] of [
      [x1 + inset, y1 + inset],
      [x2 - inset, y2 - inset],
    ]) {
      assert.ok(at(x, y)[0] > 60, `seed ${seed}: grey inside the box`);
    }
    if (x1 > 2 * inset)
      assert.ok(at(x1 - inset, (y1 + y2) / 2)[0] < 60, `seed ${seed}: black left`);
    if (y2 < 1 - 2 * inset) assert.ok(at((x1 + x2) / 2, y2 + inset)[0] < 60);
  }
  assert.ok(mirrored > 10 && mirrored < 30, `${mirrored} of 40 mirrored`);
});

test("crops hold a whole face and only faces whose centre they hold", () => {
  const random = seededRandom(8);
  for (let run = 0; run < 200; run++) {
    const width = 40 + random.integer(100);
    const height = 40 + random.integer(100);
    const faces = Array.from({ length: 1 + random.integer(6) }, () => {
      const [w, h] = [3 + random.integer(20), 3 + random.integer(20)];
      const [x, y] = [random.integer(width - w), random.integer(height - h)];
      return [x, y, x + w, y + h];
    });
    const record: FaceRecord = {
      id: "a",
      image: "a",
      boxes: Float32Array.from(faces.flat()),
      landmarks: new Float32Array(faces.length * 10),
      labels: faces.map(() => "face"),
      ignored: Uint8Array.from(faces, () => (random.uniform() < 0.2 ? 1 : 0)),
    };
    const image = { width, height, data: new Uint8ClampedArray(width * height * 4) };
    const sample = augment(record, image, trainingAugment(32), seededRandom(run));
    const n = sample.boxes.length / 4;
    assert.ok(
      n <= faces.length && sample.landmarks.length === n * 10 && sample.ignored.length === n,
    );
    assert.ok(sample.boxes.every((v) => v >= 0 && v <= 1));
    for (let f = 0; f < n; f++) {
      const [x1, y1, x2, y2] = sample.boxes.subarray(f * 4, f * 4 + 4);
      assert.ok(x2 > x1 && y2 > y1);
    }
    if (record.ignored.some((flag) => flag === 0)) {
      assert.ok(
        sample.ignored.some((flag) => flag === 0),
        "a face that trains",
      );
    }
  }
});

test("a face larger than the short side: the whole image, padded with the mean", () => {
  const image = makeImage(100, 50, () => [10, 20, 30]);
  const sample = augment(face([0, -10, 100, 60]), image, only(100), seededRandom(1));
  const pixel = (x: number, y: number) => [
    ...sample.image.data.subarray((y * 100 + x) * 4).slice(0, 4),
  ];
  assert.equal(pixel(50, 20), [10, 20, 30, 255]);
  assert.equal(pixel(50, 80), [123, 117, 104, 255]);
  assert.equal(
    [...sample.boxes].map((v) => Math.round(v * 1e6) / 1e6),
    [0, -0.1, 1, 0.6],
  );
  const cropped = augment(face([0, -10, 100, 60]), image, trainingAugment(100), seededRandom(1));
  assert.equal(cropped.boxes[3] > 0.55, true);
});

test("images without faces give background", () => {
  const none = {
    ...face([]),
    landmarks: new Float32Array(),
    labels: [],
    ignored: new Uint8Array(),
  };
  const sample = augment(
    none,
    noise(seededRandom(1), 30, 20),
    trainingAugment(16),
    seededRandom(1),
  );
  assert.is(sample.boxes.length, 0);
  assert.is(sample.image.width, 16);
});

test("equal seeds give equal samples; the input is left as it is", () => {
  const image = noise(seededRandom(4), 60, 40);
  const before = image.data.slice();
  const make = (index: number) =>
    augment(face([10, 10, 20, 20]), image, trainingAugment(64), sampleRandom(7, 2, index));
  const [one, same, other] = [make(5), make(5), make(6)];
  assert.ok(sameNumbers(one.image.data, same.image.data));
  assert.ok(sameNumbers(one.boxes, same.boxes));
  assert.not(sameNumbers(one.image.data, other.image.data));
  assert.ok(sameNumbers(image.data, before));
  assert.throws(
    () => augment(face([0, 0, 1, 1]), image, only(0), seededRandom(1)),
    /positive whole size/,
  );
});

test("class names go with their faces; a network's own classes become numbers from 1", () => {
  const one = face(
    [...[10, 10, 30, 30], ...[60, 60, 80, 80], ...[20, 60, 40, 80]],
    Array(30).fill(0),
  );
  const ignored = Uint8Array.of(0, 0, 1);
  const record = { ...one, labels: ["mask", "bare", "odd"], ignored };
  const image = noise(seededRandom(5), 100, 100);
  const classes = ["bare", "mask"];
  let cropped = 0;
  for (let index = 0; index < 40; index++) {
    const options = { ...trainingAugment(32), classes };
    const sample = augment(record, image, options, sampleRandom(3, 0, index));
    assert.is(sample.labels?.length, sample.ignored.length);
    const wanted = sample.labels?.map((label) => ({ bare: 1, mask: 2, odd: 1 })[label]);
    assert.equal([...(sample.classes ?? [])], wanted);
    if (sample.ignored.length < 3) cropped++;
  }
  assert.ok(cropped > 0);
  const unknown = { ...record, ignored: new Uint8Array(3) };
  const make = () => augment(unknown, image, only(32, { classes }), seededRandom(1));
  assert.throws(make, /class "odd".*bare, mask/);
  assert.is(augment(record, image, only(32), seededRandom(1)).classes, undefined);
});

test("the order of epochs: seeded, resumable in the middle", () => {
  assert.equal(
    [...epochOrder(20, 1, 0)].sort((a, b) => a - b),
    [...Array(20).keys()],
  );
  assert.not.equal(epochOrder(20, 1, 0), epochOrder(20, 1, 1));
  assert.not.equal(epochOrder(20, 1, 0), epochOrder(20, 2, 0));
  const take = (start?: { epoch: number; position: number }) => {
    const jobs = sampleJobs(5, 3, start);
    return Array.from({ length: 12 }, () => jobs.next().value);
  };
  assert.equal(take({ epoch: 1, position: 2 }).slice(0, 5), take().slice(7));
});

test("samples come in order and not too far ahead, however long each takes", async () => {
  let running = 0;
  let most = 0;
  const sampler: Sampler = {
    concurrency: 3,
    close: async () => {},
    load: async (job) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, (job.index * 7) % 5));
      running--;
      return { job, problem: { file: `${job.index}`, message: "" } };
    },
  };
  const jobs = Array.from({ length: 20 }, (_, index) => ({ epoch: 0, index }));
  const order: number[] = [];
  for await (const { job } of loadSamples(jobs, sampler, 4)) order.push(job.index);
  assert.equal(order, [...Array(20).keys()]);
  assert.ok(most > 1 && most <= 4, `${most} at once`);
});

test("an unreadable image is a problem in its place", async () => {
  const image = noise(seededRandom(1), 20, 20);
  const good = { ...face([2, 2, 8, 8]), image: async () => image };
  const bad: FaceRecord = {
    ...good,
    id: "broken",
    image: async () => {
      throw new Error("damaged PNG");
    },
  };
  const sampler = createSampler({ records: [good, bad, good], augment: only(16), seed: 1 });
  const loaded: LoadedSample[] = [];
  const jobs = [0, 1, 2].map((index) => ({ epoch: 0, index }));
  for await (const item of loadSamples(jobs, sampler)) loaded.push(item);
  assert.equal(
    loaded.map((item) => ("problem" in item ? item.problem : item.sample.id)),
    ["a", { file: "broken", message: "damaged PNG" }, "a"],
  );
});

test.run();
