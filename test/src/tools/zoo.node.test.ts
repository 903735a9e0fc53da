/** The sizes of networks: worked out by hand for one, and those that the README's model zoo states. */
import { existsSync, readFileSync } from "node:fs";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { countNetwork, countOnnx } from "../../../bench/dist/zoo/count.js";
import { ZOO } from "../../../bench/dist/zoo/networks.js";

const README = new URL("../../../README.md", import.meta.url);

/** RetinaFace over MobileNet-0.25 from its publication, layer by layer: convolutions without bias, each with batch norm. */
function mobilenetByHand() {
  let [parameters, macs, side] = [0, 0, 640];
  const conv = (inputs: number, outputs: number, kernel: number, isDepthwise = false) => {
    const weights = (isDepthwise ? 1 : inputs) * outputs * kernel ** 2;
    parameters += weights + 2 * outputs;
    macs += weights * side ** 2;
  };
  const separable = (inputs: number, outputs: number, stride: number) => {
    side /= stride;
    conv(inputs, inputs, 3, true);
    conv(inputs, outputs, 1);
  };
  side = 320;
  conv(3, 8, 3);
  for (const [inputs, outputs, stride] of [
    ...[
      [8, 16, 1],
      [16, 32, 2],
      [32, 32, 1],
      [32, 64, 2],
      [64, 64, 1],
      [64, 128, 2],
    ],
    ...Array.from({ length: 5 }, () => [128, 128, 1]),
    ...[
      [128, 256, 2],
      [256, 256, 1],
    ],
  ])
    separable(inputs, outputs, stride);
  for (const [i, channels] of [64, 128, 256].entries()) {
    side = [80, 40, 20][i];
    conv(channels, 64, 1);
    if (i < 2) conv(64, 64, 3);
    conv(64, 32, 3);
    conv(64, 16, 3);
    for (let n = 0; n < 3; n++) conv(16, 16, 3);
    for (const width of [2, 4, 10]) {
      parameters += 64 * 2 * width + 2 * width;
      macs += 64 * 2 * width * side ** 2;
    }
  }
  return { parameters, mmac: macs / 1e6 };
}

test("the published network as counted by hand", async () => {
  const device = await createHostDevice();
  assert.equal(countNetwork(device, { backbone: "mobilenet0.25" }), mobilenetByHand());
  device.destroy();
});

test("parameters and multiply-adds in the README are those that are counted", async () => {
  const lines = readFileSync(README, "utf8").split("\n");
  const device = await createHostDevice();
  try {
    for (const { name, config, onnx } of ZOO) {
      if (!config && !existsSync(onnx!)) continue;
      const row = lines.find((line) => line.startsWith(`| ${name} `));
      assert.ok(row, `the model zoo has a row ${name}`);
      const cells = row.split("|").map((cell) => cell.trim());
      const { parameters, mmac } = config
        ? countNetwork(device, config)
        : countOnnx(device, readFileSync(onnx!));
      assert.ok(cells.includes(parameters.toLocaleString("en-US")), `${row}: ${parameters}`);
      assert.ok(cells.includes(Math.round(mmac).toLocaleString("en-US")), `${row}: ${mmac}`);
    }
  } finally {
    device.destroy();
  }
});

test.run();
