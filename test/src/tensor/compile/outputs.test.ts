import {
  compile,
  contiguous,
  conv2d,
  Device,
  nn,
  relu,
  sum,
  type Tensor,
  tensor,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, normal } from "../../support/plans.js";
import { Random } from "../../support/random.js";
import { rejectsCode } from "../../support/throws.js";

/* What a forward pass may return, and what it may not. */

const device = useDevice(test);
const INFO = [{ shape: [1, 3, 4, 8], dtype: "f32" as const }];

test("outputs have the form of what forward returned: names, levels and places", async () => {
  const convs = [4, 8, 20].map((n, i) => normal(device(), i, n, 8, 1, 1));
  const forward = (x: Tensor) => ({
    levels: convs.slice(1).map((weight) => ({ conf: conv2d(x, weight, undefined) })),
    loc: conv2d(x, convs[0], undefined),
    absent: undefined,
  });
  const plan = await compile(device(), forward, INFO);
  const values = new Random(1).normals(3 * 4 * 8);
  plan.inputs[0].write(values);
  plan.run();
  const expected = forward(tensor(device(), values, INFO[0].shape));
  assert.equal(plan.outputs.loc.shape, [1, 3, 4, 4]);
  assert.equal(plan.outputs.levels[1].conf.shape, [1, 3, 4, 20]);
  assert.is(plan.outputs.absent, undefined);
  const close = async (actual: Float32Array, e: Tensor) =>
    assertClose(actual, await e.data(), { atol: 1e-5, rtol: 1e-5 });
  await close(await dense(plan.outputs.loc), expected.loc);
  await close(await dense(plan.outputs.levels[0].conf), expected.levels[0].conf);
  await close(await dense(plan.outputs.levels[1].conf), expected.levels[1].conf);
  plan.dispose();
});

test("contiguous() gives any output as a tensor of its shape", async () => {
  const weights = [3, 5].map((n) => normal(device(), n, n, 8, 1, 1));
  const plan = await compile(
    device(),
    (x) => ({
      heads: weights.map((weight) => conv2d(x, weight, undefined)),
      dense: relu(x),
      total: sum(x),
    }),
    INFO,
  );
  const x = normal(device(), 6, ...INFO[0].shape);
  plan.run([x]);
  const { heads, dense: whole, total } = plan.outputs;
  assert.is(heads[1].stride, 8, "both heads lie in one tensor");
  for (const [i, head] of heads.entries()) {
    const expected = await conv2d(x, weights[i], undefined).data();
    assertClose(await contiguous(head).data(), expected, { atol: 1e-5, rtol: 1e-5 });
  }
  assert.is(contiguous(whole), whole.tensor);
  assert.equal(contiguous(total).shape, []);
  plan.dispose();
});

test("a single tensor, and one returned twice", async () => {
  const single = await compile(device(), (x) => relu(x), INFO);
  assert.equal(single.outputs.shape, INFO[0].shape);
  single.dispose();
  const twice = await compile(
    device(),
    (x) => {
      const y = relu(x);
      return [y, { again: y, input: x }] as const;
    },
    INFO,
  );
  const values = new Random(2).normals(3 * 4 * 8);
  twice.inputs[0].write(values);
  twice.run();
  const positive = values.map((v) => Math.max(v, 0));
  assertClose(await dense(twice.outputs[0]), positive);
  assertClose(await dense(twice.outputs[1].again), positive);
  assertClose(await dense(twice.outputs[1].input), values);
  twice.dispose();
});

test("what is no tensor is refused by name", async () => {
  const compiled = (forward: unknown) => compile(device(), forward as (x: Tensor) => object, INFO);
  const cases: [forward: (x: Tensor) => unknown, message: RegExp][] = [
    [() => undefined, /returned nothing/],
    [() => null, /returned nothing/],
    [() => [], /returned nothing/],
    [() => ({}), /returned nothing/],
    [() => 3, /a number/],
    [async (x) => [x], /a Promise: it must be synchronous/],
    [(x) => ({ heads: [x, 1] }), /a number as heads\[1\]/],
    [(x) => ({ a: new Map([["x", x]]) }), /a Map as a/],
    [() => new nn.ReLU(), /a ReLU: return tensors/],
  ];
  for (const [forward, message] of cases) {
    await rejectsCode(compiled(forward), "FORWARD_RESULT", message);
  }
});

test("wrong arguments of programs without types say what was expected", async () => {
  const anything = compile as unknown as (...args: unknown[]) => Promise<unknown>;
  const pass = (x: Tensor) => relu(x);
  const other = await Device.create();
  const cases: [args: unknown[], message: RegExp][] = [
    [[], /takes a function, such as .*not undefined/],
    [[new nn.ReLU(), INFO], /not an object of ReLU/],
    [[pass, INFO[0]], /takes an array of inputs such as/],
    [[pass, [[1, 3, 4, 8]]], /shape of compile's input 0/],
    [[pass, [{ shape: [1, -2], dtype: "f32" }]], /shape of compile's input 0/],
    [[pass, [{ shape: [1, 2] }]], /a dtype of f32, f16, i32, u32 for input 0/],
    [[pass, INFO, { precison: "f16" }], /no option "precison"; it takes weights/],
    [[pass, INFO, { precision: "half" }], /the precision f32 or f16, not the string half/],
    [[pass, INFO, { weights: {} }], /a WeightStore of its own device/],
    [[pass, INFO, { weights: new WeightStore(other) }], /a WeightStore of its own device/],
  ];
  for (const [args, message] of cases) {
    await rejectsCode(anything(device(), ...args), "ARGUMENT", message);
  }
  other.destroy();
});

test("what does not depend on an input is named", async () => {
  const weight = normal(device(), 3, 4);
  const compiled = compile(device(), (x) => ({ y: relu(x), fixed: weight }), INFO);
  await rejectsCode(compiled, "SHAPE", /fixed does not depend on an input/);
});

test.run();
