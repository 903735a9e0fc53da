/** Data that cannot be what their user meant: said with the remedy, not trained on in silence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseJsonl, parseWider, splitRecords } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { toRawImage } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exifSegment } from "../support/images.js";
import { encodeJpeg } from "../support/jpeg-encoder.js";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { throwsCode } from "../support/throws.js";
import { runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "data-traps-"));
const at = (...names: string[]) => path.join(folder, ...names);

function writePicture(file: string, width: number, height: number): void {
  const data = new Uint8ClampedArray(width * height * 4).fill(200);
  writeFileSync(file, encodePng({ data, width, height }));
}

const voc = (name: string, width: number, height: number, box: number[], label = "mask") =>
  `<annotation><filename>${name}</filename><size><width>${width}</width><height>${height}</height></size>
<object><name>${label}</name><bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox></object></annotation>`;

function writeClasses(): string {
  mkdirSync(at("classes"));
  const labels = ["mask", "mask", "bare", "odd"];
  for (const [i, label] of labels.entries()) {
    writePicture(at("classes", `${i}.png`), 40, 30);
    writeFileSync(at("classes", `${i}.xml`), voc(`${i}.png`, 40, 30, [4, 4, 20, 20], label));
  }
  return `voc:${at("classes")}`;
}

const classes = writeClasses();

test("a class that is not in the data is refused, with those that are", async () => {
  for (const chosen of ["face", "mask,bear=face", "*=face;hat=x"]) {
    throwsCode(
      () => loadDataset(`${classes}?classes=${chosen}`),
      "DATA",
      /no class "(face|bear|hat)".*mask \(2\), bare \(1\), odd \(1\)/,
    );
  }
  const { status, stderr } = await runTrain(
    "train",
    "--data",
    `${classes}?classes=face`,
    "--out",
    at("t"),
  );
  assert.is(status, 2);
  assert.match(stderr, /no class "face"/);
});

test("every class's fate is told; =ignored makes neither face nor background", async () => {
  const chosen = `${classes}?classes=mask=face;odd=ignored`;
  const { records, classes: fates } = loadDataset(chosen);
  assert.equal(
    records.map(({ labels, ignored }) => [labels[0] ?? "none", ignored[0] ?? -1]),
    [
      ["face", 0],
      ["face", 0],
      ["none", -1],
      ["ignored", 1],
    ],
  );
  assert.equal(fates, [
    { label: "mask", faces: 2, becomes: "face" },
    { label: "bare", faces: 1, becomes: "background" },
    { label: "odd", faces: 1, becomes: "ignored" },
  ]);
  const { stderr } = await runTrain(
    "contact-sheet",
    "--data",
    chosen,
    "--out",
    at("f.png"),
    "--size",
    "32",
  );
  assert.match(stderr, "class mask: 2 faces, taken as face");
  assert.match(stderr, /class bare: 1 faces, taken as background \(not chosen/);
  assert.match(stderr, "class odd: 1 faces, taken as ignored");
});

test("data without a face to learn, to validate or to tune by are refused", async () => {
  const none = `${classes}?classes=mask,bare,odd=ignored`;
  for (const args of [
    ["train", "--data", none, "--out", at("none")],
    ["train", "--data", classes, "--val", none, "--out", at("none")],
    ["tune", "--data", none],
  ]) {
    const { status, stdout, stderr } = await runTrain(...args);
    assert.equal([status, stdout], [2, ""], stderr);
    assert.match(stderr, /There is no face in the data/);
  }
});

/** A picture of 60×40 stored pixels with one dark rectangle, turned by EXIF. */
function writeTurned(name: string, orientation: number): void {
  const isDark = (x: number, y: number) => x >= 8 && x < 16 && y >= 8 && y < 24;
  const jpeg = encodeJpeg({
    width: 60,
    height: 40,
    components: [{ sample: (x, y) => (isDark(x, y) ? 0 : 255) }],
    app1: exifSegment(orientation),
  });
  writeFileSync(at("turned", `${name}.jpg`), jpeg);
  writeFileSync(at("turned", `${name}.xml`), voc(`${name}.jpg`, 60, 40, [8, 8, 16, 24]));
}

test("labels of the stored pixels of a turned photo are named, and read with orientation=raw", async () => {
  mkdirSync(at("turned"));
  for (let orientation = 1; orientation <= 8; orientation++)
    writeTurned(`o${orientation}`, orientation);
  const spec = `voc:${at("turned")}`;
  const { problems } = loadDataset(spec);
  assert.is(problems.length, 4);
  for (const { file, message } of problems) {
    assert.match(file, /o[5678]\.jpg$/);
    assert.match(message, /state 60×40, the upright picture has 40×60.*orientation=raw/);
  }
  assert.equal(loadDataset(`${spec}?orientation=upright`).problems, []);
  const raw = loadDataset(`${spec}?orientation=raw`);
  assert.equal(raw.problems, []);
  for (const { image, boxes, width } of raw.records) {
    const shown = await toRawImage(image as string);
    assert.is(shown.width, width);
    const [x1, y1, x2, y2] = boxes;
    const red = (x: number, y: number) => shown.data[(y * shown.width + x) * 4];
    assert.ok(red((x1 + x2) >> 1, (y1 + y2) >> 1) < 90, `${image}: the box is on the rectangle`);
    assert.ok(red(x1 + 1, y1 + 1) < 120 && red(x2 - 2, y2 - 2) < 120, `${image}: to its corners`);
    assert.ok(red((x1 + 20) % shown.width, (y1 + 30) % shown.height) > 200);
  }
});

test("labels of another copy of the picture, and boxes out of it, are counted", async () => {
  mkdirSync(at("copies"));
  writePicture(at("copies", "a.png"), 40, 30);
  writeFileSync(at("copies", "a.xml"), voc("a.png", 80, 60, [10, 10, 70, 50]));
  writePicture(at("copies", "b.png"), 40, 30);
  writeFileSync(at("copies", "b.xml"), voc("b.png", 40, 30, [10, 10, 41, 31]));
  const set = loadDataset(`voc:${at("copies")}`);
  assert.is(set.problems.length, 1);
  assert.match(set.problems[0].message, /state 80×60, the upright picture has 40×30.*another copy/);
  assert.equal(set.outside, { boxes: 1, of: 2 });
  writeFileSync(
    at("copies", "l.jsonl"),
    '{"image":"a.png","faces":[{"box":[1,1,9,9]},{"box":[1,1,9,90]}]}\n',
  );
  assert.equal(loadDataset(`jsonl:${at("copies", "l.jsonl")}`).outside, { boxes: 1, of: 2 });
  const args = ["--data", `voc:${at("copies")}`, "--out", at("o.png"), "--size", "32"];
  const { stdout, stderr } = await runTrain("contact-sheet", ...args, "--workers", "0");
  assert.match(stderr, /1 of 2 boxes \(50\.0 %\) reach out of their pictures/);
  assert.is(JSON.parse(stdout).problems, 1);
});

test("a face with incomplete landmarks keeps its box", () => {
  const faces = [
    '{"box":[0,0,9,9],"landmarks":[[1,2],[3,4]]}',
    '{"box":[1,0,9,9],"landmarks":[[1,2],[3,4],[5,6],[7,8],[9,null]]}',
    '{"box":[2,0,9,9],"landmarks":[1,2,3,4,5,6,7,8,9]}',
    '{"box":[3,0,9,9],"landmarks":[1,2,3,4,5,6,7,8,9,1e300]}',
    '{"box":[4,0,9,9],"landmarks":[1,2,3,4,5,6,7,8,9,10]}',
  ];
  const text = `{"image":"a","faces":[${faces}]}`;
  const { records, problems } = parseJsonl(text, "a.jsonl", (name) => name);
  assert.is(records[0].labels.length, faces.length);
  assert.equal([...records[0].landmarks.subarray(40)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.ok(records[0].landmarks.subarray(0, 40).every(Number.isNaN));
  assert.is(problems.length, 4);
  assert.ok(problems.every(({ line, message }) => line === 1 && /its box is kept$/.test(message)));
  const wider = parseWider(
    `# a.jpg\n1 2 30 40${" 1e300 1 0".repeat(5)} 0.5\n`,
    "l",
    (name) => name,
  );
  assert.is(wider.records[0].labels.length, 1);
  assert.match(wider.problems[0].message, /its box is kept/);
});

test("scores of JSON lines: faces from one on, ignored from the other; low ones are named", () => {
  const scores = [0.9, 0.35, 0.34, 0.08, 0.07];
  const faces = scores.map((score, i) => ({ box: [i, 0, i + 5, 5], score }));
  const text = JSON.stringify({ image: "a", faces });
  const read = (bands?: { face: number; ignore: number }) =>
    parseJsonl(text, "a", (name) => name, bands);
  const [banded] = read({ face: 0.35, ignore: 0.08 }).records;
  assert.equal([...banded.ignored], [0, 0, 1, 1]);
  const plain = read();
  assert.is(plain.records[0].labels.length, scores.length);
  assert.match(plain.problems[0].message, /scores down to 0\.07.*\?face=0\.35&ignore=0\.08/);
  for (const bad of ["face=0.5", "face=0.1&ignore=0.2", "ignore=2&face=0.3"]) {
    throwsCode(() => loadDataset(`jsonl:a?${bad}`), "DATA");
  }
  throwsCode(() => loadDataset(`${classes}?face=0.5&ignore=0.1`), "DATA", /JSON lines/);
});

test("a folder where a file is meant, and a format that is none, are told", async () => {
  mkdirSync(at("coco", "annotations"), { recursive: true });
  throwsCode(() => loadDataset(`coco:${at("coco")}`), "DATA", /is a folder.*none in it/);
  writeFileSync(at("coco", "annotations", "x.json"), "{}");
  throwsCode(
    () => loadDataset(`coco:${at("coco")}`),
    "DATA",
    /is a folder.*coco:.*annotations.x\.json/,
  );
  throwsCode(() => loadDataset(`jsonl:${at("coco")}`), "DATA", /is a folder/);
  throwsCode(() => loadDataset(`yolov99:${at("coco")}`), "DATA", /meant as a format: there are/);
  const args = ["--data", classes, "--candidates", at("nowhere", "c.jsonl")];
  const { status, stderr } = await runTrain("tune", ...args);
  assert.not.equal(status, 0);
  assert.match(stderr, /nowhere/);
  assert.not.match(stderr, /ENOENT/);
});

test("a grouped split keeps what belongs together on one side", () => {
  const ids = Array.from({ length: 40 }, (_, i) => `clip${i % 8}/frame${i}.png`);
  const records = ids.map((id) => ({ ...loadDataset(classes).records[0], id }));
  const { train, val } = splitRecords(records, 0.75, 1, { group: /^(clip\d)/ });
  const clips = (list: typeof records) => new Set(list.map(({ id }) => id.slice(0, 5)));
  assert.equal([train.length, val.length], [30, 10]);
  for (const clip of clips(val)) assert.not(clips(train).has(clip));
  throwsCode(() => loadDataset(`${classes}?group=(`), "DATA", /regular expression/);
});

sharedTest(
  test,
  "an ensemble's labels are read as JSON lines",
  ["data/photos/labels.jsonl"],
  () => {
    const file = sharedPath("data/photos/labels.jsonl");
    const { records, problems } = loadDataset(`jsonl:${file}?face=0.35&ignore=0.08`);
    assert.equal(problems, []);
    const ignored = records.reduce(
      (sum, record) => sum + record.ignored.reduce((a, b) => a + b, 0),
      0,
    );
    const faces = records.reduce((sum, { labels }) => sum + labels.length, 0) - ignored;
    assert.ok(records.length > 2000 && faces > 7000 && ignored > 10_000, `${faces} ${ignored}`);
    assert.ok(records.some(({ landmarks }) => landmarks.some(Number.isFinite)));
  },
);

test.after(() => rmSync(folder, { recursive: true }));

test.run();
