/* The command on the odd files at hand: the face of good.jpg in each, at the same place. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../support/command.node.js";
import { listShared, readShared, sharedTest } from "../support/shared.js";

const FOLDER = "inputs/odd";
const WEIGHTS = "weights/mobilenet0.25_Final.pth";

const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const detect = (args: string[]) => start(process.execPath, [MAIN, ...args]).ended;

interface Line {
  file: string;
  faces?: { box: number[] }[];
  warnings?: string[];
  error?: { code: string };
}

sharedTest(test, "detect shows the face of every odd file", [FOLDER, WEIGHTS], async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "retinaface-odd-"));
  try {
    const names = (await listShared(FOLDER)).filter((name) => /\.(jpg|png)$/.test(name));
    assert.ok(names.length >= 12);
    const files: string[] = [];
    for (const name of names) {
      files.push(path.join(folder, path.basename(name)));
      await writeFile(files.at(-1) as string, await readShared(`${FOLDER}/${name}`));
    }
    const good = await readFile(path.join(folder, "good.jpg"));
    const cut = path.join(folder, "cut.jpg");
    await writeFile(cut, good.subarray(0, Math.round(good.length * 0.9)));
    const weights = path.join(folder, "weights.pth");
    await writeFile(weights, await readShared(WEIGHTS));
    const args = ["detect", ...files, cut, "--weights", weights];
    const shown = await detect([...args, "--truncated", "show", "--clip"]);
    assert.is(shown.code, 0, shown.stderr);
    const lines: Line[] = shown.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const byName = new Map(lines.map((line) => [path.basename(line.file), line]));
    const [face] = byName.get("good.jpg")?.faces ?? [];
    for (const [name, { faces }] of byName) {
      assert.is(faces?.length, 1, name);
      const off = Math.max(
        ...(faces?.[0].box ?? []).map((value, i) => Math.abs(value - face.box[i])),
      );
      assert.ok(name === "cut.jpg" || off <= 1, `${name}: off by ${off}`);
    }
    assert.match(byName.get("no-eoi-samsung-trailer.jpg")?.warnings?.join() ?? "", /no end marker/);
    assert.match(byName.get("cut.jpg")?.warnings?.join() ?? "", /end early/);
    const strict = await detect(["detect", cut, "--weights", weights]);
    assert.is(strict.code, 1);
    assert.is((JSON.parse(strict.stdout) as Line).error?.code, "IMAGE_CORRUPT");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
