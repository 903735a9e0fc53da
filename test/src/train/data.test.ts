import type { Random } from "@retinaface-webgpu/tensor";
import {
  countClasses,
  DataError,
  type FaceRecord,
  formatJsonl,
  mapClasses,
  parseClasses,
  parseCoco,
  parseDataSpec,
  parseJsonl,
  parseVoc,
  parseWider,
  type ReadResult,
  seededRandom,
  splitRecords,
  validationSpec,
} from "@retinaface-webgpu/train";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mutateText } from "../support/mutate.js";
import { rounds } from "../support/rounds.js";

const inImages = (path: string) => `images/${path}`;
const numbers = (values: Float32Array) => [...values];
const NO_LANDMARKS = Array<number>(10).fill(Number.NaN);

const LABELS = `# 0--Parade/a.jpg
10 20 30 40 12 25 0.0 30 26 0.0 20 35 0.0 14 45 1.0 28 46 0.0 0.82
50 60 10 10 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 -1.0 0.1
1 2 0 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 0.1
1 2 three 4
# 1--Handshaking/b.jpg
# 2--Demonstration/c.jpg
5.5 6 7 8
1 2 3
`;

const GROUND_TRUTH = `0--Parade/a.jpg
2
10 20 30 40 2 0 0 0 0 0
50 60 10 12 0 0 0 1 2 0
1--Handshaking/none.jpg
0
0 0 0 0 0 0 0 0 0 0
2--Demonstration/c.jpg
3
1 2 0 9 0 0 0 0 0 0
1 2 3 9 0 0 0 0 0 0
`;

const VOC = `<?xml version="1.0"?>
<!DOCTYPE annotation [<!ENTITY secret SYSTEM "file:///etc/hostname">]>
<annotation>
  <folder>images</folder><filename>a.png</filename>
  <size><width>100</width><height>80</height><depth>3</depth></size>
  <object><name>with_mask</name><difficult>0</difficult>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30.5</xmax><ymax>40</ymax></bndbox></object>
  <object><name>without &amp; mask</name><difficult>1</difficult>
    <bndbox><ymin>-5</ymin><xmin>90</xmin><xmax>110</xmax><ymax>20</ymax></bndbox></object>
  <object><name>flat</name>
    <bndbox><xmin>5</xmin><ymin>5</ymin><xmax>5</xmax><ymax>9</ymax></bndbox></object>
  <object><bndbox><xmin>1</xmin></bndbox></object>
  <object><name>part</name><bndbox><xmin>1</xmin></bndbox></object>
</annotation>`;

const COCO = JSON.stringify({
  images: [
    { id: 7, file_name: "a.jpg", width: 100, height: 80 },
    { id: "x", file_name: "b.jpg" },
    { id: 9 },
    { id: 7, file_name: "again.jpg" },
  ],
  categories: [
    { id: 1, name: "face" },
    { id: 2, name: "mask" },
  ],
  annotations: [
    {
      image_id: 7,
      category_id: 1,
      bbox: [1, 2, 10, 20],
      keypoints: [2, 3, 2, 8, 3, 2, 5, 8, 1, 3, 12, 2, 8, 12, 2],
    },
    { image_id: 7, category_id: 2, bbox: [50, 40, 90, 20], iscrowd: 1 },
    { image_id: "x", category_id: 2, bbox: [5, 5, 5, 5], keypoints: [1, 1, 0] },
    { image_id: 7, category_id: 3, bbox: [5, 5, 5, 5] },
    { image_id: 1, category_id: 1, bbox: [5, 5, 5, 5] },
    { image_id: 7, category_id: 1, bbox: [5, 5, -5, 5] },
    { image_id: 7, category_id: 1, bbox: [5, 5, null, 5] },
  ],
});

const JSONL = `{"image":"a.jpg","width":100,"height":80,"faces":[{"box":[1,2,11,22],"landmarks":[[1,2],[3,4],[5,6],[7,8],[9,10]]},{"box":[1,2,3],"label":"x"}]}

{"file":"b.jpg","faces":[{"box":[0,0,4,4],"label":"mask","ignored":true,"landmarks":null,"score":0.5}]}
{"image":"c.jpg"
{"file":"d.jpg","error":{"code":"IMAGE_CORRUPT"}}
[1]
{"image":"e.jpg","faces":[]}
`;

const resolveVoc = (name: string) => (name ? { id: name, image: `images/${name}` } : undefined);

const problems = (result: ReadResult) =>
  result.problems.map(({ line, message }) => `${line ?? "-"}: ${message}`);

test("WIDER label.txt: boxes, landmarks and what is wrong, by line", () => {
  const result = parseWider(LABELS, "label.txt", inImages);
  assert.equal(
    result.records.map((record) => [record.id, record.image, record.labels.length]),
    [
      ["0--Parade/a.jpg", "images/0--Parade/a.jpg", 2],
      ["1--Handshaking/b.jpg", "images/1--Handshaking/b.jpg", 0],
      ["2--Demonstration/c.jpg", "images/2--Demonstration/c.jpg", 1],
    ],
  );
  const [first] = result.records;
  assert.equal(numbers(first.boxes), [10, 20, 40, 60, 50, 60, 60, 70]);
  assert.equal(numbers(first.landmarks), [12, 25, 30, 26, 20, 35, 14, 45, 28, 46, ...NO_LANDMARKS]);
  assert.equal(problems(result), [
    "4: degenerate box [1, 2, 1, 6]",
    '5: not numbers: "1 2 three 4"',
    "9: a face has 4, 19, 20 numbers, not 3",
  ]);
});

test("WIDER ground truth: invalid faces are ignored, an empty image stays", () => {
  const result = parseWider(GROUND_TRUTH, "gt.txt", inImages);
  assert.equal(
    result.records.map((record) => record.labels.length),
    [2, 0, 1],
  );
  assert.equal([...result.records[0].ignored], [0, 1]);
  assert.equal(numbers(result.records[0].boxes), [10, 20, 40, 60, 50, 60, 60, 72]);
  assert.equal(problems(result), [
    "10: degenerate box [1, 2, 1, 11]",
    "8: 3 faces announced, 2 rows follow",
  ]);
});

test("Pascal VOC: clipping, difficult objects, no entity beyond the predefined", () => {
  const result = parseVoc(VOC, "a.xml", resolveVoc);
  const [record] = result.records;
  assert.equal([record.id, record.width, record.height], ["a.png", 100, 80]);
  assert.equal(numbers(record.boxes), [1, 2, 30.5, 40, 90, 0, 100, 20]);
  assert.equal(record.labels, ["with_mask", "without & mask"]);
  assert.equal([...record.ignored], [0, 1]);
  assert.equal(problems(result), [
    "10: degenerate box [5, 5, 5, 9]",
    "12: an object without a name",
    '13: "part" without a complete bndbox',
  ]);
  const attack = parseVoc(VOC.replace("with_mask", "&secret;"), "a.xml", resolveVoc);
  assert.equal(problems(attack), ["6: undefined entity."]);
  assert.is(attack.records.length, 0);
});

test("Pascal VOC: damaged documents and missing images are problems", () => {
  const cases: [string, string][] = [
    ["", "1: document must contain a root element."],
    ["<annotation>\n<object></annotation>", "2: unexpected close tag."],
    ["<xml/>", "1: the root is <xml>, not <annotation>"],
    ["<annotation></annotation>", '1: no image for ""'],
    ["<a>".repeat(100), "1: elements nested deeper than 64"],
  ];
  for (const [text, message] of cases) {
    assert.equal(problems(parseVoc(text, "a.xml", resolveVoc)), [message]);
  }
});

test("COCO: x y w h boxes, five keypoints, crowds", () => {
  const result = parseCoco(COCO, "coco.json", inImages);
  assert.equal(
    result.records.map((record) => [record.id, record.width, record.labels]),
    [
      ["a.jpg", 100, ["face", "mask"]],
      ["b.jpg", undefined, ["mask"]],
    ],
  );
  const [first] = result.records;
  assert.equal(numbers(first.boxes), [1, 2, 11, 22, 50, 40, 100, 60]);
  assert.equal(numbers(first.landmarks), [2, 3, 8, 3, 5, 8, 3, 12, 8, 12, ...NO_LANDMARKS]);
  assert.equal([...first.ignored], [0, 1]);
  assert.equal(problems(result), [
    "1: images[2] has no file_name",
    "1: images[3] repeats the id 7",
    "1: annotations[3] has the unknown category_id 3",
    "1: annotations[4] belongs to no image of the file",
    "1: annotations[5] degenerate box [5, 5, 0, 10]",
    "1: annotations[6] has no bbox of four numbers",
  ]);
});

test("JSONL: reads its own output and the detector's", () => {
  const result = parseJsonl(JSONL, "a.jsonl", inImages);
  assert.equal(
    result.records.map((record) => [record.id, record.labels]),
    [
      ["a.jpg", ["face"]],
      ["b.jpg", ["mask"]],
      ["e.jpg", []],
    ],
  );
  assert.equal(numbers(result.records[0].landmarks), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal([...result.records[1].ignored], [1]);
  const found = problems(result);
  assert.is(found.length, 4);
  assert.is(found[0], "1: faces[1] has no box of four numbers");
  assert.match(found[1], /^4: .*JSON/);
  assert.equal(found.slice(2), ["5: no list of faces", "6: a line must be a JSON object"]);
  const again = parseJsonl(formatJsonl(result.records), "b.jsonl", inImages);
  assert.is(formatJsonl(again.records), formatJsonl(result.records));
  assert.match(formatJsonl(result.records), /"landmarks":\[\[1,2\],\[3,4\].*\n.*"ignored":true/);
  assert.equal(again.problems, []);
});

function record(id: string, ...labels: string[]): FaceRecord {
  return {
    id,
    image: id,
    boxes: Float32Array.from(labels.flatMap((_, i) => [i, i, i + 1, i + 1])),
    landmarks: new Float32Array(labels.length * 10),
    labels,
    ignored: new Uint8Array(labels.length),
  };
}

test("classes: filter, renaming, the rest", () => {
  const records = [record("1", "a", "b", "c"), record("2", "c")];
  const counts = (text: string) => countClasses(mapClasses(records, parseClasses(text)));
  assert.equal(counts("a,b=face"), { face: 2 });
  assert.equal(counts("a; c=mask"), { mask: 2, a: 1 });
  assert.equal(counts("*=face"), { face: 4 });
  assert.equal(counts("b=odd;*"), { c: 2, a: 1, odd: 1 });
  const [kept] = mapClasses(records, parseClasses("c"));
  assert.equal(numbers(kept.boxes), [2, 2, 3, 3]);
  for (const bad of ["", "a=", "=b", "a=b=c", "a,,b"]) {
    assert.throws(
      () => parseClasses(bad),
      (error: unknown) => error instanceof DataError,
      bad,
    );
  }
});

test("split: exact, seeded, independent of the order", () => {
  const records = Array.from({ length: 11 }, (_, i) => record(`image${i}`, "face"));
  const { train, val } = splitRecords(records, 0.8, 3);
  assert.is(train.length, 9);
  assert.is(val.length, 2);
  const ids = (list: readonly FaceRecord[]) => list.map(({ id }) => id);
  const backwards = splitRecords([...records].reverse(), 0.8, 3);
  assert.equal(ids(backwards.val).sort(), ids(val).sort());
  assert.not.equal(ids(splitRecords(records, 0.8, 4).val), ids(val));
});

test("data SPEC: formats, image folders, options, combinations", () => {
  const defaults = { fraction: 0.8, seed: 1, images: undefined };
  assert.equal(parseDataSpec("faces"), [{ format: "auto", path: "faces", ...defaults }]);
  assert.equal(parseDataSpec("voc:a+b?classes=x,y=face&split=val&seed=5+coco:c.json:img"), [
    { ...defaults, format: "voc", path: "a+b", classes: "x,y=face", split: "val", seed: 5 },
    { ...defaults, format: "coco", path: "c.json", images: "img" },
  ]);
  assert.equal(parseDataSpec("wider:C:\\data\\label.txt:D:/images?limit=10&fraction=.5"), [
    {
      format: "wider",
      path: "C:\\data\\label.txt",
      images: "D:/images",
      fraction: 0.5,
      seed: 1,
      limit: 10,
    },
  ]);
  for (const bad of [
    "",
    "voc:",
    "coco:a:",
    "a?split=test",
    "a?fraction=2",
    "a?sed=1",
    "a?limit=",
  ]) {
    assert.throws(
      () => parseDataSpec(bad),
      (error: unknown) => error instanceof DataError,
      bad,
    );
  }
});

test("validation takes the other side of what is split, and nothing that trains whole", () => {
  assert.is(validationSpec("faces"), null);
  assert.is(validationSpec("faces?split=val"), null);
  assert.is(validationSpec("a?classes=x&split=train&seed=2"), "a?classes=x&split=val&seed=2");
  assert.is(
    validationSpec("jsonl:more+voc:a+b?split=train+coco:c.json?split=train&fraction=0.5"),
    "voc:a+b?split=val+coco:c.json?split=val&fraction=0.5",
  );
});

test("random numbers: a stream for every combination of seeds", () => {
  const draw = (random: Random, count = 8) => Array.from({ length: count }, () => random.uniform());
  assert.equal(draw(seededRandom(1, 2, 3)), draw(seededRandom(1, 2, 3)));
  const others = [
    [1, 3, 2],
    [1, 2],
    [1, 2, 3, 0],
    [2 ** 32 + 1, 2, 3],
    [-1, 2, 3],
  ];
  const firsts = [[1, 2, 3], ...others].map((seeds) => draw(seededRandom(...seeds)).join());
  assert.is(new Set(firsts).size, firsts.length);
  const grid = Array.from({ length: 40_000 }, (_, i) =>
    seededRandom(7, Math.floor(i / 200), i % 200).uniform(),
  );
  const mean = grid.reduce((sum, v) => sum + v, 0) / grid.length;
  const variance = grid.reduce((sum, v) => sum + (v - mean) ** 2, 0) / grid.length;
  assert.ok(Math.abs(mean - 0.5) < 0.01 && Math.abs(variance - 1 / 12) < 0.003);
  assert.throws(() => seededRandom(0.5), /integer/);
});

const READERS: Record<string, [string, (text: string) => ReadResult]> = {
  "label.txt": [LABELS, (text) => parseWider(text, "f", inImages)],
  "wider ground truth": [GROUND_TRUTH, (text) => parseWider(text, "f", inImages)],
  VOC: [VOC, (text) => parseVoc(text, "f", resolveVoc)],
  COCO: [COCO, (text) => parseCoco(text, "f", inImages)],
  JSONL: [JSONL, (text) => parseJsonl(text, "f", inImages)],
};

const FILES = rounds(2000);

for (const [name, [text, read]] of Object.entries(READERS)) {
  test(`${name}: ${FILES} damaged files give sound records or problems, never an exception`, () => {
    const random = seededRandom(2024);
    for (let i = 0; i < FILES; i++) {
      const damaged = mutateText(text, random);
      for (const { boxes, landmarks, labels, ignored } of read(damaged).records) {
        assert.ok(boxes.length === labels.length * 4 && landmarks.length === labels.length * 10);
        assert.is(ignored.length, labels.length);
        for (let b = 0; b < boxes.length; b += 4) {
          const sound = boxes[b + 2] > boxes[b] && boxes[b + 3] > boxes[b + 1];
          assert.ok(sound, `degenerate box from ${damaged}`);
        }
      }
    }
  });
}

test.run();
