import {
  compile,
  mul,
  nn,
  optim,
  relu,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);

class Tables extends nn.Module {
  readonly positions: nn.Buffer;
  readonly masks: nn.Buffer;

  constructor(init: nn.Init, start: number) {
    super();
    this.positions = init.buffer([3], start, "i32");
    this.masks = init.buffer([2], start, "u32");
  }

  override forward(x: Tensor): Tensor {
    return x;
  }
}

test("integer buffers are saved and loaded as integers", async () => {
  const init = nn.Init.seeded(device(), 1);
  const [from, to] = [new Tables(init, 7), new Tables(init, 0)];
  from.positions.write([-3, 0, 2 ** 30 + 1]);
  const state = await from.stateDict();
  assert.is(state.get("positions")?.dtype, "i32");
  assert.is(state.get("masks")?.dtype, "u32");
  to.loadStateDict(state);
  assert.equal([...(await to.positions.data())], [-3, 0, 2 ** 30 + 1]);
  assert.equal([...(await to.masks.data())], [7, 7]);
  const wide = new Map(state);
  wide.set("positions", { dtype: "i64", shape: [3], data: BigInt64Array.of(1n, 2n, -3n) });
  wide.set("masks", { dtype: "f32", shape: [2], data: Float32Array.of(4, 5) });
  to.loadStateDict(wide);
  assert.equal([...(await to.positions.data())], [1, 2, -3]);
  assert.equal([...(await to.masks.data())], [4, 5]);
  wide.set("masks", { dtype: "f32", shape: [2], data: Float32Array.of(4.5, 5) });
  throwsCode(() => to.loadStateDict(wide), "STATE_DICT", /masks holds f32 numbers that are no u32/);
  assert.equal([...(await to.masks.data())], [4, 5], "nothing was loaded");
  from.dispose();
  to.dispose();
});

class Keeper extends nn.Module {
  readonly inner: nn.Linear;
  last: Tensor | undefined;
  seen: Tensor[] = [];

  constructor(init: nn.Init) {
    super();
    this.inner = new nn.Linear(init, 2, 2);
  }

  override forward(x: Tensor): Tensor {
    this.last = relu(this.inner.forward(x));
    this.seen.push(this.last);
    return this.last;
  }
}

test("an activation that a module keeps for itself is not part of its state", async () => {
  const module = new Keeper(nn.Init.seeded(device(), 1));
  tidy(() => {
    module.forward(tensor(device(), [1, 2], [1, 2]));
    assert.equal([...module.stateShapes().keys()], ["inner.weight", "inner.bias"]);
  });
  assert.equal([...(await module.stateDict()).keys()], ["inner.weight", "inner.bias"]);
  module.dispose();
});

class Nested extends nn.Module {
  readonly scales: nn.Parameter[];
  readonly grid: nn.Linear[][];
  readonly heads: Record<string, nn.Module | { deep: nn.Parameter }>;
  readonly named: Map<string, nn.Module>;
  readonly options = { size: 3, list: [1, 2], parent: undefined as unknown };

  constructor(init: nn.Init) {
    super();
    const linear = () => new nn.Linear(init, 1, 1, { bias: false });
    this.scales = [init.constant([1], 1), init.constant([1], 2)];
    this.grid = [[linear(), linear()], [linear()]];
    this.heads = { cls: linear(), more: { deep: init.constant([1], 3) } };
    this.named = new Map([["a", linear()]]);
    this.options.parent = [this.options, this];
  }

  override forward(x: Tensor): Tensor {
    return x;
  }
}

test("parameters in lists of lists, objects and Maps are registered", async () => {
  const module = new Nested(nn.Init.seeded(device(), 1));
  const names = [
    "scales.0",
    "scales.1",
    "heads.more.deep",
    "grid.0.0.weight",
    "grid.0.1.weight",
    "grid.1.0.weight",
    "heads.cls.weight",
    "named.a.weight",
  ];
  assert.equal(
    [...module.namedParameters()].map(([name]) => name),
    names,
  );
  assert.equal([...(await module.stateDict()).keys()], names);
  module.eval();
  assert.not.ok(module.grid[1][0].training);
  const optimizer = new optim.SGD(module.parameters(), { lr: 0.1 });
  tidy(() => {
    const total = [...module.parameters()].reduce(
      (t, p) => mul(t, sum(p)),
      tensor(device(), [1], []),
    );
    total.backward();
  });
  assert.ok([...module.parameters()].every(({ grad }) => grad));
  optimizer.zeroGrad();
  module.dispose();
});

class Tied extends nn.Module {
  readonly encoder: nn.Linear;
  readonly decoder: nn.Linear;

  constructor(init: nn.Init) {
    super();
    this.encoder = new nn.Linear(init, 2, 2, { bias: false });
    this.decoder = new nn.Linear(init, 2, 2, { bias: false });
    this.decoder.weight.dispose();
    (this.decoder as { weight: nn.Parameter }).weight = this.encoder.weight;
  }

  override forward(x: Tensor): Tensor {
    return this.decoder.forward(this.encoder.forward(x));
  }
}

test("tied weights are one parameter with two names", async () => {
  const module = new Tied(nn.Init.seeded(device(), 1));
  assert.equal(
    [...module.namedParameters()].map(([name]) => name),
    ["encoder.weight"],
  );
  assert.equal([...(await module.stateDict()).keys()], ["encoder.weight", "decoder.weight"]);
  const optimizer = new optim.SGD([...module.parameters(), module.decoder.weight], { lr: 1 });
  assert.is(optimizer.groups[0].parameters.length, 1, "twice in one group counts once");
  throwsCode(
    () =>
      new optim.SGD(
        [{ parameters: module.parameters() }, { parameters: [module.decoder.weight] }],
        { lr: 1 },
      ),
    "OPTIMIZER",
    /two groups/,
  );
  const before = [...(await module.encoder.weight.data())];
  tidy(() => sum(module.forward(tensor(device(), [1, 2], [1, 2]))).backward());
  const gradient = [...(await module.encoder.weight.grad!.data())];
  optimizer.step();
  const after = [...(await module.decoder.weight.data())];
  for (const [k, v] of after.entries()) assert.ok(Math.abs(v - (before[k] - gradient[k])) < 1e-6);
  optimizer.zeroGrad();
  module.dispose();
});

test("numBatchesTracked counts batches, not compilations", async () => {
  const norm = new nn.BatchNorm2d(nn.Init.seeded(device(), 1), 2);
  const info = { shape: [1, 2, 2, 2], dtype: "f32" } as const;
  for (let k = 0; k < 2; k++) (await compile(device(), (x) => [norm.forward(x)], [info])).dispose();
  assert.is(norm.numBatchesTracked, 0);
  tidy(() => norm.forward(tensor(device(), new Float32Array(8), info.shape)));
  assert.is(norm.numBatchesTracked, 1);
  norm.dispose();
});

test.run();
