/** The light networks in training: a step teaches, frozen parts stay, anchors may change, and what is saved loads. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { StateDict } from "@retinaface-webgpu/tensor";
import {
  initialiseNetwork,
  parseFreeze,
  partNames,
  Trainer,
  type TrainSettings,
  trainerOptions,
  writeModel,
} from "@retinaface-webgpu/train";
import { publishedConfig, RetinaFace, readCheckpointConfig } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { sharedTest } from "../support/shared.js";
import { sharedPath } from "../support/shared-files.node.js";
import { noiseImage } from "../support/tiny-detector.js";
import { trainProgram } from "../support/train-command.node.js";
import { makeSample } from "../support/train-samples.js";
import { plainSettings } from "../support/train-settings.js";

const device = useDevice(test);

const SIZE = 64;

/** Trains a light network from random weights on one batch. */
async function trainLight(backbone: "slim" | "rfb", settings: Partial<TrainSettings>) {
  const config = publishedConfig(backbone);
  const adam = { optimizer: "adamw", lr: 3e-3 } as const;
  const own = { ...plainSettings(SIZE, 0), ...adam, config, ...settings };
  const network = initialiseNetwork(device(), {
    config: own.config,
    network: { backbone },
    seed: 3,
  });
  const trainer = new Trainer(device(), network, trainerOptions(own, 20));
  const before = await network.stateDict();
  const random = new Random(1);
  const batch = [makeSample(random, SIZE, 2), makeSample(random, SIZE, 3)];
  const totals: number[] = [];
  for (let i = 0; i < 8; i++) {
    await trainer.step([batch]);
    for (const { total } of await trainer.losses()) totals.push(total);
  }
  const after = await network.stateDict();
  trainer.dispose();
  network.dispose();
  return { totals, before, after, config: own.config };
}

const changed = (before: StateDict, after: StateDict) =>
  [...before.keys()].filter((name) => {
    const [a, b] = [before.get(name)!.data, after.get(name)!.data];
    return Array.from(a, Number).some((value, i) => value !== Number(b[i]));
  });

test("parts to freeze are the backbone's alone", () => {
  assert.equal(partNames("slim"), ["stem", "stage1", "stage2", "stage3", "stage4"]);
  assert.equal(parseFreeze("backbone", partNames("rfb")), partNames("rfb"));
  assert.throws(() => parseFreeze("fpn", partNames("rfb")), /cannot freeze "fpn"/);
});

for (const backbone of ["slim", "rfb"] as const) {
  test(`${backbone} learns, and frozen parts stay as they are`, async () => {
    const { totals, before, after, config } = await trainLight(backbone, {
      freeze: parseFreeze("stem,stage1", partNames(backbone)),
    });
    assert.ok(totals.at(-1)! < 0.95 * totals[0], `${totals}`);
    const names = changed(before, after);
    assert.ok(!names.some((name) => /^body\.conv[1-8]\./.test(name)));
    for (const name of [
      "body.conv9.0.weight",
      "body.conv14.2.2.bias",
      "ClassHead.0.depthwise.bias",
      "LandmarkHead.3.conv3x3.weight",
    ]) {
      assert.ok(names.includes(name), name);
    }
    const weights = writeModel(after, config);
    assert.equal(readCheckpointConfig(weights).anchors, publishedConfig(backbone).anchors);
    const detector = await RetinaFace.load({ weights, backend: "wasm", visThreshold: 0 });
    assert.equal(detector.network, { backbone, anchorsPerCell: [3, 2, 2, 3] });
    await detector.detect(noiseImage(70, 90));
    detector.dispose();
  });
}

test("heads are fitted to other anchors, of the coarsest level too", async () => {
  const { after: state, config } = await trainLight("slim", {});
  const minSizes = [[10, 20], [40], [64, 80, 96], [200]];
  const anchors = { ...config.anchors, minSizes };
  const network = initialiseNetwork(device(), {
    config: { ...config, anchors },
    pretrained: { state, config },
    seed: 1,
  });
  const fitted = await network.stateDict();
  network.dispose();
  const rows = (from: StateDict, name: string) => from.get(name)!.data as Float32Array;
  const bias = rows(state, "BboxHead.3.conv3x3.bias");
  assert.equal(rows(fitted, "BboxHead.3.conv3x3.bias"), bias.slice(4, 8));
  const first = rows(state, "ClassHead.0.conv1x1.bias");
  // Of 10, 16 and 24 pixels the first is closest to 10, the last to 20.
  assert.equal(
    [...rows(fitted, "ClassHead.0.conv1x1.bias")],
    [0, 1, 4, 5].map((i) => first[i]),
  );
  assert.equal(
    rows(fitted, "ClassHead.0.depthwise.weight"),
    rows(state, "ClassHead.0.depthwise.weight"),
  );
});

const SLIM = "weights/slim_Final.pth";
const MASKS = "data/face-mask";

sharedTest(test, "train goes on from the published slim weights", [SLIM, MASKS], () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "train-light-"));
  try {
    const masks = `voc:${sharedPath(MASKS)}?classes=*=face`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        ...[trainProgram, "train", "--weights", sharedPath(SLIM), "--out", folder, "--epochs", "1"],
        ...["--data", `${masks}&limit=4`, "--val", "none", "--image-size", "128"],
        ...["--batch-size", "2", "--workers", "0", "--freeze", "all"],
      ],
      { encoding: "utf8", timeout: 200_000 },
    );
    assert.is(status, 0, stderr);
    assert.is(JSON.parse(stdout).steps, 2, stdout);
    assert.match(stderr, /slim_Final\.pth/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
