import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { compile, conv2d, type Tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../../support/gpu.js";
import { dense, normal } from "../../support/plans.js";

const device = useDevice(test);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Whether it becomes true within some collections. */
async function soon(holds: () => boolean): Promise<boolean> {
  for (let i = 0; i < 50 && !holds(); i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return holds();
}

test("a plan that is dropped is freed; an output that is held is not", async () => {
  const weight = normal(device(), 1, 8, 4, 1, 1);
  const x = normal(device(), 2, 1, 16, 16, 4);
  const forward = (t: Tensor) => conv2d(t, weight, undefined);
  const start = device().memory().liveBuffers;
  const outputs = await (async () => {
    const plan = await compile(device(), forward, [{ shape: x.shape, dtype: "f32" }]);
    plan.run([x]);
    return plan.outputs;
  })();
  const before = await dense(outputs);
  assert.ok(device().memory().liveBuffers > start + 1);
  assert.ok(await soon(() => device().memory().liveBuffers === start + 1), "all but the output");
  assert.equal(await dense(outputs), before);
  outputs.tensor.dispose();
  assert.is(device().memory().liveBuffers, start);
});

test.run();
