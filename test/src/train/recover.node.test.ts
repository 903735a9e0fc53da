/** How runs go on when their device is lost. */
import { type Device, DeviceLostError } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { recovering } from "../../../packages/train/dist/run/recover.js";

const lost = () => new DeviceLostError("unknown", "test");

/** Runs work that loses its device as often as `saved` has entries, the last checkpoint each time. */
async function lose(saved: readonly (number | undefined)[]) {
  const devices: Device[] = [];
  const notices: string[] = [];
  let step: number | undefined;
  const running = recovering({
    work: async ({ device }) => {
      devices.push(device);
      const attempt = devices.length - 1;
      if (attempt >= saved.length) return "done";
      step = saved[attempt];
      throw lost();
    },
    savedStep: async () => step,
    onNotice: (text) => notices.push(text),
  });
  const result = await running.catch((error) => error);
  assert.ok(devices.every((device) => device.isLost));
  assert.is(new Set(devices).size, devices.length);
  return { result, notices, attempts: devices.length };
}

test("work goes on from the last checkpoint on a fresh device", async () => {
  const { result, notices } = await lose([undefined, 0, 7]);
  assert.is(result, "done");
  assert.equal(
    notices.map((text) => /from step \d+/.exec(text)![0]),
    ["from step 0", "from step 0", "from step 7"],
  );
});

test("it gives up after three losses in a row without a checkpoint between", async () => {
  const { result, attempts } = await lose([2, 2, 2, 2, 2]);
  assert.instance(result, DeviceLostError);
  assert.is(attempts, 4);
  const progress = await lose([1, 1, 1, 2, 2, 2, 3]);
  assert.is(progress.result, "done");
});

test("other errors are not tried again", async () => {
  let attempts = 0;
  const running = recovering({
    work: async () => {
      attempts++;
      throw new RangeError("no");
    },
    savedStep: async () => 1,
    onNotice: () => assert.unreachable(),
  });
  assert.instance(await running.catch((error) => error), RangeError);
  assert.is(attempts, 1);
});

test.run();
