/** Post-processing on the host, straight from a plan's outputs, against `postprocess`: to the last bit. */
import {
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  findFaces,
  type HeadValues,
  type LevelValues,
  NumericError,
  priorBoxes,
  type Thresholds,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cpuFaces, type HeadSetting, quietHeads, type RawHeads } from "../support/heads.js";
import { Random } from "../support/random.js";

const WIDTHS = { conf: 2, loc: 4, landms: 10 } as const;
const NAMES = ["conf", "loc", "landms"] as const;
const SET: HeadSetting = {
  height: 320,
  width: 256,
  anchors: DEFAULT_CONFIG.anchors,
  variances: DEFAULT_CONFIG.variances,
};
const FRAME = { width: 256, height: 320, scaleX: 0.5, scaleY: 0.25 };

/** Candidates at random priors, margins in steps so that many are equal. */
function heads(count: number): RawHeads {
  const random = new Random(4);
  const raw = quietHeads(SET);
  const priors = random.shuffled(Array.from({ length: raw.conf.length / 2 }, (_, i) => i));
  for (const i of priors.slice(0, count)) {
    const background = random.normal();
    raw.conf.set([background, background + Math.round(random.uniform(-4, 20)) / 2], i * 2);
    raw.loc.set(random.normals(4), i * 4);
    raw.landms.set(random.normals(10), i * 10);
  }
  return raw;
}

/** The three heads of a level side by side behind two numbers of something else, as a plan may leave them. */
function levelsOf(raw: RawHeads): LevelValues[] {
  let firstPrior = 0;
  return SET.anchors.steps.map((step, level) => {
    const [rows, columns] = [Math.ceil(SET.height / step), Math.ceil(SET.width / step)];
    const anchors = SET.anchors.minSizes[level].length;
    const stride = 2 + anchors * 16;
    const values = new Float32Array(rows * columns * stride).fill(Number.NaN);
    let offset = 2;
    const outputs = NAMES.map((name): [string, HeadValues] => {
      const run = anchors * WIDTHS[name];
      for (let cell = 0; cell < rows * columns; cell++) {
        const from = firstPrior * WIDTHS[name] + cell * run;
        values.set(raw[name].subarray(from, from + run), cell * stride + offset);
      }
      offset += run;
      return [name, { values, offset: offset - run, stride, shape: [1, rows, columns, run] }];
    });
    firstPrior += rows * columns * anchors;
    return Object.fromEntries(outputs);
  });
}

const SPEC = {
  heads: [
    { name: "conf", module: "ClassHead", width: 2, meaning: "class", loss: "classes" },
    { name: "loc", module: "BboxHead", width: 4, meaning: "box", loss: "boxes" },
    { name: "landms", module: "LandmarkHead", width: 10, meaning: "points", loss: "landmarks" },
  ],
  priors: priorBoxes(SET.height, SET.width, SET.anchors),
  variances: SET.variances,
} as const;

test("the same faces as postprocess gives, under many thresholds", () => {
  for (const raw of [heads(2000), quietHeads(SET)]) {
    const levels = levelsOf(raw);
    for (const some of [
      {},
      { visThreshold: 0.6 },
      { confidenceThreshold: 0.5, nmsThreshold: 0.2 },
      { nmsThreshold: 1, keepTopK: 5000 },
      { topK: 40 },
      { keepTopK: 1 },
      { confidenceThreshold: 1 },
      { confidenceThreshold: 0, visThreshold: 1 },
    ]) {
      const thresholds: Thresholds = { ...DEFAULT_THRESHOLDS, visThreshold: 0, ...some };
      const expected = cpuFaces(raw, SET, FRAME, thresholds);
      assert.equal(findFaces(levels, SPEC, FRAME, thresholds), expected, JSON.stringify(some));
    }
  }
});

test("logits and boxes that are not finite are errors", () => {
  const find = (edit: (raw: RawHeads) => void) => {
    const raw = heads(10);
    edit(raw);
    return () => findFaces(levelsOf(raw), SPEC, FRAME, DEFAULT_THRESHOLDS);
  };
  const numeric = (error: Error) => error instanceof NumericError;
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const at of [6, 7]) {
      assert.throws(
        find((raw) => {
          raw.conf[at] = value;
        }),
        numeric,
      );
    }
  }
  assert.throws(
    find((raw) => {
      raw.conf.set([0, 5], 0);
      raw.loc[2] = 1e9;
    }),
    numeric,
  );
});

test.run();
