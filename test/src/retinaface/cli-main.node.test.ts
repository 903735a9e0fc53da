import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../support/png-encoder.node.js";
import { repository } from "../support/repository.node.js";
import { readShared, sharedTest } from "../support/shared.js";
import { tinyWeights } from "../support/tiny-detector.js";

const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const WEIGHTS = "weights/mobilenet0.25_Final.pth";
const PHOTO = "images/portraits/astronaut.png";

const test = suite("cli-main");
let folder = "";

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-main-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(
  args: string[],
  onStdout?: (text: string, kill: () => void) => void,
  env: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...process.env, RETINAFACE_WEIGHTS: "", XDG_CACHE_HOME: folder, ...env },
  });
  const ended: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    ended.stdout += chunk;
    onStdout?.(ended.stdout, () => child.kill("SIGINT"));
  });
  child.stderr.on("data", (chunk) => {
    ended.stderr += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ ...ended, code }));
  });
}

const linesOf = ({ stdout }: Ended) =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

async function putShared(name: string, shared: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, await readShared(shared));
  return file;
}

test("wrong usage: exit code 2, a reason on standard error, nothing on standard output", async () => {
  await writeFile(
    path.join(folder, "p.png"),
    encodePng({
      width: 8,
      height: 8,
      depth: 8,
      colourType: 0,
      sample: () => 9,
    }),
  );
  const cases: [string[], RegExp][] = [
    [["detect", "p.png", "--top-k", "many"], /--top-k.*whole number/s],
    [["detect", "p.png", "--nms-threshold", "1.5"], /number from 0 to 1/],
    [["detect", "p.png", "--max-side", "0"], /at least 1/],
    [["detect", "p.png", "--precision", "f8"], /--precision.*f32, f16/],
    [["detect", "p.png", "--unknown"], /unknown option/],
    [["detect", "p.png", "--backend", "cuda"], /--backend.*auto, webgpu, wasm/],
    [["detect", "p.png", "--threads", "0"], /--threads.*at least 1/s],
    [["detect", "p.png", "--threads", "1000"], /threads.*1 to 64.*OPTION_INVALID/],
    [["detect", "p.png", "--backend", "wasm", "--precision", "f16"], /f32.*PRECISION_UNAVAILABLE/],
    [["detect", "p.png", "--backend", "wasm", "--tune"], /tune.*webgpu.*OPTION_INVALID/],
    [["detect", "p.png", "--weights", "absent.pth"], /absent\.pth.*retinaface pull/s],
    [["dettect"], /unknown command/],
    [["convert", "only-one"], /missing required argument/],
    [["pull", "no-such-name"], /mobilenet0\.25/],
  ];
  await Promise.all(
    cases.map(async ([args, reason]) => {
      const { code, stdout, stderr } = await run(args);
      assert.is(code, 2, `${args.join(" ")}: ${stderr}`);
      assert.is(stdout, "");
      assert.match(stderr, reason);
      assert.not.match(stderr, /\n\s+at /, "no stack");
    }),
  );
});

test("help: exit code 0", async () => {
  const { code, stdout } = await run(["detect", "--help"]);
  assert.is(code, 0);
  const options = ["--weights", "--out", "--max-side", "--confidence-threshold", "--top-k"];
  for (const option of [...options, "--precision", "--tune"]) {
    assert.ok(stdout.includes(option), option);
  }
});

test("convert: damaged checkpoints are exit code 1 and leave no file", async () => {
  await writeFile(path.join(folder, "bad.pth"), "not a checkpoint");
  const { code, stderr, stdout } = await run(["convert", "bad.pth", "bad.safetensors"]);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, /CHECKPOINT_UNSUPPORTED/);
  assert.not.ok((await readdir(folder)).includes("bad.safetensors"));
});

sharedTest(test, "convert, then detect: bad files fail alone", [WEIGHTS, PHOTO], async () => {
  const weights = await putShared("w.pth", WEIGHTS);
  const converted = await run(["convert", weights, "w.safetensors", "--half"]);
  assert.is(converted.code, 0, converted.stderr);
  const [{ file, bytes }] = linesOf(converted);
  assert.is(file, "w.safetensors");
  assert.ok(bytes > 800_000 && bytes < 950_000);

  const photo = await putShared("a.png", PHOTO);
  await symlink(photo, path.join(folder, "z.jpg"));
  await writeFile(path.join(folder, "empty.jpg"), "");
  await writeFile(path.join(folder, "text.jpg"), "a text");
  await writeFile(path.join(folder, "cut.png"), (await readShared(PHOTO)).subarray(0, 90_000));
  const photos = ["a.png", "empty.jpg", "text.jpg", "cut.png", "z.jpg", "absent.jpg"];
  const options = ["--weights", "w.safetensors", "--max-side", "320", "--out", "o"];
  const ended = await run(["detect", ...photos, ...options]);
  assert.is(ended.code, 1, ended.stderr);
  const lines = linesOf(ended);
  assert.equal(
    lines.map((line) => line.file),
    photos,
  );
  assert.equal(
    lines.map(({ error, faces }) => error?.code ?? faces.length),
    [1, "IMAGE_EMPTY", "IMAGE_UNSUPPORTED", "IMAGE_CORRUPT", 1, "IMAGE_UNREADABLE"],
  );
  const [x1, y1, x2, y2] = lines[0].faces[0].box;
  assert.ok(x1 > 150 && x1 < 200 && y1 > 40 && y1 < 90 && x2 > 240 && x2 < 290 && y2 > 160);
  assert.equal(lines[4].faces, lines[0].faces);
  assert.equal((await readdir(path.join(folder, "o"))).sort(), ["a.png", "z.png"]);
});

sharedTest(test, "without a photo, the three faces of the sample", [WEIGHTS], async () => {
  const weights = await putShared("w.pth", WEIGHTS);
  const ended = await run(["detect", "--weights", weights]);
  assert.is(ended.code, 0, ended.stderr);
  const [{ width, height, faces }] = linesOf(ended);
  assert.equal([width, height, faces.length], [640, 400, 3]);
  for (const { score } of faces) assert.ok(score > 0.9);
});

sharedTest(
  test,
  "without a Vulkan driver the faces are found by WebAssembly, with one by either",
  [WEIGHTS],
  async () => {
    const weights = await putShared("w.pth", WEIGHTS);
    const args = ["detect", "--weights", weights, "--timings"];
    const nothing = { VK_DRIVER_FILES: "/nonexistent", VK_ICD_FILENAMES: "/nonexistent" };
    const without = await run(args, undefined, nothing);
    assert.is(without.code, 0, without.stderr);
    const said =
      /retinaface: wasm, \d+ thread\(s\): 1 photo\(s\), median ms: decode .*network .*total/;
    assert.match(without.stderr, said);
    const faces = (ended: typeof without) => linesOf(ended)[0].faces;
    assert.is(faces(without).length, 3);
    const gpu = await run([...args, "--backend", "webgpu"]);
    assert.match(gpu.stderr, /retinaface: webgpu: 1 photo/);
    assert.is(faces(gpu).length, 3);
    const refused = await run([...args, "--backend", "webgpu"], undefined, nothing);
    assert.is(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, /WEBGPU_UNAVAILABLE/);
    const half = await run([...args, "--precision", "f16"], undefined, nothing);
    assert.is(half.code, 1, half.stdout);
    assert.match(half.stderr, /WEBGPU_UNAVAILABLE/);
  },
);

test("--tune measures once, the next run knows; what it has to say is on standard error", async () => {
  const host = await createHostDevice();
  await writeFile(path.join(folder, "tiny.safetensors"), await tinyWeights(host));
  host.destroy();
  const tiny = ["--weights", "tiny.safetensors", "--vis-threshold", "0", "--keep-top-k", "20"];
  const args = ["detect", "--max-side", "64", ...tiny, "--tune"];
  const kept = path.join(folder, "retinaface-webgpu", "kernels.json");
  const first = await run(args);
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, /measuring \d+ convolutions/);
  const text = await readFile(kept, "utf8");
  const second = await run(args);
  assert.not.match(second.stderr, /measuring/);
  assert.equal(linesOf(second), linesOf(first));
  assert.is(linesOf(first)[0].faces.length, 20);
  assert.is(await readFile(kept, "utf8"), text);
});

test("--precision f16: about the same faces, or exit code 2 where the adapter cannot", async () => {
  const args = ["detect", "--max-side", "320"];
  const withheld = {
    NODE_OPTIONS: `--import ${pathToFileURL(path.join(repository, "tools/lib/withhold.mjs"))}`,
    WITHHOLD: "shader-f16",
  };
  const refused = await run([...args, "--precision", "f16"], undefined, withheld);
  assert.is(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /shader-f16.*f32.*\[PRECISION_UNAVAILABLE\]/);
  assert.is(refused.stdout, "");
  const half = await run([...args, "--precision", "f16"]);
  if (half.code === 2) return console.log("# skipped: the adapter has no shader-f16");
  const single = await run([...args, "--precision", "f32", "--backend", "webgpu"]);
  const [a, b] = [half, single].map((ended) => linesOf(ended)[0].faces);
  assert.is(a.length, b.length);
  assert.not.equal(a, b);
  for (const [i, { box, score }] of a.entries()) {
    assert.ok(Math.abs(score - b[i].score) < 0.01);
    for (const [side, v] of box.entries()) assert.ok(Math.abs(v - b[i].box[side]) < 0.5);
  }
});

sharedTest(test, "Ctrl-C leaves whole lines and exit code 130", [WEIGHTS, PHOTO], async () => {
  const weights = await putShared("w.pth", WEIGHTS);
  await putShared("a.png", PHOTO);
  const photos = new Array(200).fill("a.png");
  let interrupted = false;
  const ended = await run(
    ["detect", ...photos, "--weights", weights, "--max-side", "160"],
    (stdout, interrupt) => {
      // A second one would end the process at once.
      if (interrupted || !stdout.includes("\n")) return;
      interrupted = true;
      interrupt();
    },
  );
  assert.is(ended.code, 130, ended.stderr);
  assert.ok(ended.stdout.endsWith("}\n"));
  const count = linesOf(ended).length;
  assert.ok(count >= 1 && count < 200, `${count} lines`);
});

test.run();
