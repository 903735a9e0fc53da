import { annotate, type Face, type RawImage } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { draw } from "../support/images.js";

function face(box: Face["box"], score = 0.987): Face {
  const [x1, y1, x2, y2] = box;
  const at = (fx: number, fy: number): [number, number] => [
    x1 + (x2 - x1) * fx,
    y1 + (y2 - y1) * fy,
  ];
  return {
    box,
    score,
    landmarks: {
      leftEye: at(0.3, 0.4),
      rightEye: at(0.7, 0.4),
      nose: at(0.5, 0.6),
      leftMouth: at(0.35, 0.8),
      rightMouth: at(0.65, 0.8),
    },
  };
}

const plain = (width: number, height: number, value = 120) =>
  draw(width, height, () => [value, value, value]);

const at = (image: RawImage, x: number, y: number) => {
  const from = (Math.round(y) * image.width + Math.round(x)) * 4;
  return [...image.data.subarray(from, from + 3)];
};

/** Bounds of the pixels that drawing changed. */
function changed(before: RawImage, after: RawImage): number[] {
  const bounds = [before.width, before.height, -1, -1];
  for (let y = 0; y < before.height; y++) {
    for (let x = 0; x < before.width; x++) {
      if (at(before, x, y).every((value, n) => value === at(after, x, y)[n])) continue;
      bounds[0] = Math.min(bounds[0], x);
      bounds[1] = Math.min(bounds[1], y);
      bounds[2] = Math.max(bounds[2], x);
      bounds[3] = Math.max(bounds[3], y);
    }
  }
  return bounds;
}

test("a face that is followed bears its number", () => {
  const image = plain(100, 80);
  const small = face([20, 40, 40, 66]);
  const [plainly, numbered] = [small, { ...small, track: 7 }].map((one) =>
    changed(image, annotate(image, [one])),
  );
  // Two letters and a space more.
  assert.ok(numbered[2] - plainly[2] >= 12, `${numbered} and ${plainly}`);
});

test("on an image that was decoded smaller faces are drawn where its original has them", () => {
  const image = plain(100, 80);
  const smaller = { ...image, original: { width: 400, height: 320 } };
  const drawn = annotate(smaller, [face([80, 80, 240, 280])]);
  assert.equal(drawn.data, annotate(image, [face([20, 20, 60, 70])]).data);
});

test("box, five landmark colours and label, at any brightness and size", () => {
  for (const [side, value] of [
    [200, 0],
    [200, 255],
    [900, 128],
  ]) {
    const image = plain(side, side, value);
    const f = face([side * 0.3, side * 0.3, side * 0.7, side * 0.7]);
    const drawn = annotate(image, [f]);
    assert.equal([drawn.width, drawn.height], [side, side]);
    const [x1, y1, x2, y2] = f.box;
    const line = at(drawn, x1, (y1 + y2) / 2);
    assert.not.equal(line, [value, value, value]);
    for (const [x, y] of [
      [x2, (y1 + y2) / 2],
      [(x1 + x2) / 2, y2],
    ]) {
      assert.equal(at(drawn, x, y), line);
    }
    const colours = Object.values(f.landmarks).map(([x, y]) => at(drawn, x, y).join());
    assert.is(new Set([...colours, line.join()]).size, 6);
    assert.equal(at(drawn, side / 2, side * 0.45), [value, value, value]);
    const [, top] = changed(image, drawn);
    assert.ok(top < y1 - 7, "the label stands above the box");
  }
});

test("the original is left alone", () => {
  const image = plain(60, 60);
  const before = image.data.slice();
  annotate(image, [face([10, 20, 50, 55])]);
  assert.equal(image.data, before);
});

test("labels of faces at the edges stay inside", () => {
  const image = plain(100, 80);
  const label = (box: Face["box"]) => {
    const shown = annotate(image, [face(box)]);
    const rows = new Set<number>();
    for (let y = 0; y < 80; y++) {
      for (let x = 0; x < 100; x++) if (at(shown, x, y).join() === "255,255,255") rows.add(y);
    }
    return rows.size;
  };
  const whole = label([30, 30, 70, 70]);
  assert.ok(whole >= 7);
  for (const box of [
    [-20, -20, 20, 20],
    [85, -10, 130, 30],
    [80, 60, 120, 100],
    [-30, 60, 10, 95],
    [-500, -500, 600, 600],
  ] as Face["box"][]) {
    assert.ok(label(box) >= 7, `${box}`);
  }
});

test("only faces from the threshold on are drawn, and none is no change", () => {
  const image = plain(100, 100);
  const faces = [face([10, 20, 40, 60], 0.9), face([60, 20, 90, 60], 0.5)];
  assert.equal(annotate(image, []).data, new Uint8ClampedArray(image.data));
  const some = annotate(image, faces, { visThreshold: 0.6 });
  assert.equal(some.data, annotate(image, faces.slice(0, 1)).data);
  assert.equal(annotate(image, faces, { visThreshold: 0.5 }).data, annotate(image, faces).data);
});

test("a score short of certainty does not read 1.00", () => {
  const image = plain(100, 100);
  const drawn = (score: number) => annotate(image, [face([10, 30, 90, 90], score)]).data;
  assert.equal(drawn(0.9999), drawn(0.99));
  assert.not.equal(drawn(1), drawn(0.99));
});

test("tiny pictures, and boxes without area or far outside", () => {
  for (const [width, height] of [
    [1, 1],
    [17, 9],
    [3, 300],
  ]) {
    const image = plain(width, height);
    const boxes: Face["box"][] = [
      [0, 0, width, height],
      [5, 5, 5, 5],
      [-1e6, -1e6, 1e6, 1e6],
      [1e6, 1e6, 2e6, 2e6],
    ];
    for (const box of boxes) assert.is(annotate(image, [face(box)]).width, width);
  }
});

test.run();
