/** The same pictures labelled in every form: equal records, and training runs that are equal to the bit. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { FaceRecord } from "@retinaface-webgpu/train";
import { loadDataset } from "@retinaface-webgpu/train/node";
import { type Zippable, zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  cocoOf,
  csvOf,
  cvatOf,
  drawPictures,
  labelStudioOf,
  openImagesOf,
  writeYolo,
} from "../support/label-forms.node.js";
import { trainProgram } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "format-runs-"));
const at = (...names: string[]) => path.join(folder, ...names);
process.env.XDG_CACHE_HOME = at("cache");
test.after(() => rmSync(folder, { recursive: true, force: true }));

const PICTURES = 50;
const pictures = drawPictures(at("images", "train"), PICTURES);
const images = at("images", "train");

const yolo = writeYolo(folder, pictures);
writeFileSync(at("faces.csv"), csvOf(pictures));
writeFileSync(at("coco.json"), cocoOf(pictures));
writeFileSync(at("annotations.xml"), cvatOf(pictures));
writeFileSync(at("studio.json"), labelStudioOf(pictures));

/** SPECs of one set, each found out by its path alone. */
const SPECS: Readonly<Record<string, string>> = {
  coco: `${at("coco.json")}`,
  yolo,
  csv: at("faces.csv"),
  cvat: at("annotations.xml"),
  labelstudio: at("studio.json"),
};
const specOf = (form: string) =>
  form === "yolo" ? SPECS.yolo : `${form}:${SPECS[form]}:${images}`;

/** What a record says, to compare: a missing landmark is no number. */
const plain = ({ id, boxes, labels, ignored, landmarks }: FaceRecord) => ({
  ...{ id, labels },
  boxes: [...boxes],
  ignored: [...ignored],
  landmarks: landmarks.join(),
});

test("every form gives the same records", () => {
  const expected = loadDataset(specOf("coco")).records;
  assert.is(expected.length, PICTURES);
  assert.equal(expected[0].labels, pictures[0].labels);
  for (const form of Object.keys(SPECS)) {
    const { records, problems } = loadDataset(specOf(form));
    assert.equal(problems, [], form);
    assert.equal(records.map(plain), expected.map(plain), form);
  }
});

test("Open Images gives the same boxes, and is told from other CSV files", () => {
  mkdirSync(at("open"));
  cpSync(images, at("open", "images"), { recursive: true });
  writeFileSync(at("open", "train-annotations-bbox.csv"), openImagesOf(pictures));
  writeFileSync(at("open", "class-descriptions-boxable.csv"), "/m/bare,bare\n/m/mask,mask\n");
  const { records, problems } = loadDataset(at("open", "train-annotations-bbox.csv"));
  assert.equal(problems, []);
  const labelled = loadDataset(specOf("coco")).records.filter(({ labels }) => labels.length > 0);
  assert.equal(
    records.map(({ id, boxes, labels }) => ({ id, boxes, labels })),
    labelled.map(({ id, boxes, labels }) => ({ id, boxes, labels })),
  );
});

test("a ZIP archive is unpacked once and recognised", () => {
  const files: Zippable = {};
  for (const { name } of pictures) {
    files[`set/images/train/${name}`] = readFileSync(path.join(images, name));
    const label = name.replace(".png", ".txt");
    files[`set/labels/train/${label}`] = readFileSync(at("labels", "train", label));
  }
  files["set/data.yaml"] = readFileSync(yolo);
  files["__MACOSX/._set"] = new Uint8Array(1);
  writeFileSync(at("set.zip"), zipSync(files));
  const first = loadDataset(at("set.zip"));
  const again = loadDataset(`yolo:${at("set.zip")}/data.yaml`);
  assert.equal([first.unpacked[0].fresh, again.unpacked[0].fresh], [true, false]);
  assert.ok(first.unpacked[0].folder.startsWith(at("cache")));
  const { records } = loadDataset(specOf("yolo"));
  for (const { records: read } of [first, again]) {
    assert.equal(
      read.map(({ id, boxes, labels }) => ({ id, boxes, labels })),
      records.map(({ id, boxes, labels }) => ({ id, boxes, labels })),
    );
  }
});

function train(form: string): { losses: string; weights: Buffer } {
  const out = at(`run-${form}`);
  const small = ["--width", "0.0625", "--channels", "16", "--image-size", "64", "--workers", "0"];
  const size = ["--batch-size", "5", "--epochs", "1", "--val", "none"];
  const data = `${specOf(form)}?classes=*=face`;
  const { status, stderr } = spawnSync(
    process.execPath,
    [trainProgram, "train", "--data", data, "--out", out, ...small, ...size],
    { encoding: "utf8", timeout: 180_000 },
  );
  assert.is(status, 0, stderr);
  const lines = readFileSync(path.join(out, "metrics.jsonl"), "utf8").trim().split("\n");
  const steps = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "step");
  assert.is(steps.length, PICTURES / 5);
  const losses = steps.map(({ step, total, lr }) => `${step} ${total} ${lr}`).join("\n");
  return { losses, weights: readFileSync(path.join(out, "final.safetensors")) };
}

test("YOLO, CSV and COCO give the same training run to the bit", () => {
  const [coco, ...others] = ["coco", "yolo", "csv"].map(train);
  for (const other of others) {
    assert.is(other.losses, coco.losses);
    assert.ok(other.weights.equals(coco.weights), "the weights differ");
  }
});

test.run();
