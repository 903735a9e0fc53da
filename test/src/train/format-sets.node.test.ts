/** Sets of files in foreign formats: what is found in them, archives, options, the guide's table, stratified splits. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  DATA_FORMATS,
  type FaceRecord,
  formatProblem,
  formatTableMarkdown,
  mapClasses,
  parseDataSpec,
  type ReadResult,
  splitRecords,
} from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { csvOf, drawPictures } from "../support/label-forms.node.js";
import { repository } from "../support/repository.node.js";
import { throwsCode } from "../support/throws.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "format-sets-"));
const at = (...names: string[]) => path.join(folder, ...names);
process.env.XDG_CACHE_HOME = at("cache");
test.after(() => rmSync(folder, { recursive: true, force: true }));

const said = ({ problems }: ReadResult) => problems.map(formatProblem);
const boxesOf = ({ records }: ReadResult) => records.map(({ boxes }) => [...boxes]);
const write = (name: string, text: string | Uint8Array) => {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
};

test("YOLO sets: parts, pictures without labels, labels without pictures, no labels at all", () => {
  drawPictures(at("y", "images", "train"), 3, 32);
  drawPictures(at("y", "images", "val"), 1, 32);
  write("y/labels/train/000.txt", "0 0.5 0.5 0.5 0.5\n");
  write("y/labels/train/stray.txt", "");
  write("y/labels/train/classes.txt", "face\n");
  write("y/labels/val/000.txt", "0 0.5 0.5 0.25 0.25\n");
  const yaml = write(
    "y/data.yaml",
    "path: ../y\ntrain: ../images/train\nval: images/val\nnames: [face]\n",
  );
  const train = loadDataset(`${yaml}`);
  assert.equal(
    train.records.map(({ id, labels }) => [id, labels.length]),
    [
      ["000.png", 1],
      ["001.png", 0],
      ["002.png", 0],
    ],
  );
  assert.match(said(train).join("\n"), /stray\.txt:1: there is no picture/);
  assert.match(said(train).join("\n"), /2 of 3 pictures have no label file/);
  assert.equal(boxesOf(loadDataset(`yolo:${at("y")}?part=val`)), [[12, 12, 20, 20]]);
  throwsCode(
    () => loadDataset(`${yaml}?part=test`),
    "DATA",
    /no test; there are part=train, part=val/,
  );
  throwsCode(() => loadDataset(`yolo:${at("y", "images")}`), "DATA", /No picture .* has labels/);
  write("gone/data.yaml", "train: nowhere\nnames: [face]\n");
  throwsCode(() => loadDataset(at("gone")), "DATA", /names nowhere, which is not there/);
});

/** An archive whose directory says that its one file has so many bytes. */
function declaring(size: number): Uint8Array {
  const archive = zipSync({ "a.csv": new Uint8Array(9) });
  const view = new DataView(archive.buffer);
  for (let at = 0; ; at++) {
    if (view.getUint32(at, true) !== 0x02014b50) continue;
    view.setUint32(at + 24, size, true);
    return archive;
  }
}

test("archives: what leads out, what is damaged, what unpacks to too much", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const cases: [string, Uint8Array, RegExp][] = [
    ["out.zip", zipSync({ "../evil.csv": bytes("x") }), /leads out of its folder/],
    ["abs.zip", zipSync({ "/evil.csv": bytes("x") }), /leads out of its folder/],
    ["none.zip", zipSync({}), /holds no file/],
    ["text.zip", bytes("no archive at all, but a text"), /cannot be unpacked/],
    ["bomb.zip", declaring(2 ** 28 + 1), /would unpack to/],
  ];
  for (const [name, content, message] of cases) {
    write(name, content);
    throwsCode(() => loadDataset(at(name)), "DATA", message);
  }
  throwsCode(() => loadDataset(at("absent.zip")), "DATA", /There is no data at/);
});

test("options of one format are refused for others, named or recognised", () => {
  const csv = write("o/f.csv", "image,x1,y1,x2,y2\n");
  const cases: [string, RegExp][] = [
    [`voc:${folder}?units=shares`, /units is for CSV, a row a face \(csv\), not voc/],
    [`csv:${csv}?part=val`, /part is for YOLO/],
    [`${csv}?face=0.5&ignore=0.1`, /JSON lines/],
    [`yolo:${folder}?part=dev`, /train, val or test/],
    [`csv:${csv}?units=inches`, /pixels or shares/],
    [`csv:${csv}?columns=%zz`, /write %25/],
  ];
  for (const [spec, message] of cases) throwsCode(() => loadDataset(spec), "DATA", message);
});

test("a folder is read where it holds one label file, and named where it holds several", () => {
  const [one] = drawPictures(at("one"), 1, 32);
  const csv = csvOf([one]);
  write("one/labels.csv", csv);
  assert.is(loadDataset(at("one")).records.length, 1);
  write("one/more.csv", csv);
  throwsCode(() => loadDataset(at("one")), "DATA", /2 label files: name one of .*labels\.csv/);
});

test("every format has a row in the documentation, a place in the SPEC and in the help", () => {
  const guide = readFileSync(path.join(repository, "docs/data-and-evaluation.md"), "utf8");
  assert.ok(
    guide.includes(formatTableMarkdown()),
    `the guide lacks this table:\n${formatTableMarkdown()}`,
  );
  for (const { name } of DATA_FORMATS) assert.is(parseDataSpec(`${name}:x`)[0].format, name);
});

test("a stratified split has every class on both sides, by the labels' own names", () => {
  const record = (id: string, labels: string[]): FaceRecord => ({
    id,
    image: id,
    labels,
    boxes: new Float32Array(labels.length * 4),
    landmarks: new Float32Array(labels.length * 10).fill(Number.NaN),
    ignored: new Uint8Array(labels.length),
  });
  const records = Array.from({ length: 60 }, (_, i) => {
    const rare = i % 20 === 7 ? ["rare"] : i % 5 === 0 ? ["mask"] : [];
    return record(`cam${i % 3}/${i}`, i % 10 === 9 ? [] : ["bare", ...rare]);
  });
  const holds = (list: readonly FaceRecord[], label: string) =>
    list.filter(({ labels }) => labels.includes(label)).length;
  for (let seed = 1; seed <= 20; seed++) {
    const { train, val } = splitRecords(records, 0.8, seed, { stratify: "class" });
    assert.equal([train.length, val.length], [48, 12]);
    assert.equal([holds(val, "rare"), holds(train, "rare")], [1, 2]);
    assert.ok(Math.abs(holds(val, "mask") - holds(records, "mask") / 5) < 1);
    const byCamera = splitRecords(records, 0.8, seed, { stratify: /^cam\d/ });
    for (const camera of [0, 1, 2]) {
      assert.is(byCamera.val.filter(({ id }) => id.startsWith(`cam${camera}/`)).length, 4);
    }
    const grouped = splitRecords(records, 0.5, seed, { stratify: "class", group: /\/(\d)/ });
    const tens = (list: readonly FaceRecord[]) =>
      new Set(list.map(({ id }) => id.split("/")[1][0]));
    for (const ten of tens(grouped.val)) assert.not(tens(grouped.train).has(ten));
  }
  const plain = splitRecords(records, 0.8, 1).val.map(({ id }) => id);
  const mapped = splitRecords(
    mapClasses(records, () => "face"),
    0.8,
    1,
  ).val.map(({ id }) => id);
  assert.equal(plain, mapped, "without stratify labels do not count");
});

test.run();
