/**
 * Operations that pick their access pattern by the shape (merged axes, vectors of four, splats, segments),
 * over many random shapes of up to six axes, against the references. Seeded: a failure repeats.
 */
import * as ops from "@retinaface-webgpu/tensor";
import { type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import { type NdArray, sizeOf } from "../../reference/array.js";
import { zip } from "../../reference/elementwise.js";
import * as movement from "../../reference/movement.js";
import { reduceBy, sumOf } from "../../reference/reduce.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

const ROUNDS = 40;
const EXTENTS = [1, 1, 2, 3, 4, 4, 5, 8];

function randomShape(random: Random, rank = random.integer(1, 6)): number[] {
  const shape = Array.from({ length: rank }, () => random.pick(EXTENTS));
  return sizeOf(shape) > 20_000 ? randomShape(random, rank) : shape;
}

function randomArray(random: Random, shape: readonly number[]): NdArray {
  return { shape, data: Float64Array.from(random.uniforms(sizeOf(shape), -4, 4)) };
}

function upload(array: NdArray): Tensor {
  return tensor(device(), array.data, array.shape);
}

async function compare(what: string, y: Tensor, expected: NdArray, atol = 0): Promise<void> {
  if (`${y.shape}` !== `${expected.shape}`) {
    throw new Error(`${what}: shape [${y.shape}], expected [${expected.shape}]`);
  }
  assertClose(await y.data(), expected.data, { what, atol, rtol: 1e-6 });
  y.dispose();
}

test("permute", async () => {
  const random = new Random(11);
  for (let round = 0; round < ROUNDS; round++) {
    const x = randomArray(random, randomShape(random));
    const axes = random.shuffled(x.shape.keys());
    const y = ops.permute(upload(x), axes);
    await compare(`permute [${x.shape}] by [${axes}]`, y, movement.permute(x, axes));
  }
});

test("slice, and a slice written back by its gradient", async () => {
  const random = new Random(12);
  for (let round = 0; round < ROUNDS; round++) {
    const x = randomArray(random, randomShape(random));
    const taken = x.shape.map((extent) => {
      const step = random.pick([1, 1, 1, 2, -1]);
      const count = random.integer(1, Math.ceil(extent / Math.abs(step)));
      const span = (count - 1) * Math.abs(step);
      const low = random.integer(0, extent - 1 - span);
      return { first: step > 0 ? low : low + span, step, count };
    });
    const ranges = taken.map(({ first, step, count }) => {
      const end = first + count * step;
      return end < 0 ? { start: first, step } : { start: first, end, step };
    });
    const what = `slice [${x.shape}] ${JSON.stringify(ranges)}`;
    const input = tensor(device(), x.data, x.shape, { requiresGrad: true });
    const y = ops.slice(input, ranges);
    const expected = movement.take(x, taken);
    y.backward(upload(expected));
    const visited = { shape: x.shape, data: x.data.map((_, i) => i) };
    const kept = new Set(movement.take(visited, taken).data);
    const gradient = { shape: x.shape, data: x.data.map((v, i) => (kept.has(i) ? v : 0)) };
    await compare(what, y, expected);
    await compare(`${what}: gradient`, input.grad as Tensor, gradient);
  }
});

test("concat", async () => {
  const random = new Random(13);
  for (let round = 0; round < ROUNDS; round++) {
    const shape = randomShape(random);
    const axis = random.integer(0, shape.length - 1);
    const parts = Array.from({ length: random.integer(1, 4) }, () =>
      randomArray(
        random,
        shape.map((n, k) => (k === axis ? random.pick(EXTENTS) : n)),
      ),
    );
    const y = ops.concat(parts.map(upload), axis);
    const what = `concat ${JSON.stringify(parts.map((p) => p.shape))} along ${axis}`;
    await compare(what, y, movement.concat(parts, axis));
  }
});

test("broadcasting of two operands", async () => {
  const random = new Random(14);
  for (let round = 0; round < ROUNDS; round++) {
    const shape = randomShape(random);
    const narrowed = () =>
      shape
        .map((n) => (random.uniform() < 0.4 ? 1 : n))
        .slice(random.uniform() < 0.3 ? random.integer(0, shape.length) : 0);
    const [a, b] = [randomArray(random, narrowed()), randomArray(random, narrowed())];
    const y = ops.sub(upload(a), upload(b));
    await compare(
      `[${a.shape}] - [${b.shape}]`,
      y,
      zip(a, b, (u, v) => u - v),
      1e-6,
    );
  }
});

test("sums over any axes", async () => {
  const random = new Random(15);
  for (let round = 0; round < ROUNDS; round++) {
    const x = randomArray(random, randomShape(random));
    const axes = x.shape.map((_, axis) => axis).filter(() => random.uniform() < 0.5);
    const y = ops.sum(upload(x), { axes });
    await compare(`sum [${x.shape}] over [${axes}]`, y, reduceBy(x, axes, false, sumOf), 1e-3);
  }
});

test("constant pad", async () => {
  const random = new Random(16);
  for (let round = 0; round < ROUNDS; round++) {
    const shape = randomShape(random, random.integer(1, 4));
    const x = randomArray(random, shape);
    const padding = shape.map(
      (n) => [random.integer(Math.max(-1, 1 - n), 3), random.integer(0, 3)] as const,
    );
    const [before, after] = [0, 1].map((side) => padding.map((pair) => pair[side]));
    const y = ops.pad(upload(x), padding, { value: 9 });
    const what = `pad [${shape}] by ${JSON.stringify(padding)}`;
    await compare(
      what,
      y,
      movement.pad(x, before, after, () => undefined, 9),
    );
  }
});

test.run();
