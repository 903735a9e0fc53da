import type { Random } from "@retinaface-webgpu/tensor";
import {
  anchorRecall,
  assignAnchors,
  bestAnchorIou,
  clusterSizes,
  elbow,
  type FaceRecord,
  placeFaces,
  plotAnchorSearch,
  refineAnchors,
  type Size,
  searchAnchors,
  seededRandom,
  sizeIou,
} from "@retinaface-webgpu/train";
import { type AnchorConfig, DEFAULT_CONFIG, priorBoxes } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";

const GROUPS: readonly Size[] = [
  [10, 12],
  [40, 50],
  [200, 160],
];

function groupedSizes(random: Random, each: number): Size[] {
  return GROUPS.flatMap(([w, h]) =>
    Array.from({ length: each }, (): Size => {
      const scale = random.uniform(0.9, 1.1);
      return [w * scale, h * scale];
    }),
  );
}

function record(id: string, width: number, height: number, boxes: number[][]): FaceRecord {
  return {
    id,
    image: id,
    width,
    height,
    boxes: Float32Array.from(boxes.flat()),
    landmarks: new Float32Array(boxes.length * 10),
    labels: boxes.map(() => "face"),
    ignored: new Uint8Array(boxes.length),
  };
}

test("IoU of sizes", () => {
  assert.is(sizeIou([2, 3], [2, 3]), 1);
  assert.is(sizeIou([4, 2], [2, 4]), 4 / 12);
});

test("anchors go a share of the way to their faces' mean, in logarithms", () => {
  const anchors = { minSizes: [[16, 32], [64]], steps: [8, 16], ratios: [1, 4], clip: false };
  const sizes: Size[] = [
    [20, 20],
    [36, 9],
    [16, 4],
    [70, 50],
    [2, 2],
  ];
  const moved = refineAnchors(anchors, sizes, { rate: 0.5, least: 0.2 });
  const mean = (Math.log(20 / 16) + Math.log(18 / 16) + Math.log(8 / 16)) / 3;
  const expected = [16 * Math.exp(0.5 * mean), 32, 64 * Math.exp(0.5 * Math.log(3500 ** 0.5 / 64))];
  for (const [i, side] of moved.minSizes.flat().entries()) {
    assert.ok(Math.abs(side / expected[i] - 1) < 1e-12, `${side}, not ${expected[i]}`);
  }
  assert.equal({ ...moved, minSizes: anchors.minSizes }, anchors);
  assert.equal(refineAnchors(anchors, [], { rate: 1, least: 0 }), anchors);
});

test("anchors that follow batch after batch come to where k-means is", () => {
  const random = seededRandom(3);
  let anchors: AnchorConfig = { minSizes: [[16], [32], [128]], steps: [8, 16, 32], clip: false };
  for (let step = 0; step < 300; step++) {
    anchors = refineAnchors(anchors, groupedSizes(random, 2), { rate: 0.03, least: 0.2 });
  }
  for (const [i, side] of anchors.minSizes.flat().entries()) {
    const mean = Math.sqrt(GROUPS[i][0] * GROUPS[i][1]);
    assert.ok(Math.abs(side / mean - 1) < 0.03, `${side}, not ${mean}`);
  }
});

test("k-means finds planted groups and is seeded", () => {
  const sizes = groupedSizes(seededRandom(1), 200);
  const { centres, meanIou } = clusterSizes(sizes, 3, seededRandom(2));
  for (const [i, [w, h]] of centres.entries()) {
    assert.ok(Math.abs(w / GROUPS[i][0] - 1) < 0.03 && Math.abs(h / GROUPS[i][1] - 1) < 0.03);
  }
  const closest = sizes.map((size) => Math.max(...centres.map((centre) => sizeIou(size, centre))));
  const mean = closest.reduce((sum, iou) => sum + iou, 0) / closest.length;
  assert.ok(Math.abs(mean - meanIou) < 1e-12);
  assert.equal(clusterSizes(sizes, 3, seededRandom(2)), { centres, meanIou });
});

test("k-means: one group, as many groups as sizes, equal sizes, nonsense", () => {
  assert.equal(clusterSizes([[4, 6]], 1, seededRandom(1)), { centres: [[4, 6]], meanIou: 1 });
  const same: Size[] = Array.from({ length: 5 }, () => [7, 7]);
  assert.is(clusterSizes(same, 3, seededRandom(1)).meanIou, 1);
  const three = clusterSizes([...GROUPS], 3, seededRandom(4));
  assert.is(three.meanIou, 1);
  for (const [sizes, k] of [
    [[], 1],
    [[[0, 1]], 1],
    [[[1, 1]], 0],
    [[[Number.NaN, 1]], 1],
  ] as [Size[], number][]) {
    assert.throws(() => clusterSizes(sizes, k, seededRandom(1)), /k-means needs positive sizes/);
  }
});

test("the elbow lies where the curve bends", () => {
  assert.is(elbow([0.2, 0.5, 0.8, 0.82, 0.84, 0.85]), 3);
  assert.is(elbow([0.5]), 1);
});

test("anchors go to the level whose stride fits them, at least one a level", () => {
  const square = (...sides: number[]): Size[] => sides.map((side) => [side, side]);
  const levels = (...sides: number[]) => assignAnchors(square(...sides), [8, 16, 32], [1]).minSizes;
  assert.equal(levels(512, 16, 32, 64, 128, 256), [[16, 32], [64], [128, 256, 512]]);
  assert.equal(levels(9, 10, 11, 12), [[9, 10], [11], [12]]);
  assert.equal(levels(300, 400, 500), [[300], [400], [500]]);
  assert.throws(() => levels(8, 16), /k ≥ 3/);
});

test("the best anchor equals a search over all priors", () => {
  const random = seededRandom(6);
  const config = {
    ...DEFAULT_CONFIG.anchors,
    minSizes: [[12.5, 30], [64], [200, 90]],
    ratios: [0.8, 2],
  };
  const [inputWidth, inputHeight] = [203, 150];
  const priors = priorBoxes(inputHeight, inputWidth, config);
  for (let run = 0; run < 300; run++) {
    const face = {
      cx: random.uniform(-10, 215),
      cy: random.uniform(-10, 160),
      width: random.uniform(2, 150),
      height: random.uniform(2, 150),
      inputWidth,
      inputHeight,
    };
    let best = 0;
    for (let p = 0; p < priors.length; p += 4) {
      const [cx, cy, w, h] = [0, 1, 2, 3].map(
        (i) => priors[p + i] * (i % 2 === 0 ? inputWidth : inputHeight),
      );
      const iw =
        Math.min(face.cx + face.width / 2, cx + w / 2) -
        Math.max(face.cx - face.width / 2, cx - w / 2);
      const ih =
        Math.min(face.cy + face.height / 2, cy + h / 2) -
        Math.max(face.cy - face.height / 2, cy - h / 2);
      if (iw <= 0 || ih <= 0) continue;
      best = Math.max(best, (iw * ih) / (face.width * face.height + w * h - iw * ih));
    }
    assert.ok(Math.abs(bestAnchorIou(face, config) - best) < 1e-5);
  }
});

test("recall by size adds up", () => {
  const faces = [10, 20, 20, 300].map((side) => ({
    cx: 100,
    cy: 100,
    width: side,
    height: side,
    inputWidth: 640,
    inputHeight: 640,
  }));
  const bins = anchorRecall(faces, DEFAULT_CONFIG.anchors);
  assert.equal(
    bins.map(({ from, to, faces: count }) => [from, to, count]),
    [
      [8, 16, 1],
      [16, 32, 2],
      [256, 512, 1],
      [0, null, 4],
    ],
  );
  const total = bins[bins.length - 1];
  const weighted = bins.slice(0, -1).reduce((sum, bin) => sum + bin.meanIou * bin.faces, 0);
  assert.ok(Math.abs(total.meanIou - weighted / 4) < 1e-12);
  assert.ok(total.recall35 >= total.recall50);
});

test("faces are placed as detection scales them: down, never up", () => {
  const records = [
    record("large", 1280, 320, [[0, 0, 100, 200]]),
    record("small", 64, 64, [[10, 20, 30, 60]]),
  ];
  const [large, small] = placeFaces(records, { kind: "long", side: 640 });
  assert.equal(large, {
    cx: 25,
    cy: 50,
    width: 50,
    height: 100,
    inputWidth: 640,
    inputHeight: 160,
  });
  assert.equal(small, { cx: 20, cy: 40, width: 20, height: 40, inputWidth: 64, inputHeight: 64 });
  assert.is(placeFaces(records, { kind: "short", side: 640, most: 640 })[1].width, 200);
  assert.is(placeFaces(records, { kind: "original" })[0].width, 100);
  const { width: _, ...sizeless } = records[0];
  assert.throws(
    () => placeFaces([sizeless], { kind: "original" }),
    /size of the image large is not known/,
  );
});

test("a search proposes a configuration with better cover than the published anchors", () => {
  const random = seededRandom(9);
  const records = Array.from({ length: 40 }, (_, i) =>
    record(
      `${i}`,
      400,
      300,
      Array.from({ length: 10 }, () => {
        const [w, h] = [random.uniform(7, 12), random.uniform(9, 14)];
        const [x, y] = [random.uniform(0, 380), random.uniform(0, 280)];
        return [x, y, x + w, y + h];
      }),
    ),
  );
  const found = searchAnchors(records, { k: 4, maxK: 6 });
  assert.is(found.faces, 400);
  assert.is(found.search.length, 6);
  assert.is(found.config.minSizes.flat().length, 4);
  assert.ok(found.config.ratios![0] > 0.7 && found.config.ratios![0] < 0.95);
  const [present, proposed] = [found.recall.present, found.recall.proposed].map((r) => r.at(-1)!);
  assert.ok(proposed.recall50 > present.recall50 + 0.1, `${present.recall50} ${proposed.recall50}`);
  assert.equal(searchAnchors(records, { k: 4, maxK: 6 }).config, found.config);
  const { minSizes } = searchAnchors(records, { maxK: 4 }).config;
  assert.ok(minSizes.flat().length >= 3);
  assert.match(plotAnchorSearch(found), /^<svg .*<\/svg>\n$/s);
  assert.throws(() => searchAnchors([record("none", 9, 9, [])]), /no faces/);
});

test.run();
