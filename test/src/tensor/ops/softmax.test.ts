import { logSoftmax, softmax, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/softmax.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

const layouts = [
  { shape: [3, 2], axis: -1 },
  { shape: [1, 7, 5], axis: 1 },
  { shape: [3, 4, 3], axis: 0 },
  { shape: [5, 1], axis: 1 },
  { shape: [3, 64], axis: 1 },
  { shape: [3, 333], axis: 1 },
];

for (const [name, op, log] of [
  ["softmax", softmax, false],
  ["log-softmax", logSoftmax, true],
] as const) {
  test(`${name} along any axis, and its gradient`, async () => {
    for (const { shape, axis } of layouts) {
      await checkOp(device(), {
        name: `${name} of [${shape}] along ${axis}`,
        inputs: [{ shape, values: { low: -6, high: 6 } }],
        op: (x: Tensor) => op(x, axis),
        reference: (x) => reference.softmax(x, axis < 0 ? axis + shape.length : axis, log),
      });
    }
  });
}

test("huge and tiny logits stay finite", async () => {
  const values = [1e4, 1e4 - 1, -1e4, -1e30, 3e38, 0];
  const shape = [2, 3];
  const x = tensor(device(), values, shape);
  const data = Float64Array.from(values);
  assertClose(await softmax(x).data(), reference.softmax({ shape, data }, 1).data, { atol: 1e-6 });
  assertClose(await logSoftmax(x).data(), reference.softmax({ shape, data }, 1, true).data, {
    atol: 1e-6,
    rtol: 1e-6,
  });
  assert.throws(() => softmax(x, 2), /axis 2 is outside \[2, 3\]/);
});

test.run();
