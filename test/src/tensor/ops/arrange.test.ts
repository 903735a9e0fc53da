import * as ops from "@retinaface-webgpu/tensor";
import { tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, build } from "../../reference/array.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

for (const axis of [0, 1, 2, -1]) {
  test(`stack along ${axis}`, async () => {
    const place = axis < 0 ? 2 : axis;
    await checkOp(device(), {
      name: `stack ${axis}`,
      inputs: [{ shape: [3, 5] }, { shape: [3, 5] }],
      op: (a, b) => ops.stack([a, b], axis),
      reference: (a, b) => {
        const shape = [3, 5];
        shape.splice(place, 0, 2);
        return build(shape, (index) => {
          const own = index.filter((_, k) => k !== place);
          return at(index[place] === 0 ? a : b, ...own);
        });
      },
    });
  });
}

for (const counts of [
  [2, 3],
  [1, 1],
  [2, 1, 3],
  [0, 2],
]) {
  test(`repeat ${counts}`, async () => {
    await checkOp(device(), {
      name: `repeat ${counts}`,
      inputs: [{ shape: [3, 2] }],
      op: (x) => ops.repeat(x, counts),
      reference: (x) => {
        const lead = counts.length - 2;
        const shape = counts.map((n, k) => n * (k < lead ? 1 : x.shape[k - lead]));
        return build(shape, (index) => at(x, ...index.slice(lead).map((i, k) => i % x.shape[k])));
      },
    });
  });
}

test("both compile", async () => {
  const x = tensor(device(), [1, 2, 3, 4, 5, 6], [3, 2]);
  await checkCompiled(device(), "stack", (a) => ops.stack([a, ops.neg(a)], 1), [x]);
  await checkCompiled(device(), "repeat", (a) => ops.repeat(a, [2, 3]), [x]);
  x.dispose();
});

test("chunk gives parts of one length and what is left", () => {
  const x = tensor(device(), new Float32Array(14), [7, 2]);
  const lengths = (n: number) => {
    const parts = ops.chunk(x, n, 0);
    for (const part of parts) part.dispose();
    return parts.map(({ shape }) => shape[0]);
  };
  assert.equal(lengths(3), [3, 3, 1]);
  assert.equal(lengths(4), [2, 2, 2, 1]);
  assert.equal(lengths(9), [1, 1, 1, 1, 1, 1, 1]);
  throwsCode(() => ops.chunk(x, 0, 0), "ARGUMENT", /at least 1/);
  throwsCode(() => ops.stack([], 0), "SHAPE", /no tensors/);
  throwsCode(() => ops.repeat(x, [2]), "SHAPE", /one for each axis/);
  x.dispose();
});

test.run();
