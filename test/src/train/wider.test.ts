import {
  type Detections,
  evaluateWider,
  FormatError,
  formatWiderDetections,
  parseMat,
  parseWiderDetections,
  parseWiderValidation,
  seededRandom,
  WIDER_SETTINGS,
  type WiderImage,
  widerKey,
} from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type MatInput, writeMat } from "../support/mat-writer.js";
import { mutateBytes, mutateText } from "../support/mutate.js";
import { rounds } from "../support/rounds.js";

const STYLES = [
  { compressed: true, littleEndian: true },
  { compressed: false, littleEndian: true },
  { compressed: false, littleEndian: false },
];

const column = (...data: number[]): MatInput => ({ dims: [data.length, 1], data });

/** [n, 4] in column-major order. */
const boxes = (...rows: number[][]): MatInput => ({
  dims: [rows.length, 4],
  data: [0, 1, 2, 3].flatMap((c) => rows.map((row) => row[c])),
});

const FACE: Record<string, MatInput> = {
  event_list: ["0--Parade", "1--Handshaking"],
  file_list: [["a", "b"], ["c"]],
  face_bbx_list: [[boxes([10, 20, 30, 40], [100, 20, 10, 12]), boxes()], [boxes([5, 5, 50, 60])]],
};

function files(gtLists: Record<"easy" | "medium" | "hard", MatInput>) {
  const list = (setting: keyof typeof gtLists) => writeMat({ gt_list: gtLists[setting] });
  return {
    face: writeMat(FACE),
    easy: list("easy"),
    medium: list("medium"),
    hard: list("hard"),
  };
}

const SELECTIONS = {
  easy: [[column(1), column()], [column()]],
  medium: [[column(1), column()], [column(1)]],
  hard: [[column(1, 2), column()], [column(1)]],
};

function detections(...rows: number[][]): Detections {
  return {
    boxes: Float64Array.from(rows.flatMap(([x, y, w, h]) => [x, y, x + w, y + h])),
    scores: Float64Array.from(rows, (row) => row[4]),
  };
}

for (const style of STYLES) {
  const name = `${style.compressed ? "compressed" : "plain"}, ${style.littleEndian ? "little" : "big"} endian`;
  test(`.mat (${name}): numbers, text, cells, structs`, () => {
    const variables = parseMat(
      writeMat(
        {
          numbers: { dims: [2, 3], data: [1, -2.5, 3e9, 4, 5, 6] },
          short: { dims: [1, 2], data: [7, 65535], type: "uint16" },
          long: { dims: [1, 1], data: [-(2 ** 40)], type: "int64" },
          text: "Grüße",
          cells: ["a", [column(1, 2)], { dims: [0, 0], data: [] }],
          record: { fields: { x: column(4), label: "y" } },
        },
        style,
      ),
    );
    const numeric = (dims: number[], data: number[]) => ({
      kind: "numeric",
      dims,
      data: Float64Array.from(data),
    });
    assert.equal(variables.get("numbers"), numeric([2, 3], [1, -2.5, 3e9, 4, 5, 6]));
    assert.equal(variables.get("short"), numeric([1, 2], [7, 65535]));
    assert.equal(variables.get("long"), numeric([1, 1], [-(2 ** 40)]));
    assert.equal(variables.get("text"), { kind: "char", dims: [1, 5], text: "Grüße" });
    assert.equal(variables.get("cells"), {
      kind: "cell",
      dims: [3, 1],
      cells: [
        { kind: "char", dims: [1, 1], text: "a" },
        { kind: "cell", dims: [1, 1], cells: [numeric([2, 1], [1, 2])] },
        numeric([0, 0], []),
      ],
    });
    const fields = new Map<string, unknown>([
      ["x", [numeric([1, 1], [4])]],
      ["label", [{ kind: "char", dims: [1, 1], text: "y" }]],
    ]);
    assert.equal(variables.get("record"), { kind: "struct", dims: [1, 1], fields });
  });
}

test(".mat: other files and damage are named", () => {
  const good = writeMat({ x: column(1, 2, 3) });
  const version = good.slice();
  version[125] = 2;
  const cut = good.slice(0, -5);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /Not a MATLAB 5 file.*-v7/],
    [version, /version 2\.0/],
    [cut, /claims \d+ bytes/],
    [good.map((byte, i) => (i > 140 ? ~byte : byte)), /does not inflate/],
  ];
  for (const [bytes, message] of cases) {
    const isNamed = (error: unknown) =>
      error instanceof FormatError && error.code === "FORMAT" && message.test(error.message);
    assert.throws(() => parseMat(bytes), isNamed, String(message));
  }
  assert.equal([...parseMat(writeMat({ x: "1", y: "2" }), ["y"]).keys()], ["y"]);
});

const MAT_FILES = rounds(1000);

test(`.mat: ${MAT_FILES} damaged files of each style are read or refused with a FormatError`, () => {
  const random = seededRandom(7);
  for (const style of STYLES) {
    const good = writeMat({ ...FACE, s: { fields: { a: column(1), b: "x" } } }, style);
    let refused = 0;
    for (let i = 0; i < MAT_FILES; i++) {
      try {
        parseMat(mutateBytes(good, random));
      } catch (error) {
        assert.instance(error, FormatError, (error as Error).stack);
        refused++;
      }
    }
    assert.ok(refused > 0.3 * MAT_FILES, `only ${refused} of ${MAT_FILES} refused`);
  }
});

test("ground truth: corners, selections, and wrong files", () => {
  const images = parseWiderValidation(files(SELECTIONS));
  assert.equal(images.map(widerKey), ["0--Parade/a", "0--Parade/b", "1--Handshaking/c"]);
  assert.equal([...images[0].boxes], [10, 20, 40, 60, 100, 20, 110, 32]);
  assert.equal(
    images.map(({ counted }) => WIDER_SETTINGS.map((setting) => [...counted[setting]])),
    [
      [
        [1, 0],
        [1, 0],
        [1, 1],
      ],
      [[], [], []],
      [[0], [1], [1]],
    ],
  );
  const beyond = files({ ...SELECTIONS, easy: [[column(3), column()], [column()]] });
  assert.throws(() => parseWiderValidation(beyond), /face 3 of 2/);
  const wrong = { ...files(SELECTIONS), face: writeMat({ gt_list: [] }) };
  assert.throws(() => parseWiderValidation(wrong), /no cells event_list/);
});

test("the protocol on a case worked out by hand", () => {
  const images = parseWiderValidation(files(SELECTIONS));
  const predictions = new Map([
    [
      "0--Parade/a",
      // The first face, the first again, the second, and nothing.
      detections(
        [10, 20, 30, 40, 0.9],
        [11, 21, 30, 40, 0.8],
        [100, 20, 10, 12, 0.7],
        [300, 300, 20, 20, 0.4],
      ),
    ],
    ["1--Handshaking/c", detections([5, 5, 50, 60, 0.5], [200, 5, 50, 60, 1])],
  ]);
  const result = evaluateWider(images, predictions);
  assert.equal(
    WIDER_SETTINGS.map((setting) => result[setting].faces),
    [1, 2, 3],
  );
  // Easy: only image a's first face counts. Best first: 1.0 false, 0.9 found, 0.8 again, (0.7 and 0.5
  // ignored), 0.4 false. Recall 1 is reached at precision 1/2. That is the area.
  assert.is(result.easy.ap, 1 / 2);
  // Medium: 1.0 false, 0.9 found (1/2), 0.8 again (1/3), 0.5 found (2/4), 0.4 false.
  assert.is(result.medium.ap, 1 / 2);
  // Hard: false, found 1/2, again 1/3, found 2/4, found 3/5, false: the envelope is 3/5 throughout.
  assert.ok(Math.abs(result.hard.ap - 3 / 5) < 1e-12);
  const { curve } = result.hard;
  assert.is(curve.length, 1000);
  assert.equal(curve[999], { precision: 3 / 6, recall: 1 });
  assert.equal(curve[0], { precision: 0, recall: 0 });
});

/** The official program's steps one by one, on dense arrays, as an independent check. */
function literalAp(
  images: readonly WiderImage[],
  predictions: ReadonlyMap<string, Detections>,
  setting: (typeof WIDER_SETTINGS)[number],
): number {
  const all = [...predictions.values()].flatMap(({ scores }) => [...scores]);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const totals = Array.from({ length: 1000 }, () => [0, 0]);
  let count = 0;
  for (const image of images) {
    const counted = image.counted[setting];
    count += counted.filter(Boolean).length;
    const found = predictions.get(widerKey(image));
    if (!found || counted.length === 0 || found.scores.length === 0) continue;
    const scores = [...found.scores].map((s) => (s - low) / (high - low));
    const faceState = Array<number>(counted.length).fill(0);
    const proposal: number[] = [];
    const recall: number[] = [];
    for (let d = 0; d < scores.length; d++) {
      const [x1, y1, x2, y2] = found.boxes.subarray(d * 4, d * 4 + 4);
      const overlaps: number[] = Array.from({ length: counted.length }, (_, f) => {
        const [a1, b1, a2, b2] = image.boxes.subarray(f * 4, f * 4 + 4);
        const w = Math.max(0, Math.min(x2, a2) - Math.max(x1, a1) + 1);
        const h = Math.max(0, Math.min(y2, b2) - Math.max(y1, b1) + 1);
        const union = (x2 - x1 + 1) * (y2 - y1 + 1) + (a2 - a1 + 1) * (b2 - b1 + 1) - w * h;
        return (w * h) / union;
      });
      const best = Math.max(...overlaps);
      const f = overlaps.indexOf(best);
      proposal[d] = 1;
      if (best >= 0.5) {
        if (!counted[f]) {
          faceState[f] = -1;
          proposal[d] = -1;
        } else if (faceState[f] === 0) faceState[f] = 1;
      }
      recall[d] = faceState.filter((state) => state === 1).length;
    }
    for (let t = 0; t < 1000; t++) {
      const last = scores.findLastIndex((score) => score >= 1 - (t + 1) / 1000);
      if (last === -1) continue;
      totals[t][0] += proposal.slice(0, last + 1).filter((v) => v === 1).length;
      totals[t][1] += recall[last];
    }
  }
  const recalls = [0, ...totals.map(([, found]) => found / count), 1];
  const precisions = [0, ...totals.map(([n, found]) => (n ? found / n : 0)), 0];
  for (let i = precisions.length - 1; i > 0; i--) {
    precisions[i - 1] = Math.max(precisions[i - 1], precisions[i]);
  }
  let ap = 0;
  for (let i = 0; i + 1 < recalls.length; i++) {
    ap += (recalls[i + 1] - recalls[i]) * precisions[i + 1];
  }
  return ap;
}

test("the protocol on random sets equals the official steps one by one", () => {
  const random = seededRandom(11);
  for (let run = 0; run < 5; run++) {
    const images: WiderImage[] = [];
    const predictions = new Map<string, Detections>();
    for (let i = 0; i < 20; i++) {
      const faces = Array.from({ length: random.integer(8) }, () => {
        const [x, y] = [random.integer(300), random.integer(200)];
        return [x, y, x + 5 + random.integer(60), y + 5 + random.integer(60)];
      });
      const flags = () => Uint8Array.from(faces, () => random.integer(2));
      const image: WiderImage = {
        event: "e",
        name: String(i),
        boxes: Float64Array.from(faces.flat()),
        counted: { easy: flags(), medium: flags(), hard: Uint8Array.from(faces, () => 1) },
      };
      images.push(image);
      if (random.uniform() < 0.1) continue;
      const rows = [...faces, ...faces].flatMap((box) =>
        random.uniform() < 0.3 ? [] : [box.map((v) => v + random.uniform(-6, 6))],
      );
      while (random.uniform() < 0.6) rows.push([5, 5, 30, 40].map((v) => v + random.integer(200)));
      const scores = rows.map(() => Math.round(random.uniform() * 200) / 200);
      predictions.set(widerKey(image), {
        boxes: Float64Array.from(rows.flat()),
        scores: Float64Array.from(scores.sort((a, b) => b - a)),
      });
    }
    const result = evaluateWider(images, predictions);
    for (const setting of WIDER_SETTINGS) {
      const expected = literalAp(images, predictions, setting);
      assert.ok(expected > 0 && Math.abs(result[setting].ap - expected) < 1e-12);
    }
  }
});

test("equal scores, no predictions and missing images", () => {
  const images = parseWiderValidation(files(SELECTIONS));
  const perfect = new Map(
    images.map((image) => {
      const scores = new Float64Array(image.boxes.length / 4).fill(0.3);
      return [widerKey(image), { boxes: image.boxes, scores }];
    }),
  );
  for (const setting of WIDER_SETTINGS) {
    assert.is(evaluateWider(images, perfect)[setting].ap, 1);
    assert.is(evaluateWider(images, new Map())[setting].ap, 0);
  }
  perfect.delete("0--Parade/a");
  assert.is(evaluateWider(images, perfect).medium.ap, 1 / 2);
});

test("submission text: round trip, other writers, errors by line", () => {
  const found = detections([1.23456, 2, 30, 40.5, 0.25], [5, 6, 7, 8, 0.123456789]);
  const text = formatWiderDetections("a", found);
  assert.is(text, "a\n2\n1.235 2 30 40.5 0.25\n5 6 7 8 0.12345679\n");
  const back = parseWiderDetections(text, "a.txt");
  assert.is(back.name, "a");
  assert.equal([...back.detections.boxes], [1.235, 2, 31.235, 42.5, 5, 6, 12, 14]);
  const other = parseWiderDetections("0--Parade/a.jpg\r\n1\r\n1 2 3 4 9.9e-01 \r\n\r\n", "b.txt");
  assert.equal([...other.detections.scores], [0.99]);
  const none = parseWiderDetections("a\n0\n", "c.txt");
  assert.is(none.detections.scores.length, 0);
  const errors: [string, RegExp][] = [
    ["", /^d.txt:1: /],
    ["a\nmany", /^d.txt:2: /],
    ["a\n2\n1 2 3 4 0.5", /^d.txt:2: 2 faces announced, 1 follow/],
    ["a\n1\n1 2 3 4", /^d.txt:3: not "x y width height score"/],
    ["a\n1\n1 2 3 4 NaN", /^d.txt:3: /],
  ];
  for (const [bad, message] of errors) {
    assert.throws(() => parseWiderDetections(bad, "d.txt"), message);
  }
});

const TEXTS = rounds(2000);

test(`submission text: ${TEXTS} damaged files are read or refused with a FormatError`, () => {
  const random = seededRandom(3);
  const good = formatWiderDetections("a", detections([1, 2, 3, 4, 0.5], [5, 6, 7, 8, 0.1]));
  for (let i = 0; i < TEXTS; i++) {
    try {
      const { boxes: read, scores } = parseWiderDetections(
        mutateText(good, random),
        "f",
      ).detections;
      assert.ok(read.length === scores.length * 4 && scores.every((s) => !Number.isNaN(s)));
    } catch (error) {
      assert.instance(error, FormatError);
    }
  }
});

test.run();
