/** `export --pth`, and what PyTorch reads of it, where python3 and torch are installed. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readOnnx } from "@retinaface-webgpu/onnx";
import { type HostTensor, nn, readCheckpoint, tensor } from "@retinaface-webgpu/tensor";
import { DEFAULT_CONFIG, inferNetwork, loadNetwork } from "retinaface-webgpu";
import { locateWeights } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { start } from "../../support/command.node.js";
import { useDevice } from "../../support/gpu.js";
import { Random } from "../../support/random.js";
import { repository } from "../../support/repository.node.js";
import { sharedTest } from "../../support/shared.js";
import { sharedPath } from "../../support/shared-files.node.js";
import { skip } from "../../support/skip.js";

const device = useDevice(test);
const MAIN = path.join(repository, "packages/retinaface/dist/program/main.js");
const REFERENCE = path.join(repository, "test/src/reference/retinaface_torch.py");
const OFFICIAL = "weights/mobilenet0.25_Final.pth";
const SIDE = 96;

const folder = mkdtempSync(path.join(os.tmpdir(), "export-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const run = (...args: string[]) => start(process.execPath, [MAIN, "export", ...args]).ended;

const bytesOf = ({ data }: HostTensor) =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const digest = (value: HostTensor) => createHash("sha256").update(bytesOf(value)).digest("hex");

const FINDS_TORCH = "from importlib.util import find_spec as f; assert f('torch') and f('numpy')";

/** Debian's torch belongs to its own Python, which need not be the first on the path. */
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", FINDS_TORCH]).status === 0,
);

test("the default weights: the same names, shapes and bits; their configuration is printed", async () => {
  const ended = await run("--pth", at("own.pth"));
  assert.is(ended.code, 0, ended.stderr);
  const { origin } = await locateWeights();
  const before = readCheckpoint(readFileSync(origin.path));
  const after = readCheckpoint(readFileSync(at("own.pth")));
  assert.equal([...after.keys()], [...before.keys()]);
  for (const [name, value] of before) {
    const other = after.get(name)!;
    assert.equal(
      [other.dtype, other.shape, digest(other)],
      [value.dtype, value.shape, digest(value)],
    );
  }
  const { file, tensors, bytes, config } = JSON.parse(ended.stdout);
  assert.equal([file, tensors, bytes], [at("own.pth"), before.size, readFileSync(file).length]);
  assert.ok(config.anchors, "the bundled weights hold their anchors");
  assert.match(ended.stderr, /holds no configuration/);
});

test("an ONNX model of the default weights, with suppression in it", async () => {
  const ended = await run("--onnx", at("own.onnx"), "--size", "96x64", "--outputs", "faces");
  assert.is(ended.code, 0, ended.stderr);
  const { image, bytes } = JSON.parse(ended.stdout);
  assert.equal(image, [1, 3, 64, 96]);
  const file = readFileSync(at("own.onnx"));
  assert.is(file.length, bytes);
  const { inputs, outputs, metadata } = readOnnx(file);
  assert.equal(inputs, [{ name: "image", type: "float", shape: image }]);
  assert.equal(
    outputs.map(({ name }) => name),
    ["face_boxes", "face_landmarks", "face_scores"],
  );
  assert.ok(JSON.parse(metadata.get("retinaface")!).anchors);
});

test("wrong use: no output, a file that is there, weights of no network", async () => {
  writeFileSync(at("there.pth"), "keep");
  writeFileSync(at("text.pth"), "some text");
  const cases: [string[], RegExp, number][] = [
    [[], /--pth FILE.*OPTION_INVALID/, 2],
    [["--pth", at("new.pth"), "--half"], /--half is for ONNX models.*OPTION_INVALID/, 2],
    [["--onnx", at("new.onnx"), "--size", "96by64"], /width and height such as 640x480/, 2],
    [["--pth", at("there.pth")], /--overwrite.*OUTPUT_EXISTS/, 2],
    [[at("text.pth"), "--pth", at("new.pth")], /not a checkpoint.*CHECKPOINT_UNSUPPORTED/, 1],
    [[at("absent.pth"), "--pth", at("new.pth")], /absent\.pth/, 1],
  ];
  for (const [args, reason, code] of cases) {
    const ended = await run(...args);
    assert.match(ended.stderr, reason);
    assert.equal([ended.code, ended.stdout], [code, ""], ended.stderr);
  }
  assert.is(readFileSync(at("there.pth"), "utf8"), "keep");
});

if (!python) {
  skip(test, "PyTorch reads what is exported", "python3 with torch is not installed");
} else {
  sharedTest(
    test,
    "PyTorch reads what is exported, and computes the same",
    [OFFICIAL],
    async () => {
      const source = sharedPath(OFFICIAL);
      assert.is((await run(source, "--pth", at("public.pth"))).code, 0);
      const state = readCheckpoint(readFileSync(source));
      const network = loadNetwork(
        nn.Init.empty(device()),
        inferNetwork(state),
        state,
        DEFAULT_CONFIG.anchors,
      );
      const nhwc = new Random(2).uniforms(SIDE * SIDE * 3, -110, 140);
      const planes = new Float32Array(nhwc.length);
      for (const [i, value] of nhwc.entries())
        planes[(i % 3) * SIDE * SIDE + ((i / 3) | 0)] = value;
      writeFileSync(at("image.f32"), planes);
      const own = network.forward(tensor(device(), nhwc, [1, SIDE, SIDE, 3]));

      const args = [REFERENCE, at("public.pth"), at("image.f32"), `${SIDE}`];
      const { status, stdout, stderr } = spawnSync(python, args, { maxBuffer: 2 ** 28 });
      assert.is(status, 0, `${stderr}`);
      const { held, out } = JSON.parse(`${stdout}`);
      const types: Record<string, string> = { f32: "torch.float32", i64: "torch.int64" };
      for (const [name, value] of state) {
        assert.equal(held[name], [types[value.dtype], value.shape, digest(value)], name);
      }
      for (const [name, y] of Object.entries(own)) {
        assertClose(await y.data(), out[name], { atol: 2e-4, rtol: 2e-4 });
      }
    },
  );
}

test.run();
