import {
  add,
  compileStep,
  concat,
  conv2d,
  full,
  mean,
  mul,
  mulScalar,
  nn,
  optim,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { rejectsCode, throwsCode } from "../../support/throws.js";

const device = useDevice(test);

function parameter(values: readonly number[], shape = [values.length]): nn.Parameter {
  return nn.Parameter.from(device(), Float32Array.from(values), shape);
}

const plain = (parameters: nn.Parameter[], lr = 1) => new optim.SGD(parameters, { lr });
const x = { x: { shape: [3], dtype: "f32" } } as const;

/** What a compiled step of plain descent makes of parameters. */
async function descend(
  parameters: nn.Parameter[],
  losses: (x: Tensor) => Tensor,
  values: readonly number[] = [1, 2, 3],
): Promise<number[][]> {
  const optimizer = plain(parameters);
  const step = await compileStep(device(), {
    inputs: x,
    losses: (inputs) => ({ total: losses(inputs.x) }),
    optimizer,
  });
  step.inputs.x.write(values);
  step.run();
  const after = await Promise.all(parameters.map(async (p) => Array.from(await p.data(), Number)));
  step.dispose();
  optimizer.dispose();
  for (const p of parameters) p.dispose();
  return after;
}

test("gradients of what was joined are cut from one, along each axis and beside slices that are not all", async () => {
  for (const axis of [0, 1]) {
    const shapes =
      axis === 0
        ? [
            [1, 3],
            [2, 3],
            [1, 3],
          ]
        : [
            [2, 4],
            [2, 8],
          ];
    const parts = shapes.map(([h, w]) => parameter(new Array(h * w).fill(1), [h, w]));
    const weights = Float32Array.from({ length: axis === 0 ? 12 : 24 }, (_, i) => i);
    const joined = shapes.reduce((n, shape) => n + shape[axis], 0);
    const shape = axis === 0 ? [joined, 3] : [2, joined];
    const scale = tensor(device(), weights, shape);
    const losses = () => sum(mul(concat(parts, axis), scale));
    const made = await descend(parts, losses);
    const expected = shapes.map(([h, w], k) => {
      const before = shapes.slice(0, k).reduce((n, other) => n + other[axis], 0);
      return Array.from({ length: h * w }, (_, i) => {
        const [y, x] = [Math.floor(i / w), i % w];
        return 1 - (axis === 0 ? (before + y) * 3 + x : y * joined + before + x);
      });
    });
    assert.equal(made, expected);
    scale.dispose();
  }
  const [a, b] = [parameter([1, 1, 1, 1, 1]), parameter([2, 2])];
  const part = () => add(slice(a, [{ end: 2 }]), slice(a, [{ start: 2, end: 4 }]));
  assert.equal(await descend([a, b], () => sum(mul(part(), b))), [
    [-1, -1, -1, -1, 1],
    [0, 0],
  ]);
});

test("a gradient that is a constant, one of two parameters, and one read elsewhere", async () => {
  const [a, b] = [parameter([1, 1, 1]), parameter([5, 6, 7])];
  assert.equal(await descend([a, b], () => sum(add(a, b))), [
    [0, 0, 0],
    [4, 5, 6],
  ]);
  const [c, d] = [parameter([1, 1, 1]), parameter([1, 1, 1])];
  // The gradient to c is x, the one to d is made of it.
  assert.equal(await descend([c, d], (v) => sum(mul(add(c, mulScalar(d, 2)), v))), [
    [0, -1, -2],
    [-1, -3, -5],
  ]);
});

test("a parameter used twice gets both gradients, one not used stays", async () => {
  const [a, idle] = [parameter([1, 2, 3]), parameter([9, 9, 9])];
  const [after, untouched] = await descend([a, idle], (v) => sum(add(mul(a, v), square(a))));
  assert.equal(after, [1 - (1 + 2), 2 - (2 + 4), 3 - (3 + 6)]);
  assert.equal(untouched, [9, 9, 9]);
});

test("weights that are computed are packed where they are computed", async () => {
  const [weight, scale] = [parameter([1, 2, 3, 4, 5, 6], [2, 3, 1, 1]), parameter([0.5], [1])];
  const image = tensor(device(), [1, 2, 3, 4, 5, 6], [1, 1, 2, 3]);
  const optimizer = plain([weight, scale]);
  const step = await compileStep(device(), {
    inputs: x,
    losses: (inputs) => {
      const y = conv2d(image, mul(weight, scale), undefined);
      return { total: mul(sum(square(y)), mean(inputs.x)) };
    },
    optimizer,
  });
  step.inputs.x.write([1, 1, 1]);
  const eager = tidy(() => sum(square(conv2d(image, mul(weight, scale), undefined))));
  const expected = await eager.item();
  optimizer.groups[0].lr = 1e-4;
  for (let i = 0; i < 2; i++) {
    step.run();
    const { total } = await step.read();
    if (i === 0) assertClose([total], [expected], { rtol: 1e-6 });
    else assert.ok(total < expected, "the second step sees the weights of the first");
  }
  for (const owned of [step, optimizer, eager, image, weight, scale]) owned.dispose();
});

test("weights too large for an index pack themselves, beside small ones", async () => {
  const values = (n: number, scale: number) =>
    Array.from({ length: n }, (_, i) => Math.sin(i) * scale);
  const [large, small] = [
    parameter(values(600 * 450, 0.05), [600, 450, 1, 1]),
    parameter(values(6 * 600, 0.1), [6, 600, 1, 1]),
  ];
  const image = tensor(device(), values(450 * 4, 1), [1, 2, 2, 450]);
  const losses = () => ({
    total: mean(square(conv2d(conv2d(image, large, undefined), small, undefined))),
  });
  const optimizer = plain([large, small], 0.5);
  const step = await compileStep(device(), { inputs: {}, losses, optimizer });
  for (let i = 0; i < 2; i++) {
    const expected = await tidy(() => losses().total).item();
    step.run();
    assertClose([(await step.read()).total], [expected], { rtol: 1e-5, what: `step ${i}` });
  }
  for (const owned of [step, optimizer, image, large, small]) owned.dispose();
});

test("tensors from outside are read at each run, those made inside are constants", async () => {
  const a = parameter([0, 0, 0]);
  const factor = tensor(device(), [2], [1]);
  const optimizer = plain([a], 0);
  const step = await compileStep(device(), {
    inputs: x,
    losses: (inputs) => {
      const shifted = add(mul(inputs.x, factor), full(device(), [3], 10));
      return { total: add(sum(shifted), sum(a)), largest: mulScalar(sum(inputs.x), 3) };
    },
    optimizer,
  });
  const at = async (values: number[], by: number) => {
    step.inputs.x.write(values);
    factor.write([by]);
    step.run();
    return step.read();
  };
  assert.equal(await at([1, 2, 3], 2), { total: 42, largest: 18 });
  assert.equal(await at([1, 2, 3], -1), { total: 24, largest: 18 });
  factor.dispose();
  throwsCode(() => step.run(), "STALE_STEP", /compileStep\(\) again/);
  for (const owned of [step, optimizer, a]) owned.dispose();
});

test("a step that its optimizer has left behind says so", async () => {
  const a = parameter([1, 1, 1]);
  const optimizer = new optim.SGD([a], { lr: 1, momentum: 0.5 });
  const make = () =>
    compileStep(device(), {
      inputs: x,
      losses: (inputs) => ({ total: sum(mul(a, inputs.x)) }),
      optimizer,
    });
  const step = await make();
  step.run();
  throwsCode(() => step.run({ batch: 0, of: 2 }), "STEP", /accumulate: true/);
  optimizer.groups[0].nesterov = true;
  throwsCode(() => step.run(), "STALE_STEP", /another kernel/);
  optimizer.groups[0].nesterov = false;
  step.run();
  optimizer.loadStateDict(await optimizer.stateDict());
  throwsCode(() => step.run(), "STALE_STEP");
  const again = await make();
  again.run();
  again.dispose();
  throwsCode(() => again.run(), "STALE_STEP");
  for (const owned of [step, optimizer, a]) owned.dispose();
});

test("losses that cannot be trained are refused, and nothing is left behind", async () => {
  const a = parameter([1, 1, 1]);
  const optimizer = plain([a]);
  await device().sync();
  const { liveBuffers } = device().memory();
  const refused = (losses: (v: Tensor) => unknown, code: string, message: RegExp) =>
    rejectsCode(
      compileStep(device(), {
        inputs: x,
        losses: (inputs) => losses(inputs.x) as { total: Tensor },
        optimizer,
      }),
      code,
      message,
    );
  await refused((v) => ({ loss: sum(mul(a, v)) }), "STEP", /"total"/);
  await refused((v) => ({ total: mul(a, v) }), "STEP", /one f32 element/);
  await refused(async (v) => ({ total: sum(v) }), "STEP", /promise/);
  await refused(() => undefined, "STEP", /"total"/);
  await refused((v) => ({ total: sum(v) }), "NO_GRAPH", /requires a gradient/);
  await refused((v) => ({ total: sum(v), read: v.write([1, 2, 3]) }), "TRACED", /no values/);
  assert.is(device().memory().liveBuffers, liveBuffers);
  assert.is(a.grad, undefined);
  for (const owned of [optimizer, a]) owned.dispose();
});

test.run();
