/** Numbers beside tensors, integers, and what NaN and infinity become. */
import * as ops from "@retinaface-webgpu/tensor";
import { compile, type DType, nn, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../../support/gpu.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** What an operation makes of values, eagerly and compiled: both must be the same. */
async function values(
  op: (...x: Tensor[]) => Tensor,
  inputs: readonly (readonly number[])[],
  dtype: DType = "f32",
): Promise<number[]> {
  const tensors = inputs.map((input) => tensor(device(), input, [input.length], { dtype }));
  const y = tidy(() => op(...tensors));
  const eager = [...(await y.data())];
  const plan = await compile(device(), (...x) => [op(...x)], tensors);
  for (const [k, input] of inputs.entries()) plan.inputs[k].write(input);
  plan.run();
  assert.equal([...(await plan.outputs[0].tensor.data())], eager);
  plan.dispose();
  for (const t of [y, ...tensors]) t.dispose();
  return eager;
}

const int = [7, -7, 2, 0, 5];
const integers: Record<string, [op: (x: Tensor) => Tensor, expected: number[]]> = {
  "i32 + 3": [(x) => ops.add(x, 3), [10, -4, 5, 3, 8]],
  "i32 - 3": [(x) => ops.sub(x, 3), [4, -10, -1, -3, 2]],
  "3 - i32": [(x) => ops.sub(3, x), [-4, 10, 1, 3, -2]],
  "i32 * -2": [(x) => ops.mul(x, -2), [-14, 14, -4, 0, -10]],
  "i32 / 2": [(x) => ops.div(x, 2), [3, -3, 1, 0, 2]],
  "i32 > 0": [(x) => ops.greater(x, 0), [1, 0, 1, 0, 1]],
  "2 >= i32": [(x) => ops.greaterEqual(2, x), [0, 1, 1, 1, 0]],
  "i32 == 2": [(x) => ops.equal(x, 2), [0, 0, 1, 0, 0]],
  "max(i32, 2)": [(x) => ops.maximum(x, 2), [7, 2, 2, 2, 5]],
  "clamp(i32, -1, ∞)": [(x) => ops.clamp(x, -1, Number.POSITIVE_INFINITY), [7, -1, 2, 0, 5]],
  "where(i32 > 0, i32, 9)": [(x) => ops.where(ops.greater(x, 0), x, 9), [7, 9, 2, 9, 5]],
  "-i32": [ops.neg, [-7, 7, -2, 0, -5]],
};

for (const [name, [op, expected]] of Object.entries(integers)) {
  test(name, async () => {
    assert.equal(
      (await values(op, [int], "i32")).map((v) => v + 0),
      expected,
    );
  });
}

test("unsigned integers wrap around, and take no negative number", async () => {
  assert.equal(await values((x) => ops.sub(x, 3), [[2, 7, 3]], "u32"), [4294967295, 4, 0]);
  assert.equal(await values((x) => ops.sub(x, 0), [[2, 7, 3]], "u32"), [2, 7, 3]);
  assert.equal(await values((x) => ops.sub(3, x), [[2, 7, 3]], "u32"), [1, 4294967292, 0]);
  assert.equal(await values((x) => ops.div(x, 2), [[4294967295, 7]], "u32"), [2147483647, 3]);
  const x = tensor(device(), [1], [1], { dtype: "u32" });
  throwsCode(() => ops.add(x, -1), "DTYPE", /-1 is no u32/);
  throwsCode(() => ops.neg(x), "DTYPE", /cast/);
  throwsCode(() => ops.sign(x), "DTYPE", /cast/);
  x.dispose();
});

test("numbers that an integer does not hold, and operations that need fractions, are typed errors", () => {
  const x = tensor(device(), [1, 2], [2], { dtype: "i32" });
  for (const op of [ops.add, ops.sub, ops.mul, ops.div, ops.maximum, ops.minimum, ops.greater]) {
    throwsCode(() => op(x, 0.5), "DTYPE", /0\.5 is no i32; cast/);
    throwsCode(() => op(0.5, x), "DTYPE", /0\.5 is no i32; cast/);
    throwsCode(() => op(x, Number.NaN), "DTYPE", /NaN/);
    throwsCode(() => op(x, 2 ** 31), "DTYPE", /2147483648/);
  }
  throwsCode(() => ops.where(x, x, 0.5), "DTYPE", /0\.5/);
  throwsCode(() => ops.div(x, 0), "ARGUMENT", /cast/);
  throwsCode(() => ops.pow(x, x), "DTYPE", /pow takes f32 or f16, not i32; cast/);
  throwsCode(() => ops.pow(x, 2), "DTYPE", /cast/);
  throwsCode(() => ops.clamp(x, 2, 1), "ARGUMENT", /lower first/);
  x.dispose();
});

test("what is neither tensor nor number is a typed error", () => {
  const x = tensor(device(), [1, 2], [2]);
  const loose = ops as unknown as Record<string, (...args: unknown[]) => Tensor>;
  for (const name of ["add", "sub", "mul", "div", "pow", "maximum", "less", "equal"]) {
    throwsCode(() => loose[name](x, undefined), "ARGUMENT", /undefined/);
    throwsCode(() => loose[name](x, [1, 2]), "ARGUMENT", /an array/);
    throwsCode(() => loose[name](1, 2), "ARGUMENT", /one of the two must be a tensor/);
    throwsCode(() => loose[name](x, "3"), "ARGUMENT", /string 3/);
  }
  x.dispose();
});

const special = [0, 1, 2, -2, 0.5, -3, 1e-3, 40, Number.POSITIVE_INFINITY];

test("powers of zero, one, negative and infinite numbers are those of IEEE", async () => {
  const bases = special.flatMap((a) => special.map(() => a));
  const exponents = special.flatMap(() => [...special]);
  const y = await values(ops.pow, [bases, exponents]);
  for (const [k, v] of y.entries()) {
    // JavaScript alone makes a power of 1 NaN.
    const expected = bases[k] === 1 ? 1 : Math.fround(bases[k] ** exponents[k]);
    const same = Object.is(v, expected) || (Number.isNaN(v) && Number.isNaN(expected));
    const close = Math.abs(v - expected) <= 1e-4 * Math.abs(expected) || Math.abs(expected) < 1e-37;
    assert.ok(same || close, `${bases[k]} ** ${exponents[k]} is ${v}, not ${expected}`);
  }
  for (const exponent of [-1, -2, -0.5, 0, 0.5, 2.5, 9]) {
    const [v] = await values((x) => ops.pow(x, exponent), [[0]]);
    assert.is(v, 0 ** exponent, `0 ** ${exponent}`);
  }
});

test("the gradient of a power of zero is finite where the power is smooth", async () => {
  for (const [exponent, expected] of [
    [0, 0],
    [1, 1],
    [2, 0],
  ]) {
    const x = tensor(device(), [0], [1], { requiresGrad: true });
    const e = tensor(device(), [exponent], [1]);
    tidy(() => ops.sum(ops.add(ops.pow(x, e), ops.pow(x, exponent))).backward());
    assert.is((await x.grad!.data())[0], 2 * expected, `x ** ${exponent}`);
    x.grad?.dispose();
    for (const t of [x, e]) t.dispose();
  }
});

/** NaN first, last and between, where a comparison with what was found before drops it differently. */
const rows = [
  [Number.NaN, 1, 2, 3, -1],
  [1, 2, Number.NaN, 5, 0],
  [3, -1, 2, 1, Number.NaN],
];

test("NaN wins reductions, pooling and comparisons of two, whatever the order", async () => {
  for (const row of rows) {
    const at = row.findIndex(Number.isNaN);
    const x = tensor(device(), row, [1, 5]);
    const column = tensor(device(), row, [5, 1]);
    const [a, b, c, d] = tidy(() => [
      ops.argmax(x, 1),
      ops.argmin(x, 1),
      ops.argmax(column, 0),
      ops.argmin(column, 0),
    ]);
    for (const t of [a, b, c, d]) {
      assert.equal([...(await t.data())], [at]);
      t.dispose();
    }
    for (const t of [x, column]) t.dispose();
    for (const op of [ops.max, ops.min]) {
      assert.ok(Number.isNaN((await values((v) => op(v), [row]))[0]), `${op.name} of ${row}`);
    }
    for (const op of [ops.maximum, ops.minimum]) {
      for (const pair of [
        [row, [9, 9, 9, 9, 9]],
        [[-9, -9, -9, -9, -9], row],
      ]) {
        const y = await values(op, pair);
        assert.equal(y.map(Number.isNaN), row.map(Number.isNaN), `${op.name} of ${pair}`);
      }
    }
    for (const channels of [1, 4]) {
      const pixels = row.flatMap((v) => new Array<number>(channels).fill(v));
      const pooled = await values(
        (v) => ops.maxPool(ops.reshape(v, [1, 5, channels]), { kernelSize: 5 }),
        [pixels],
      );
      assert.equal(pooled.map(Number.isNaN), new Array(channels).fill(true));
    }
  }
  const long = Array.from({ length: 70000 }, (_, k) => (k === 12345 ? Number.NaN : Math.sin(k)));
  for (const op of [ops.max, ops.min]) {
    assert.ok(Number.isNaN((await values((v) => op(v), [long]))[0]), "over two stages");
  }
});

test("NaN and infinity pass through functions of one element as they should", async () => {
  const inputs = [Number.NaN, 1, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const keeps: Record<string, (x: Tensor) => Tensor> = {
    relu: ops.relu,
    leakyRelu: (x) => ops.leakyRelu(x, 0.1),
    clamp: (x) => ops.clamp(x, -2, 2),
    atLeast: (x) => ops.maximum(x, 0),
    atMost: (x) => ops.minimum(x, 0),
    elu: (x) => ops.elu(x),
    selu: ops.selu,
    softplus: ops.softplus,
    softsign: ops.softsign,
    sigmoid: ops.sigmoid,
    tanh: ops.tanh,
    abs: ops.abs,
    exp: ops.exp,
  };
  for (const [name, op] of Object.entries(keeps)) {
    for (const four of [false, true]) {
      const y = await values(op, [four ? inputs.slice(0, 4) : inputs]);
      assert.equal(
        [0, 1, 2, 3].map((k) => Number.isNaN(y[k])),
        [true, false, true, false],
        name,
      );
    }
  }
  assert.equal((await values(ops.relu, [inputs])).slice(3), [0, Number.POSITIVE_INFINITY]);
});

test("a ReLU behind a convolution or a batch norm keeps NaN, fused or not", async () => {
  const init = nn.Init.seeded(device(), 1);
  const net = new nn.Sequential(
    new nn.Conv2d(init, 1, 4, { kernelSize: 1 }),
    new nn.BatchNorm2d(init, 4),
    new nn.ReLU(),
  ).eval();
  const plan = await compile(device(), (x) => [net.forward(x)], [
    { shape: [1, 2, 2, 1], dtype: "f32" },
  ]);
  for (const pixels of [
    [Number.NaN, 1, 2, 3],
    [1, 2, 3, Number.NaN],
  ]) {
    plan.inputs[0].write(pixels);
    plan.run();
    const x = tensor(device(), pixels, [1, 2, 2, 1]);
    const eager = tidy(() => net.forward(x));
    const expected = pixels.flatMap((v) => new Array<boolean>(4).fill(Number.isNaN(v)));
    for (const t of [eager, plan.outputs[0].tensor]) {
      assert.equal([...(await t.data())].map(Number.isNaN), expected);
    }
    for (const t of [x, eager]) t.dispose();
  }
  plan.dispose();
  net.dispose();
});

test.run();
