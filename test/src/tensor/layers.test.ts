/** Layers beside those of detectors, against the formulas of their papers. */
import * as ops from "@retinaface-webgpu/tensor";
import { compile, nn, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalCdf } from "../reference/normal.js";
import { assertClose } from "../support/close.js";
import { checkCompiled } from "../support/compiled.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);
const init = () => nn.Init.seeded(device(), 5);
const randomTensor = (shape: readonly number[], seed = 1) =>
  tensor(device(), new Random(seed).normals(shape.reduce((a, b) => a * b, 1)), shape);

test("a layer's normalisation gives each sample mean 0 and variance 1, then its own scale and shift", async () => {
  const layers: [nn.LayerNorm | nn.GroupNorm, readonly number[]][] = [
    [new nn.LayerNorm(init(), 6), [4, 6]],
    [new nn.LayerNorm(init(), [3, 2]), [2, 3, 2]],
    [new nn.GroupNorm(init(), 1, 4), [2, 3, 4]],
  ];
  for (const [layer, shape] of layers) {
    const x = randomTensor(shape);
    const rows = layer instanceof nn.LayerNorm && shape.length === 2 ? 4 : 2;
    const check = async (mean: number, deviation: number) => {
      const y = tidy(() => layer.forward(x));
      const values = [...(await y.data())];
      for (let r = 0; r < rows; r++) {
        const row = values.slice((r * values.length) / rows, ((r + 1) * values.length) / rows);
        const m = row.reduce((a, b) => a + b, 0) / row.length;
        const v = row.reduce((s, n) => s + (n - m) ** 2, 0) / row.length;
        assertClose([m, Math.sqrt(v)], [mean, deviation], { atol: 2e-4, what: `row ${r}` });
      }
      y.dispose();
    };
    await check(0, 1);
    layer.weight!.write(new Float32Array(layer.weight!.size).fill(2));
    layer.bias!.write(new Float32Array(layer.bias!.size).fill(3));
    await check(3, 2);
    await checkCompiled(device(), layer.constructor.name, (t) => layer.forward(t), [x]);
    tidy(() => ops.sum(ops.square(layer.forward(x))).backward());
    assert.ok(layer.weight!.grad && layer.bias!.grad);
    x.dispose();
    layer.dispose();
  }
  throwsCode(() => new nn.GroupNorm(init(), 3, 4), "SHAPE", /3 groups/);
  const plain = new nn.LayerNorm(init(), 4, { affine: false });
  assert.equal([...plain.parameters()], []);
});

test("Embedding looks vectors up, and its gradient counts how often each was", async () => {
  const table = new nn.Embedding(init(), 4, 3);
  const at = tensor(device(), [2, 0, 2, -1, 9], [5], { dtype: "i32" });
  const y = tidy(() => {
    const rows = table.forward(at);
    ops.sum(rows).backward();
    return rows.detach();
  });
  const [weight, rows] = [await table.weight.data(), await y.data()];
  const expected = [2, 0, 2, 3].flatMap((row) => [...weight.slice(row * 3, row * 3 + 3)]);
  assert.equal([...rows], [...expected, 0, 0, 0]);
  assert.equal([...(await table.weight.grad!.data())], [1, 1, 1, 0, 0, 0, 2, 2, 2, 1, 1, 1]);
  assert.ok(new Set(weight).size === 12, "starts random");
  table.dispose();
  y.dispose();
  at.dispose();
});

test("ConvTranspose2d is the convolution's adjoint, with a bias, eager and compiled", async () => {
  for (const options of [
    { kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 },
    { kernelSize: 2, stride: 2, groups: 2, bias: false },
  ]) {
    const layer = new nn.ConvTranspose2d(init(), 4, 6, options);
    const x = randomTensor([2, 3, 5, 4]);
    const y = tidy(() => layer.forward(x));
    assert.equal(y.shape, [2, 6, 10, 6]);
    const g = randomTensor(y.shape, 2);
    const { outputPadding: _, bias: __, ...conv } = { outputPadding: 0, bias: true, ...options };
    const { kernelSize: ___, ...params } = conv;
    const back = tidy(() => ops.conv2d(g, layer.weight, undefined, params));
    const bias = layer.bias ? await layer.bias.data() : undefined;
    const dot = async (a: Tensor, b: Tensor, shift = false) => {
      const [u, v] = [[...(await a.data())], [...(await b.data())]];
      return u.reduce((s, n, i) => s + (n - (shift && bias ? bias[i % 6] : 0)) * v[i], 0);
    };
    assertClose([await dot(y, g, true)], [await dot(x, back)], { rtol: 1e-4, what: "adjoint" });
    await checkCompiled(device(), "ConvTranspose2d", (t) => layer.forward(t), [x]);
    tidy(() => ops.sum(layer.forward(x)).backward());
    assert.ok([...layer.parameters()].every(({ grad }) => grad));
    for (const t of [x, y, g, back]) t.dispose();
    layer.dispose();
  }
});

test("a U-Net compiles, and gives what it gives eagerly", async () => {
  const start = init();
  const down = new nn.Conv2d(start, 2, 4, { kernelSize: 3, stride: 2, padding: 1 });
  const up = new nn.ConvTranspose2d(start, 4, 3, { kernelSize: 2, stride: 2 });
  const head = new nn.Conv2d(start, 5, 1, { kernelSize: 1 });
  const forward = (x: Tensor) =>
    head.forward(ops.concat([up.forward(ops.relu(down.forward(x))), x], 3));
  const x = randomTensor([1, 8, 6, 2]);
  await checkCompiled(device(), "U-Net", forward, [x]);
  for (const t of [down, up, head, x]) t.dispose();
});

test("GELU as a layer, exact and by tanh", async () => {
  const x = tensor(device(), [-4, -1, 0, 0.5, 3], [5]);
  const exact = tidy(() => new nn.GELU().forward(x));
  const approximate = tidy(() => new nn.GELU({ approximate: "tanh" }).forward(x));
  const expected = [-4, -1, 0, 0.5, 3].map((v) => v * normalCdf(v));
  assertClose(await exact.data(), expected, { atol: 1e-6 });
  assertClose(await approximate.data(), expected, { atol: 1e-3 });
  throwsCode(
    () => ops.gelu(x, { approximate: "none" as "tanh", tanh: true } as object),
    "ARGUMENT",
  );
  const plan = await compile(device(), (t) => new nn.GELU().forward(t), [x]);
  plan.dispose();
  for (const t of [x, exact, approximate]) t.dispose();
});

test.run();
