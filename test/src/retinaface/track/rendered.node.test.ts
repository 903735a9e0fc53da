/** Faces that move over a picture, behind a pillar and past one another, found by the detector and followed. */
import { fileURLToPath } from "node:url";
import { type IdentifiedBox, scoreTracks } from "@retinaface-webgpu/train";
import {
  type Face,
  FaceTrackStream,
  type RawImage,
  RetinaFace,
  toRawImage,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

const SAMPLE = fileURLToPath(
  new URL("../../../../packages/retinaface/assets/sample.png", import.meta.url),
);
const [WIDTH, HEIGHT] = [320, 224];
const FRAMES = 90;
const RATE = 30;
const EVERY = 3;
/** What hides a face that walks by for some frames. */
const PILLAR = { left: 150, right: 176 };
/** Beyond the box, of its sides. */
const MARGIN = 0.35;
/** Most of a face that is hidden where it still counts as seen. */
const MOST_HIDDEN = 0.5;

interface Walker {
  readonly patch: RawImage;
  /** The face in the patch. */
  readonly box: Readonly<Face["box"]>;
  at(frame: number): readonly [left: number, top: number];
}

function cut({ data, width, height }: RawImage, [x1, y1, x2, y2]: Face["box"]) {
  const [dx, dy] = [MARGIN * (x2 - x1), MARGIN * (y2 - y1)];
  const [left, top] = [x1 - dx, y1 - dy].map((value) => Math.max(0, Math.floor(value)));
  const [right, bottom] = [
    Math.min(width, Math.ceil(x2 + dx)),
    Math.min(height, Math.ceil(y2 + dy)),
  ];
  const patch = new Uint8ClampedArray((right - left) * (bottom - top) * 4);
  for (let y = top; y < bottom; y++) {
    const row = data.subarray((y * width + left) * 4, (y * width + right) * 4);
    patch.set(row, (y - top) * (right - left) * 4);
  }
  const box = [x1 - left, y1 - top, x2 - left, y2 - top] as const;
  return { patch: { data: patch, width: right - left, height: bottom - top }, box };
}

/** What lies behind: soft stripes, that faces do not stand out from a single colour. */
function ground(): Uint8ClampedArray {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const shade = 110 + 40 * Math.sin(x / 17) + 30 * Math.cos(y / 11);
      data.set([shade, shade + 20, 190 - shade / 2], (y * WIDTH + x) * 4);
    }
  }
  return data;
}

/** A frame, and the faces that can be seen in it. */
function frameOf(walkers: readonly Walker[], n: number) {
  const data = ground();
  for (const { patch, at } of walkers) {
    const [left, top] = at(n);
    for (let y = 0; y < patch.height; y++) {
      if (top + y < 0 || top + y >= HEIGHT) continue;
      const [from, to] = [Math.max(0, -left), Math.min(patch.width, WIDTH - left)];
      if (from >= to) continue;
      const row = patch.data.subarray((y * patch.width + from) * 4, (y * patch.width + to) * 4);
      data.set(row, ((top + y) * WIDTH + left + from) * 4);
    }
  }
  for (let y = 0; y < HEIGHT; y++) {
    data.fill(90, (y * WIDTH + PILLAR.left) * 4, (y * WIDTH + PILLAR.right) * 4);
  }
  const truth: IdentifiedBox[] = walkers.flatMap(({ box: [x1, y1, x2, y2], at }, id) => {
    const [left, top] = at(n);
    const [from, to] = [left + x1, left + x2];
    const behind = Math.min(to, PILLAR.right) - Math.max(from, PILLAR.left);
    const outside = Math.max(0, -from) + Math.max(0, to - WIDTH);
    const hidden = (Math.max(0, behind) + outside) / (to - from);
    return hidden > MOST_HIDDEN ? [] : [{ id, box: [from, top + y1, to, top + y2] as const }];
  });
  return { frame: { data, width: WIDTH, height: HEIGHT }, truth };
}

test("looked at in every third frame they keep their numbers: IDF1 at least 0.9", async () => {
  const detector = await RetinaFace.load({ backend: "wasm", threads: 1 });
  try {
    const { data, width, height } = await toRawImage(SAMPLE, { maxSide: WIDTH });
    const sample = { data, width, height };
    const faces = await detector.detect(sample);
    assert.is(faces.length, 3);
    const [a, b, c] = faces.map(({ box }) => cut(sample, box));
    const walkers: Walker[] = [
      { ...a, at: (n) => [20 + 2 * n, 10 + Math.round(6 * Math.sin(n / 8))] },
      { ...b, at: (n) => [230 - 2 * n, 110] },
      { ...c, at: (n) => [30, 120 - Math.round(n / 8)] },
    ];
    const tracked = new FaceTrackStream(detector, { every: EVERY });
    const truth: IdentifiedBox[][] = [];
    const tracks: IdentifiedBox[][] = [];
    for (let n = 0; n < FRAMES; n++) {
      const made = frameOf(walkers, n);
      const found = await tracked.push(tracked.looks ? made.frame : undefined, n / RATE);
      truth.push(made.truth);
      tracks.push(found.map(({ track, box }) => ({ id: track, box })));
    }
    const score = scoreTracks(truth, tracks);
    assert.ok(score.idf1 >= 0.9 && score.mota >= 0.8, JSON.stringify(score));
  } finally {
    detector.dispose();
  }
});

test.run();
