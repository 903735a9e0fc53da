/** LSTM and GRU against loops in float64. */
import { compile, nn, sum, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);

type Vector = readonly number[];
type Weights = ReadonlyMap<string, { shape: readonly number[]; data: ArrayLike<number> }>;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** W v + b by the names of a layer's parameters. */
function affine(weights: Weights, kind: string, suffix: string, v: Vector): number[] {
  const { shape, data } = weights.get(`weight_${kind}_${suffix}`)!;
  const bias = weights.get(`bias_${kind}_${suffix}`)?.data;
  return Array.from({ length: shape[0] }, (_, r) =>
    v.reduce((total, x, c) => total + data[r * shape[1] + c] * x, bias?.[r] ?? 0),
  );
}

type Step = (
  weights: Weights,
  suffix: string,
  x: Vector,
  h: Vector,
  c: Vector,
) => [number[], number[]];

const lstmStep: Step = (weights, suffix, x, h, c) => {
  const [a, b] = [affine(weights, "ih", suffix, x), affine(weights, "hh", suffix, h)];
  const size = h.length;
  const gate = (k: number, j: number) => a[k * size + j] + b[k * size + j];
  const cell = c.map(
    (old, j) => sigmoid(gate(1, j)) * old + sigmoid(gate(0, j)) * Math.tanh(gate(2, j)),
  );
  return [cell.map((v, j) => sigmoid(gate(3, j)) * Math.tanh(v)), cell];
};

const gruStep: Step = (weights, suffix, x, h, c) => {
  const [a, b] = [affine(weights, "ih", suffix, x), affine(weights, "hh", suffix, h)];
  const size = h.length;
  const gate = (k: number, j: number) => sigmoid(a[k * size + j] + b[k * size + j]);
  const hidden = h.map((old, j) => {
    const n = Math.tanh(a[2 * size + j] + gate(0, j) * b[2 * size + j]);
    return (1 - gate(1, j)) * n + gate(1, j) * old;
  });
  return [hidden, [...c]];
};

/** One sequence through all layers: outputs, and the last states in PyTorch's order. */
function walk(
  step: Step,
  weights: Weights,
  sequence: readonly Vector[],
  hidden: number,
  { layers = 1, both = false },
) {
  const ends: { h: Vector; c: Vector }[] = [];
  let current = sequence;
  for (let layer = 0; layer < layers; layer++) {
    const sides = (both ? ["", "_reverse"] : [""]).map((side) => {
      const order = [...current.keys()];
      if (side) order.reverse();
      let [h, c]: [Vector, Vector] = [new Array(hidden).fill(0), new Array(hidden).fill(0)];
      const outputs: Vector[] = [];
      for (const t of order) {
        [h, c] = step(weights, `l${layer}${side}`, current[t], h, c);
        outputs[t] = h;
      }
      ends.push({ h, c });
      return outputs;
    });
    current = current.map((_, t) => sides.flatMap((outputs) => outputs[t]));
  }
  return { outputs: current, ends };
}

const [LENGTH, BATCH, INPUT, HIDDEN] = [5, 2, 3, 4];

for (const [name, step] of [
  ["LSTM", lstmStep],
  ["GRU", gruStep],
] as const) {
  for (const options of [
    {},
    { numLayers: 2, bidirectional: true, batchFirst: true },
    { bias: false, bidirectional: true },
  ]) {
    test(`${name} ${JSON.stringify(options)}: outputs, states, compiled`, async () => {
      const net = new nn[name](nn.Init.seeded(device(), 2), INPUT, HIDDEN, options);
      const weights = (await net.stateDict()) as unknown as Weights;
      const { numLayers: layers = 1, bidirectional: both = false, batchFirst = false } = options;
      const values = new Random(1).normals(LENGTH * BATCH * INPUT);
      const shape = batchFirst ? [BATCH, LENGTH, INPUT] : [LENGTH, BATCH, INPUT];
      const place = (n: number, t: number) => (batchFirst ? n * LENGTH + t : t * BATCH + n);
      const x = tensor(device(), values, shape);
      const expected = Array.from({ length: BATCH }, (_, n) => {
        const sequence = Array.from({ length: LENGTH }, (_, t) => [
          ...values.slice(place(n, t) * INPUT, (place(n, t) + 1) * INPUT),
        ]);
        return walk(step, weights, sequence, HIDDEN, { layers, both });
      });
      const result = tidy(() => net.forward(x));
      const width = HIDDEN * (both ? 2 : 1);
      assert.equal(result.output.shape, [...shape.slice(0, 2), width]);
      const output = await result.output.data();
      for (let n = 0; n < BATCH; n++) {
        for (let t = 0; t < LENGTH; t++) {
          const from = place(n, t) * width;
          assertClose(output.subarray(from, from + width), expected[n].outputs[t], { atol: 1e-5 });
        }
      }
      const parts = expected[0].ends.map((_, k) => expected.map(({ ends }) => ends[k]));
      assertClose(
        await result.hidden.data(),
        parts.flat().flatMap(({ h }) => h),
        { atol: 1e-5 },
      );
      if ("cell" in result) {
        const cell = result.cell as Tensor;
        assertClose(
          await cell.data(),
          parts.flat().flatMap(({ c }) => c),
          { atol: 1e-5 },
        );
      }
      const plan = await compile(device(), (input) => net.forward(input).output, [x]);
      plan.run([x]);
      assertClose(await plan.outputs.tensor.data(), output, { atol: 1e-6 });
      plan.dispose();
    });
  }

  test(`${name}: gradients of parameters and start by finite differences`, async () => {
    const net = new nn[name](nn.Init.seeded(device(), 3), 2, 3);
    const x = tensor(device(), new Random(4).normals(3 * 2 * 2), [3, 2, 2]);
    const starts = [5, 6].map((seed) =>
      tensor(device(), new Random(seed).normals(6), [1, 2, 3], { requiresGrad: true }),
    );
    const [hidden, cell] = starts;
    const state = name === "LSTM" ? { hidden, cell } : { hidden };
    const loss = () => tidy(() => sum(net.forward(x, state as never).output));
    loss().backward();
    const used = name === "LSTM" ? starts : [hidden];
    for (const leaf of [...net.parameters(), ...used]) {
      const gradient = await leaf.grad!.data();
      const values = (await leaf.data()) as Float32Array;
      for (const i of [0, values.length - 1]) {
        const at = async (delta: number) => {
          leaf.write(values.map((v, k) => (k === i ? v + delta : v)));
          return loss().item();
        };
        const slope = ((await at(0.02)) - (await at(-0.02))) / 0.04;
        leaf.write(values);
        assertClose([gradient[i]], [slope], { atol: 2e-3, rtol: 2e-3 });
      }
    }
  });
}

test("a state goes on where a sequence was cut", async () => {
  const net = new nn.LSTM(nn.Init.seeded(device(), 1), INPUT, HIDDEN);
  const values = new Random(2).normals(4 * BATCH * INPUT);
  const half = values.length / 2;
  const part = (from: number, length: number) =>
    tensor(device(), values.subarray(from, from + length * BATCH * INPUT), [length, BATCH, INPUT]);
  const whole = net.forward(part(0, 4));
  const first = net.forward(part(0, 2));
  const second = net.forward(part(half, 2), { hidden: first.hidden, cell: first.cell });
  assertClose(await second.hidden.data(), await whole.hidden.data(), { atol: 1e-6 });
  assertClose(await second.cell.data(), await whole.cell.data(), { atol: 1e-6 });
});

test("names and shapes are PyTorch's; what does not fit is an error", () => {
  const net = new nn.GRU(nn.Init.seeded(device(), 1), 3, 5, { numLayers: 2, bidirectional: true });
  const shapes = net.stateShapes();
  assert.equal([...shapes.keys()].slice(0, 5), [
    "weight_ih_l0",
    "weight_hh_l0",
    "bias_ih_l0",
    "bias_hh_l0",
    "weight_ih_l0_reverse",
  ]);
  assert.equal(shapes.get("weight_ih_l1"), [15, 10]);
  const x = tensor(device(), new Float32Array(12), [2, 2, 3]);
  throwsCode(() => net.forward(tensor(device(), [1, 2, 3], [3])), "SHAPE", /\[length, N, 3\]/);
  throwsCode(() => net.forward(x, { hidden: x }), "SHAPE", /must be \[4, 2, 5\]/);
  throwsCode(() => new nn.LSTM(nn.Init.seeded(device(), 1), 0, 4), "ARGUMENT", /at least 1/);
  throwsCode(
    () => new nn.LSTM(nn.Init.seeded(device(), 1), 3, 4, { layers: 2 } as never),
    "ARGUMENT",
  );
  const lstm = new nn.LSTM(nn.Init.seeded(device(), 1), 3, 5);
  throwsCode(() => lstm.forward(x, { hidden: x } as never), "ARGUMENT", /hidden and cell/);
});

test.run();
