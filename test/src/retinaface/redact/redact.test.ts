/** Faces made unrecognisable: what is hidden, how well, and what stays as it is. */
import { ImageError, OptionError, type RawImage, redact } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../support/random.js";

/** A picture of noise, whose every pixel differs from its neighbours. */
function noise(width: number, height: number): RawImage {
  const random = new Random(4);
  const data = new Uint8ClampedArray(width * height * 4).map(() => random.integer(0, 255));
  return { data, width, height };
}

const FACE = { box: [30, 20, 70, 80] as [number, number, number, number] };
const STYLES = ["pixelate", "blur", "fill"] as const;

/** Whether a pixel lies in the box that grew by a factor, or in the ellipse in it. */
function inside(x: number, y: number, grow: number, ellipse: boolean): boolean {
  const dx = Math.abs(x + 0.5 - 50) / (20 * grow);
  const dy = Math.abs(y + 0.5 - 50) / (30 * grow);
  return ellipse ? dx * dx + dy * dy <= 1 : dx <= 1 && dy <= 1;
}

for (const style of STYLES) {
  for (const shape of ["ellipse", "box"] as const) {
    test(`${style}, ${shape}: all of the face changes, nothing far from it does, alpha stays`, () => {
      const image = noise(100, 100);
      const before = image.data.slice();
      const { data } = redact(image, [FACE], { style, shape, grow: 1.2 });
      assert.equal(image.data, before, "the original is left alone");
      let same = 0;
      let pixels = 0;
      for (let y = 0; y < 100; y++) {
        for (let x = 0; x < 100; x++) {
          const at = (y * 100 + x) * 4;
          const changed = [0, 1, 2].some((c) => data[at + c] !== before[at + c]);
          assert.is(data[at + 3], before[at + 3]);
          if (inside(x, y, 1.2, shape === "ellipse")) {
            pixels++;
            if (!changed) same++;
          } else if (!inside(x, y, 1.27, shape === "ellipse")) assert.not(changed, `${x}, ${y}`);
        }
      }
      assert.ok(same < 0.002 * pixels, `${same} of ${pixels} pixels as before`);
    });
  }
}

/** Share of a stripe pattern's amplitude that is left of it, in the mean over runs: what the noise adds is none of it. */
const RUNS = 16;
function left(style: "pixelate" | "blur", period: number): number {
  const image = noise(200, 200);
  for (let at = 0; at < image.data.length; at += 4) {
    const x = (at / 4) % 200;
    image.data.fill(128 + 100 * Math.sin((2 * Math.PI * x) / period), at, at + 3);
  }
  const box: [number, number, number, number] = [40, 40, 160, 160];
  let [real, imaginary] = [0, 0];
  for (let run = 0; run < RUNS; run++) {
    const { data } = redact(image, [{ box }], { style, grow: 1, shape: "box" });
    for (let y = 40; y < 160; y++) {
      for (let x = 40; x < 160; x++) {
        const value = (data[(y * 200 + x) * 4] - 128) / 100;
        real += value * Math.sin((2 * Math.PI * x) / period);
        imaginary += value * Math.cos((2 * Math.PI * x) / period);
      }
    }
  }
  return Math.hypot(real, imaginary) / (120 * 120 * 0.5 * RUNS);
}

test("of what is finer than a fourth of a face little is left", () => {
  for (const style of ["pixelate", "blur"] as const) {
    assert.ok(left(style, 12) < 0.1, `${style}: ${left(style, 12)}`);
  }
  assert.ok(left("blur", 30) < 0.1, `${left("blur", 30)}`);
});

test("a mosaic has at most 4 cells across the longer side", () => {
  const image = noise(300, 300);
  image.data.fill(90);
  for (let at = 0; at < image.data.length; at += 4) image.data[at] = ((at / 4) % 300) / 2;
  const { data } = redact(image, [{ box: [10, 10, 210, 210] }], { grow: 1, shape: "box" });
  const row = Array.from({ length: 200 }, (_, x) => data[(100 * 300 + 10 + x) * 4]);
  const cells = row.filter((value, x) => x === 0 || value !== row[x - 1]).length;
  assert.ok(cells >= 3 && cells <= 4, `${cells} cells`);
});

test("two runs differ by their noise, except for fill", () => {
  const image = noise(100, 100);
  for (const style of STYLES) {
    const [a, b] = [0, 1].map(() => redact(image, [FACE], { style }).data);
    assert.is(
      a.some((value, i) => value !== b[i]),
      style !== "fill",
    );
  }
});

test("in an image that was decoded smaller faces lie where its original has them", () => {
  const image = { ...noise(64, 48), original: { width: 640, height: 240 } };
  const { data, original } = redact(image, [{ box: [100, 50, 300, 150] }], {
    style: "fill",
    shape: "box",
    grow: 1,
  });
  const { data: wanted } = redact(noise(64, 48), [{ box: [10, 10, 30, 30] }], {
    style: "fill",
    shape: "box",
    grow: 1,
  });
  assert.equal(data, wanted);
  assert.equal(original, image.original);
});

test("faces at the edges and outside, of a pixel, many, none", () => {
  const image = noise(64, 48);
  const boxes: [number, number, number, number][] = [
    [-20, -20, 10, 10],
    [60, 40, 90, 70],
    [-50, -50, -40, -40],
    [500, 10, 520, 30],
    [10, 10, 10.2, 10.2],
    [-100, -100, 200, 200],
  ];
  for (const style of STYLES) {
    for (const box of boxes) {
      const { data, width, height } = redact(image, [{ box }], { style });
      assert.equal([data.length, width, height], [64 * 48 * 4, 64, 48]);
    }
    assert.equal(redact(image, [{ box: boxes[2] }], { style }).data, image.data);
  }
  assert.equal(redact(image, []).data, image.data);
  const [red] = redact(image, [FACE], { style: "fill", colour: [200, 10, 20] }).data.slice(
    (40 * 64 + 50) * 4,
  );
  assert.is(red, 200);
});

test("wrong options say what there is", () => {
  const image = noise(16, 16);
  const wrong = (options: object, message: RegExp) =>
    assert.throws(
      () => redact(image, [FACE], options),
      (error: unknown) => error instanceof OptionError && message.test(error.message),
    );
  wrong({ style: "smudge" }, /blur, pixelate, fill; got smudge/);
  wrong({ style: "toString" }, /got toString/);
  wrong({ shape: "round" }, /ellipse or box; got round/);
  wrong({ grow: 0.5 }, /grow.*got 0.5/);
  wrong({ color: [1, 2, 3] }, /no option color; there are style/);
  wrong({ colour: [1, 2] }, /three numbers.*got 1,2/);
  wrong({ colour: [1, 2, 300] }, /got 1,2,300/);
  assert.throws(
    () => redact(image, [{ box: [0, 0, Number.NaN, 3] }]),
    (error: unknown) => error instanceof OptionError,
  );
  assert.throws(
    () => redact({ ...image, width: 17 }, [FACE]),
    (error: unknown) => error instanceof ImageError || error instanceof OptionError,
  );
});

test.run();
