import {
  add,
  checkpoint,
  compileStep,
  matmul,
  mul,
  nn,
  optim,
  square,
  sum,
  type Tensor,
  tanh,
  tensor,
  tidy,
  updateRunningStatistics,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { matmul as referenceMatmul } from "../reference/matmul.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);

/** All that a second run could do differently: batch norm's statistics and counts, dropout. */
class Block extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm2d;
  readonly dropout = new nn.Dropout(0.4, { seed: 3 });

  constructor(init: nn.Init, channels: number) {
    super();
    this.conv = new nn.Conv2d(init, channels, channels, { kernelSize: 3, padding: 1 });
    this.norm = new nn.BatchNorm2d(init, channels);
  }

  override forward(x: Tensor): Tensor {
    return this.dropout.forward(this.norm.forwardActivated(this.conv.forward(x), 0.1));
  }
}

class Tower extends nn.Module {
  readonly first: Block;
  readonly second: Block;
  readonly third: Block;

  constructor() {
    super();
    const init = nn.Init.seeded(device(), 11);
    [this.first, this.second, this.third] = [5, 5, 5].map((n) => new Block(init, n));
  }

  override forward(x: Tensor): Tensor {
    return this.third.forward(this.second.forward(this.first.forward(x)));
  }
}

/** Ways through the tower: as it is, each block by itself, and one checkpoint in another, of two results. */
const WAYS: Record<string, (tower: Tower, x: Tensor) => Tensor> = {
  plain: (tower, x) => tower.forward(x),
  "block by block": ({ first, second, third }, x) =>
    [first, second, third].reduce((y, block) => checkpoint((v) => block.forward(v), y), x),
  nested: ({ first, second, third }, x) => {
    const [y, z] = checkpoint((v) => {
      const inner = checkpoint((u) => first.forward(u), v);
      return [second.forward(inner), inner];
    }, x);
    return third.forward(add(y, z));
  },
};
const NESTED_PLAIN = ({ first, second, third }: Tower, x: Tensor): Tensor => {
  const inner = first.forward(x);
  return third.forward(add(second.forward(inner), inner));
};

const SHAPE = [3, 7, 5, 5];
const values = (seed: number) => new Random(seed).normals(SHAPE.reduce((a, b) => a * b));

/** What two eager steps leave: losses, gradients, state, the input's gradient. */
async function train(way: (tower: Tower, x: Tensor) => Tensor): Promise<number[][]> {
  const tower = new Tower();
  const seen: number[][] = [];
  for (let step = 0; step < 2; step++) {
    const x = tensor(device(), values(step), SHAPE, { requiresGrad: true });
    const loss = tidy(() => {
      const total = sum(square(way(tower, x)));
      total.backward();
      return total;
    });
    for (const each of [loss, x.grad!, ...[...tower.parameters()].map(({ grad }) => grad!)]) {
      seen.push(Array.from(await each.data(), Number));
      each.dispose();
    }
    x.dispose();
    for (const parameter of tower.parameters()) parameter.grad = undefined;
  }
  for (const { data } of (await tower.stateDict()).values()) seen.push(Array.from(data, Number));
  for (const { dropout } of [tower.first, tower.second, tower.third]) seen.push([dropout.calls]);
  tower.dispose();
  return seen;
}

for (const [name, plain] of [
  ["block by block", WAYS.plain],
  ["nested", NESTED_PLAIN],
] as const) {
  test(`a step with checkpoints is the one without, to the bit: ${name}`, async () => {
    assert.equal(await train(WAYS[name]), await train(plain));
  });
}

test("its gradients by finite differences, where no input but a parameter needs one, and of one that is handed on", async () => {
  await checkOp(device(), {
    name: "checkpoint of tanh(x·w)",
    inputs: [{ shape: [5, 3] }, { shape: [3, 7] }],
    op: (x, w) => checkpoint((a, b) => tanh(matmul(a, b)), x, w),
    reference: (x, w) => {
      const { shape, data } = referenceMatmul(x, w);
      return { shape, data: data.map(Math.tanh) };
    },
  });
  const w = tensor(device(), [2, 3], [2], { requiresGrad: true });
  const x = tensor(device(), [5, 7], [2]);
  sum(checkpoint((v) => mul(v, w), x)).backward();
  assert.equal([...(await w.grad!.data())], [5, 7]);
  const [same, doubled] = checkpoint((v) => [v, add(v, v)], w);
  sum(mul(same, doubled)).backward();
  assert.equal([...(await w.grad!.data())], [5 + 8, 7 + 12]);
  for (const each of [w, x]) each.dispose();
});

test("a compiled step with checkpoints gives the same and takes less memory", async () => {
  const results: number[][][] = [];
  const arenas: number[] = [];
  for (const way of [WAYS.plain, WAYS["block by block"]]) {
    const tower = new Tower();
    const optimizer = new optim.SGD(tower.parameters(), { lr: 0.01, momentum: 0.9 });
    const step = await compileStep(device(), {
      inputs: { x: { shape: SHAPE, dtype: "f32" } },
      losses: ({ x }) => ({ total: sum(square(way(tower, x))) }),
      optimizer,
    });
    const seen: number[][] = [];
    for (let i = 0; i < 3; i++) {
      step.inputs.x.write(values(i));
      step.run();
      seen.push([(await step.read()).total]);
    }
    for (const { data } of (await tower.stateDict()).values()) seen.push(Array.from(data, Number));
    seen.push([tower.first.dropout.calls]);
    arenas.push(step.stats.arenaBytes);
    for (const each of [step, optimizer, tower]) each.dispose();
    results.push(seen);
  }
  assert.equal(results[1], results[0]);
  assert.ok(arenas[1] < arenas[0], `${arenas[1]} of ${arenas[0]} bytes`);
});

test("between forward and backward nothing of the inside is held", async () => {
  const held: number[] = [];
  for (const way of [
    WAYS.plain,
    (tower: Tower, x: Tensor) => checkpoint((v) => tower.forward(v), x),
  ]) {
    const tower = new Tower();
    const x = tensor(device(), values(0), SHAPE);
    const before = device().memory().liveBytes;
    const loss = tidy(() => sum(square(way(tower, x))));
    held.push(device().memory().liveBytes - before);
    loss.backward();
    for (const parameter of tower.parameters()) parameter.grad?.dispose();
    for (const each of [loss, x, tower]) each.dispose();
  }
  assert.ok(held[1] * 3 < held[0], `${held[1]} of ${held[0]} bytes`);
});

test("wrong use is told; what writes in place writes once", async () => {
  const w = tensor(device(), [2, 3], [2], { requiresGrad: true });
  const y = mul(w, w);
  throwsCode(() => checkpoint((v) => mul(v, y), w), "CHECKPOINT", /result of mul from outside/);
  throwsCode(
    () => checkpoint((() => 3) as never, w),
    "CHECKPOINT",
    /must return a tensor .* the number 3/,
  );
  throwsCode(() => checkpoint((async () => w) as never, w), "CHECKPOINT", /an object of Promise/);
  let calls = 0;
  const changing = checkpoint((v) => (calls++ === 0 ? mul(v, v) : add(v, v)), w);
  throwsCode(() => sum(changing).backward(), "CHECKPOINT", /called add .* where it called mul/);
  const [mean, variance, runningMean, runningVariance] = [1, 2, 3, 4].map((n) =>
    tensor(device(), [n, n], [2]),
  );
  const once = checkpoint((v) => {
    const update = { mean, variance, runningMean, runningVariance, rows: 5, momentum: 0.1 };
    updateRunningStatistics(update);
    return mul(v, v);
  }, w);
  sum(once).backward();
  assert.equal([...(await runningMean.data())], [...Float32Array.of(2.8, 2.8)]);
  for (const each of [w, y, mean, variance, runningMean, runningVariance]) each.dispose();
});

test.run();
