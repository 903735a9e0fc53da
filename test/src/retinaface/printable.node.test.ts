import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { printable, printableJson, printableLines } from "retinaface-webgpu/node";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectPhotos } from "../../../packages/retinaface/dist/cli/detect.js";
import { start } from "../support/command.node.js";
import { encodePng } from "../support/png-encoder.node.js";
import { Sink } from "../support/sink.node.js";
import { skip } from "../support/skip.js";

/* Nothing from outside is obeyed by a terminal. */

const test = suite("printable");
const dist = (name: string, main: string) =>
  fileURLToPath(new URL(main, import.meta.resolve(name)));
const DETECT = dist("retinaface-webgpu", "./program/main.js");
const TRAIN = dist("@retinaface-webgpu/train", "./program/main.js");
const folder = mkdtempSync(path.join(tmpdir(), "printable-"));
test.after(() => rmSync(folder, { recursive: true }));

// biome-ignore lint/suspicious/noControlCharactersInRegex: the ones that must not come through
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2028\u2029\u2066-\u2069]/u;
const ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\x7f";

test("every character that a terminal obeys is shown, all others stay", () => {
  for (let code = 0; code < 0x11_0000; code += code < 0x3000 ? 1 : 97) {
    const character = String.fromCodePoint(code);
    const shown = printable(character);
    assert.not.match(shown, OBEYED, `U+${code.toString(16)}`);
    assert.not.match(shown, "\n");
    if (shown !== character) assert.match(shown, /^\\([nrt]|x[0-9a-f]{2}|u\{[0-9a-f]+\})$/);
  }
  const kept = "Zoë, 北京, 👩\u200d👩\u200d👧 a/b\\c é";
  assert.is(printable(kept), kept);
  assert.is(printable("a\nb"), "a\\nb");
  assert.is(printableLines("a\nb\x1b"), "a\nb\\x1b");
});

test("JSON is equal to its value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
      for (const each of [value, text, { [text]: [text, value] }]) {
        const line = printableJson(each);
        assert.not.match(line, OBEYED);
        assert.not.match(line, "\n");
        assert.is(JSON.stringify(JSON.parse(line)), JSON.stringify(each));
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});

/** What was said must neither be obeyed nor hide that it was there. */
function checkSaid(text: string, shown = true): void {
  assert.not.match(text, OBEYED);
  if (shown) assert.match(text, "owned");
}

test("arguments of both commands", async () => {
  const cases: [string, string[]][] = [
    [DETECT, ["detect", `${ESCAPES}.jpg`]],
    [DETECT, ["detect", ".", `--${ESCAPES}`]],
    [DETECT, [ESCAPES]],
    [DETECT, ["detect", ".", "--weights", ESCAPES]],
    [DETECT, ["convert", ESCAPES, path.join(folder, "o")]],
    [DETECT, ["convert", "in", `${ESCAPES}/o`]],
    [DETECT, ["pull", ESCAPES]],
    [TRAIN, ["anchors", "--data", ESCAPES]],
    [TRAIN, ["evaluate", "--wider", ESCAPES]],
    [TRAIN, ["compare", "--recipe", ESCAPES, "--data", ".", "--out", "x"]],
    [TRAIN, [ESCAPES]],
  ];
  for (const [program, args] of cases) {
    const { stdout, stderr, code } = await start(process.execPath, [program, ...args], {
      cwd: folder,
    }).ended;
    assert.ok(code === 1 || code === 2, `${args}: ${code}`);
    assert.match(stdout + stderr, "owned", args.join(" "));
    checkSaid(stdout + stderr);
  }
});

if (process.platform === "win32") skip(test, "names of files", "such names do not exist here");
else {
  test("names of files, in lines, notes and the progress bar", async () => {
    const file = path.join(folder, `${ESCAPES}\n.png`);
    writeFileSync(
      file,
      encodePng({ width: 900, height: 8, depth: 8, colourType: 0, sample: () => 9 }),
    );
    const streams = { stdout: new Sink(), stderr: new Sink() };
    let calls = 0;
    await detectPhotos({
      photos: [{ file }, { file: `${ESCAPES}absent` }],
      load: async () => ({
        detect: async () => {
          if (calls++ > 0) return [];
          throw Object.assign(new Error(ESCAPES), { code: "GPU_OUT_OF_MEMORY" });
        },
        dispose() {},
        backend: "wasm" as const,
        threads: 1,
      }),
      streams,
    });
    const lines = streams.stdout.text.trimEnd().split("\n");
    assert.is(lines.length, 2);
    assert.is(JSON.parse(lines[0]).file, file);
    checkSaid(streams.stdout.text);
    checkSaid(streams.stderr.text);
    assert.is(streams.stderr.text.trimEnd().split("\n").length, 1, "one note is one line");
  });
}

test("labels of a data set: category names, ids, paths, what is wrong with them", async () => {
  writeFileSync(
    path.join(folder, "a.png"),
    encodePng({ width: 60, height: 60, depth: 8, colourType: 0, sample: () => 9 }),
  );
  const category = (id: number, name: unknown) => ({ id, name });
  const coco = {
    images: [
      { id: 1, file_name: "a.png" },
      { id: ESCAPES, file_name: `${ESCAPES}\n.png` },
    ],
    annotations: [
      { id: 1, image_id: 1, category_id: 1, bbox: [2, 2, 20, 20] },
      { id: 2, image_id: 1, category_id: 1, bbox: [5, 5, 30, 30] },
      { id: 3, image_id: 1, category_id: 2, bbox: [1, 5, 9, 30] },
      { id: ESCAPES, image_id: ESCAPES, category_id: 1, bbox: [ESCAPES] },
    ],
    categories: [category(1, `${ESCAPES}\nclass`), category(2, { toString: 1 })],
  };
  writeFileSync(path.join(folder, "coco.json"), JSON.stringify(coco));
  const args = ["anchors", "--data", "coco:coco.json", "-k", "3", "--max-k", "3"];
  const { code, stdout, stderr } = await start(process.execPath, [TRAIN, ...args], {
    cwd: folder,
  }).ended;
  assert.is(code, 0, stderr);
  checkSaid(stderr);
  checkSaid(stdout, false);
  assert.match(stderr, /owned.*\\nclass/);
});

test.run();
