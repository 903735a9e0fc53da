import {
  type Conv2dParams,
  type ConvTranspose2dParams,
  cast,
  conv2d,
  convTranspose2d,
  tensor,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/convolution.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

const defaults: reference.ConvolutionReference = {
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
};

interface Layout<P> {
  readonly x: number[];
  readonly weight: number[];
  readonly params: P;
  readonly reference: Partial<reference.ConvolutionReference>;
  readonly bias?: boolean;
}

const convolutions: Layout<Conv2dParams>[] = [
  {
    x: [3, 7, 5, 3],
    weight: [5, 3, 3, 3],
    params: { stride: 2, padding: 1 },
    reference: { stride: [2, 2], padding: [1, 1, 1, 1] },
    bias: true,
  },
  { x: [1, 5, 7, 64], weight: [3, 64, 1, 1], params: {}, reference: {}, bias: true },
  {
    x: [3, 6, 5, 5],
    weight: [5, 1, 3, 3],
    params: { padding: 1, groups: 5 },
    reference: { padding: [1, 1, 1, 1], groups: 5 },
  },
  {
    x: [1, 9, 8, 4],
    weight: [6, 2, 2, 3],
    params: { stride: [1, 3], padding: [2, 0, 1, 3], dilation: [3, 1], groups: 2 },
    reference: { stride: [1, 3], padding: [2, 0, 1, 3], dilation: [3, 1], groups: 2 },
    bias: true,
  },
  {
    x: [1, 6, 6, 8],
    weight: [8, 8, 3, 3],
    params: { padding: 1 },
    reference: { padding: [1, 1, 1, 1] },
  },
  { x: [1, 1, 1, 1], weight: [1, 1, 1, 1], params: {}, reference: {}, bias: true },
];

const transposed: Layout<ConvTranspose2dParams>[] = [
  { x: [1, 4, 3, 3], weight: [3, 5, 3, 3], params: {}, reference: {}, bias: true },
  {
    x: [3, 3, 4, 4],
    weight: [4, 8, 2, 2],
    params: { stride: 2 },
    reference: { stride: [2, 2] },
    bias: true,
  },
  {
    x: [1, 4, 3, 6],
    weight: [6, 2, 3, 2],
    params: { stride: [3, 2], padding: [1, 0, 0, 1], dilation: [2, 1], groups: 2 },
    reference: { stride: [3, 2], padding: [1, 0, 0, 1], dilation: [2, 1], groups: 2 },
  },
];

test("conv2d, and its gradients to input, weight and bias", async () => {
  for (const { x, weight, params, reference: spec, bias = false } of convolutions) {
    await checkOp(device(), {
      name: `conv2d [${x}] by [${weight}] ${JSON.stringify(params)}`,
      inputs: [{ shape: x }, { shape: weight }, ...(bias ? [{ shape: [weight[0]] }] : [])],
      op: (input, w, b) => conv2d(input, w, b, params),
      reference: (input, w, b) => reference.conv2d(input, w, b, { ...defaults, ...spec }),
      gradientTolerance: { atol: 2e-4, rtol: 2e-4 },
    });
  }
});

test("transposed conv2d, and its gradients to input, weight and bias", async () => {
  for (const outputPadding of [0, 1]) {
    for (const { x, weight, params, reference: spec, bias = false } of transposed) {
      if (outputPadding > 0 && params.stride === undefined) continue;
      const outputs = weight[1] * (params.groups ?? 1);
      await checkOp(device(), {
        name: `convTranspose2d [${x}] by [${weight}] ${JSON.stringify(params)}`,
        inputs: [{ shape: x }, { shape: weight }, ...(bias ? [{ shape: [outputs] }] : [])],
        op: (input, w, b) => convTranspose2d(input, w, b, { ...params, outputPadding }),
        reference: (input, w, b) =>
          reference.convTranspose2d(input, w, b, {
            ...defaults,
            ...spec,
            outputPadding: [outputPadding, outputPadding],
          }),
        gradientTolerance: { atol: 2e-4, rtol: 2e-4 },
      });
    }
  }
});

test("shapes that do not fit", () => {
  const x = tensor(device(), new Float32Array(2 * 2 * 3), [1, 2, 2, 3]);
  const weight = tensor(device(), new Float32Array(4 * 2), [4, 2, 1, 1]);
  const large = tensor(device(), new Float32Array(3 * 9), [1, 3, 3, 3]);
  assert.throws(
    () => conv2d(x, weight, undefined),
    /input \[1, 2, 2, 3\] and weight \[4, 2, 1, 1\] do not fit in 1 group/,
  );
  assert.throws(
    () => conv2d(x, large, undefined),
    /kernel \[1, 3, 3, 3\] does not fit the padded input \[1, 2, 2, 3\]/,
  );
  assert.throws(
    () => convTranspose2d(x, weight, undefined),
    /input \[1, 2, 2, 3\] \(NHWC\) and weight \[4, 2, 1, 1\]/,
  );
});

test("element types of other kernels are refused: their bits would pass for numbers", () => {
  const x = tensor(device(), [1, 2, 3, 4], [1, 2, 2, 1]);
  const weight = tensor(device(), [2], [1, 1, 1, 1]);
  const bias = tensor(device(), [1], [1]);
  for (const dtype of ["i32", "u32", "f16"] as const) {
    const message = new RegExp(`takes f32, not ${dtype}`);
    for (const op of [conv2d, convTranspose2d]) {
      // Images of a convolution may be stored as f16, in mixed precision.
      const stored = op === conv2d ? `takes f32( or f16)?, not ${dtype}` : message;
      if (op !== conv2d || dtype !== "f16") {
        throwsCode(() => op(cast(x, dtype), weight, undefined), "DTYPE", new RegExp(stored));
      }
      throwsCode(() => op(x, cast(weight, dtype), undefined), "DTYPE", message);
      throwsCode(() => op(x, weight, cast(bias, dtype)), "DTYPE", message);
    }
  }
});

test.run();
