import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readWiderValidation } from "@retinaface-webgpu/train/node";
import { PNG } from "pngjs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeMat } from "../support/mat-writer.js";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { runTrain } from "../support/train-command.node.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "train-cli-"));
const at = (name: string) => path.join(folder, name);

async function run(...args: string[]) {
  const { status, stdout, stderr } = await runTrain(...args);
  return { status, stdout, stderr, json: status === 2 ? undefined : JSON.parse(stdout) };
}

/** Images without stated sizes, with faces of two sizes, one bad row and one missing image. */
function writeDataset(): string {
  mkdirSync(at("images"));
  const lines: string[] = [];
  for (let i = 0; i < 6; i++) {
    const png = new PNG({ width: 90 + i, height: 70 });
    png.data.fill(100 + i * 20);
    writeFileSync(at(`images/${i}.png`), PNG.sync.write(png));
    lines.push(`# ${i}.png`, `10 10 ${12 + i} ${14 + i}`, `40 20 30 ${36 + i}`);
  }
  lines.push("1 2 three 4", "# missing.png", "1 2 3 4");
  writeFileSync(at("label.txt"), lines.join("\n"));
  return `wider:${at("label.txt")}`;
}

const data = writeDataset();

test("anchors: sizes from the images, a configuration file, a plot, problems by line", async () => {
  const args = [
    "--data",
    data,
    "-k",
    "3",
    "--max-k",
    "4",
    "--out",
    at("a.json"),
    "--plot",
    at("a.svg"),
  ];
  const { status, json, stderr } = await run("anchors", ...args);
  assert.is(status, 0, stderr);
  assert.equal([json.images, json.faces, json.problems], [6, 12, 2]);
  assert.is(json.search.length, 4);
  assert.match(stderr, `label.txt:19: not numbers: "1 2 three 4"`);
  assert.match(stderr, "there is no image");
  const config = JSON.parse(readFileSync(at("a.json"), "utf8"));
  assert.equal(config, { anchors: json.config.anchors, variances: [0.1, 0.2] });
  assert.is(config.anchors.minSizes.flat().length, 3);
  assert.match(readFileSync(at("a.svg"), "utf8"), "</svg>");
  const again = await run("anchors", "--data", data, "-k", "4", "--present", at("a.json"));
  assert.equal(again.json.recall.present, json.recall.proposed);
});

test("contact-sheet: a PNG of the samples; the same again, whatever the threads", async () => {
  const sheet = (out: string, workers: string) =>
    run(
      "contact-sheet",
      "--data",
      data,
      "--out",
      at(out),
      "--count",
      "4",
      "--tile",
      "40",
      "--columns",
      "2",
      "--size",
      "64",
      "--workers",
      workers,
    );
  const first = await sheet("a.png", "0");
  assert.is(first.status, 0, first.stderr);
  assert.equal([first.json.samples, first.json.problems], [4, 2]);
  const { width, height } = PNG.sync.read(readFileSync(at("a.png")));
  assert.equal([width, height], [92, 136]);
  await sheet("b.png", "2");
  assert.ok(readFileSync(at("a.png")).equals(readFileSync(at("b.png"))));
});

test("contact-sheet: unreadable images are named and make exit code 1", async () => {
  writeFileSync(at("images/broken.png"), "text");
  writeFileSync(
    at("broken.jsonl"),
    '{"image":"images/0.png","faces":[]}\n{"image":"images/broken.png","faces":[]}\n',
  );
  const { status, json, stderr } = await run(
    "contact-sheet",
    "--data",
    at("broken.jsonl"),
    "--out",
    at("c.png"),
    "--count",
    "2",
    "--workers",
    "0",
  );
  assert.is(status, 1);
  assert.equal([json.samples, json.problems], [1, 1]);
  assert.match(stderr, /broken\.png: /);
});

test("tune: stored candidates, without the network", async () => {
  const rows = Array.from({ length: 6 }, (_, i) => {
    const faces = [10, 10, 22 + i, 24 + i, 40, 20, 70, 56 + i];
    const shifted = faces.map((v) => v + 1);
    const scores = [0.9, 0.8, 0.5, 0.4, 0.1];
    return JSON.stringify({ id: `${i}.png`, boxes: [...faces, ...shifted, 0, 0, 9, 9], scores });
  });
  writeFileSync(at("c.jsonl"), `${rows.join("\n")}\n`);
  const { status, json, stderr } = await run(
    "tune",
    "--data",
    data,
    "--candidates",
    at("c.jsonl"),
    "--plot",
    at("t.svg"),
  );
  assert.is(status, 0, stderr);
  assert.is(json.best.f1, 1);
  assert.ok(json.best.visThreshold > 0.5 && json.best.nmsThreshold <= 0.7);
  assert.match(stderr, "best: --confidence-threshold");
  assert.match(readFileSync(at("t.svg"), "utf8"), "</svg>");
});

function writeWiderFiles(): void {
  mkdirSync(at("gt"));
  const column = (...values: number[]) => ({ dims: [values.length, 1], data: values });
  const lists = { easy: column(1), medium: column(1), hard: column(1, 2) };
  const boxes = { dims: [2, 4], data: [10, 50, 10, 50, 20, 8, 24, 9] };
  const face = { event_list: ["0--Parade"], file_list: [["a"]], face_bbx_list: [[boxes]] };
  writeFileSync(at("gt/wider_face_val.mat"), writeMat(face));
  for (const [setting, list] of Object.entries(lists)) {
    writeFileSync(at(`gt/wider_${setting}_val.mat`), writeMat({ gt_list: [[list]] }));
  }
  mkdirSync(at("sub/0--Parade"), { recursive: true });
  writeFileSync(at("sub/0--Parade/a.txt"), "a\n2\n10 10 20 24 0.9\n0 0 5 5 0.5\n");
}

test("evaluate --wider: judges a submission", async () => {
  writeWiderFiles();
  assert.is(readWiderValidation(at("gt")).length, 1);
  const { status, json, stderr } = await run(
    "evaluate",
    "--wider",
    at("gt"),
    "--predictions",
    at("sub"),
    "--json",
    at("w.json"),
    "--plot",
    at("w.svg"),
  );
  assert.is(status, 0, stderr);
  assert.equal(
    [json.easy, json.medium, json.hard],
    [
      { ap: 1, faces: 1 },
      { ap: 1, faces: 1 },
      { ap: 0.5, faces: 2 },
    ],
  );
  assert.is(JSON.parse(readFileSync(at("w.json"), "utf8")).curves.hard.length, 1000);
  rmSync(at("sub/0--Parade/a.txt"));
  const missing = await run("evaluate", "--wider", at("gt"), "--predictions", at("sub"));
  assert.equal([missing.status, missing.json.missing], [1, 1]);
});

test("wrong usage: exit code 2, nothing on standard output, the remedy named", async () => {
  const cases: [string[], RegExp][] = [
    [["anchors"], /--data/],
    [["anchors", "--data", at("nowhere")], /There is no data at/],
    [["anchors", "--data", data, "-k", "2"], /3 levels need k/],
    [["anchors", "--data", `${data}?colour=red`], /Unknown data option/],
    [["evaluate"], /either --data SPEC or --wider/],
    [["evaluate", "--wider", at("empty")], /Cannot read .*wider_face_val\.mat/],
    [["evaluate", "--data", data, "--scale", "huge"], /a scale is original, .*not "huge"/],
    [["evaluate", "--data", data, "--sizes", "0"], /positive numbers/],
    [["evaluate", "--data", data, "--weights", "a", "--weights", "a"], /a is given twice/],
    [["evaluate", "--wider", at("gt"), "--weights", "a", "--weights", "b"], /takes one --weights/],
    [["evaluate", "--data", `${data}?match=(`], /match=\( is no regular expression/],
    [["calibrate", "--data", data, "--min-size", "-1"], /at least 0/],
    [["calibrate", "--data", data, "--out", at("label.txt")], /label\.txt/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await run(...args);
    assert.is(status, 2, `${args}: ${stderr}`);
    assert.is(stdout, "");
    assert.match(stderr, message);
  }
  assert.not(existsSync(at("undefined")));
});

const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const MASKS = "data/face-mask";

sharedTest(test, "evaluate and tune with the public weights", [WEIGHTS, MASKS], async () => {
  const masks = `voc:${sharedPath(MASKS)}?classes=*=face&split=val&limit=3`;
  const common = ["--data", masks, "--weights", sharedPath(WEIGHTS), "--scale", "320"];
  const { status, json, stderr } = await run("evaluate", ...common);
  assert.is(status, 0, stderr);
  assert.is(json.images, 3);
  assert.ok(json.ap50 > 0.5, `AP ${json.ap50}`);
  assert.equal(json.protocol.scales, ["320"]);
  const tuned = await run("tune", ...common, "--save-candidates", at("kept.jsonl"));
  assert.is(tuned.status, 0, tuned.stderr);
  const same = tuned.json.table.find((row: { nmsThreshold: number }) => row.nmsThreshold === 0.4);
  assert.ok(Math.abs(same.ap50 - json.ap50) < 1e-6, "suppression afterwards changes nothing");
  const stored = await run("tune", "--data", masks, "--candidates", at("kept.jsonl"));
  assert.equal(stored.json.best.nmsThreshold, tuned.json.best.nmsThreshold);
  assert.ok(Math.abs(stored.json.best.f1 - tuned.json.best.f1) < 1e-6);
});

sharedTest(
  test,
  "weights side by side, and a threshold chosen and stored",
  [WEIGHTS, MASKS],
  async () => {
    const masks = `voc:${sharedPath(MASKS)}?classes=*=face&match=[16]\\.&limit=4`;
    const common = ["--data", masks, "--scale", "256"];
    const own = ["--weights", "default", "--weights", sharedPath(WEIGHTS)];
    const { status, json, stderr } = await run("evaluate", ...common, ...own, "--sizes", "8,24");
    assert.is(status, 0, stderr);
    const [first, second] = json.detectors;
    assert.equal([first.weights, second.weights], ["default", sharedPath(WEIGHTS)]);
    assert.equal(
      second.atThreshold.bySize.map(({ from }: { from: number }) => from),
      [8, 24],
    );
    assert.ok(
      second.ap50 > first.ap50 - 0.3 && second.milliseconds > 0 && first.ap50 !== second.ap50,
    );
    assert.match(stderr, /AP ≥ 8 {2}AP ≥ 24 {2}at score/);

    const out = at("calibrated.safetensors");
    const one = ["--weights", sharedPath(WEIGHTS), "--out", out];
    const calibrated = await run("calibrate", ...common, ...one, "--min-size", "8");
    assert.is(calibrated.status, 0, calibrated.stderr);
    const { best } = calibrated.json;
    assert.match(calibrated.stderr, /no photo is without a face/);
    const again = await run("evaluate", ...common, "--weights", out);
    assert.is(again.status, 0, again.stderr);
    assert.is(again.json.protocol.visThreshold, best.threshold);
    assert.ok(Math.abs(again.json.atThreshold.bySize[0].found - best.found) < 1e-9);
    assert.is(again.json.ap50, second.ap50);
    const refused = await run("calibrate", ...common, ...one);
    assert.is(refused.status, 2);
  },
);

test.after(() => rmSync(folder, { recursive: true }));

test.run();
