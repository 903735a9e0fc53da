import {
  add,
  cast,
  conv2d,
  Device,
  exp,
  keep,
  maxPool,
  mean,
  mul,
  nn,
  noGrad,
  optim,
  reshape,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { rejectsCode, throwsCode } from "../support/throws.js";

const device = useDevice(test);
const live = () => device().memory().liveBuffers;

function leaf(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return tensor(device(), values, shape, { requiresGrad: true });
}

function free(...tensors: readonly Tensor[]): void {
  for (const t of tensors) {
    t.grad?.dispose();
    t.dispose();
  }
}

test("backward may follow the scope of its forward pass, and leaves no memory behind", async () => {
  const start = live();
  const init = nn.Init.seeded(device(), 1);
  const linear = new nn.Linear(init, 3, 2);
  const optimizer = new optim.SGD(linear.parameters(), { lr: 0.1 });
  const x = tensor(device(), [1, 2, 3, -1, 0.5, 2], [2, 3]);
  const target = tensor(device(), [1, -1, 0, 2], [2, 2]);
  const losses: number[] = [];
  const held: number[] = [];
  for (let step = 0; step < 8; step++) {
    const loss = tidy(() => mean(square(sub(linear.forward(x), target))));
    loss.backward();
    held.push(live());
    optimizer.step();
    optimizer.zeroGrad();
    losses.push(await loss.item());
    loss.dispose();
  }
  for (let k = 1; k < losses.length; k++) assert.ok(losses[k] < losses[k - 1], `${losses}`);
  assert.is(held[7], held[1], "every step holds as much as the one before");
  optimizer.dispose();
  linear.dispose();
  free(x, target);
  assert.is(live(), start);
});

test("the gradient of a graph cut into scopes is that of the whole", async () => {
  const values = [0.5, -1, 2, 0.25];
  const gradients: Float32Array[] = [];
  for (const scope of [<R>(fn: () => R) => fn(), tidy]) {
    const x = leaf(values, [1, 2, 2, 1]);
    const w = leaf([0.5, -0.25, 1, 2], [1, 1, 2, 2]);
    tidy(() => {
      const a = scope(() => exp(mul(x, 0.5)));
      const b = scope(() => maxPool(a, { kernelSize: 2, stride: 1, padding: 1 }));
      const c = scope(() => conv2d(add(b, 1), w, undefined));
      sum(mul(c, c)).backward();
    });
    gradients.push((await x.grad!.data()) as Float32Array, (await w.grad!.data()) as Float32Array);
    free(x, w);
  }
  assert.equal([...gradients[2]], [...gradients[0]]);
  assert.equal([...gradients[3]], [...gradients[1]]);
  assert.ok(gradients[0].some((g) => g !== 0));
});

test("a disposed intermediate takes nothing away, and gets no gradient", async () => {
  const start = live();
  const x = leaf([3]);
  const y = square(x);
  const z = square(y);
  y.dispose();
  z.backward();
  assert.equal([...(await x.grad!.data())], [108]);
  assert.is(y.grad, undefined);
  free(x, z);
  assert.is(live(), start);
});

test("a disposed input takes nothing away; a disposed leaf gets no gradient", async () => {
  const start = live();
  const [x, c] = [leaf([2, 3]), tensor(device(), [5, 7], [2])];
  const gone = leaf([1, 1]);
  const y = tidy(() => sum(mul(mul(x, c), gone)));
  c.dispose();
  gone.dispose();
  y.backward();
  assert.equal([...(await x.grad!.data())], [5, 7]);
  assert.is(gone.grad, undefined);
  free(x, y);
  assert.is(live(), start);
});

test("what a graph holds is freed when its end is dropped without backward", () => {
  const start = live();
  const x = leaf([1, 2]);
  const y = tidy(() => {
    let t: Tensor = x;
    for (let i = 0; i < 5000; i++) t = exp(t);
    return t;
  });
  assert.ok(live() > start + 4000, "the tape holds the intermediates");
  y.dispose();
  assert.is(live(), start + 1);
  x.dispose();
});

test("under noGrad nothing is held", () => {
  const start = live();
  const x = leaf([1, 2]);
  const y = tidy(() => noGrad(() => exp(exp(exp(x)))));
  assert.is(live(), start + 2);
  free(x, y);
});

test("backward through the same operations twice is an error, unless the graph is retained", async () => {
  const x = leaf([2]);
  const y = square(x);
  const z = square(y);
  z.backward(undefined, { retainGraph: true });
  z.backward();
  assert.equal([...(await x.grad!.data())], [64]);
  throwsCode(() => z.backward(), "GRAPH_SPENT", /retainGraph/);
  const late = mul(y, 3);
  throwsCode(() => late.backward(), "GRAPH_SPENT", /square/);
  assert.equal([...(await x.grad!.data())], [64], "a refused backward adds nothing");
  free(x, y, z, late);
});

test("backward of a disposed tensor is an error", () => {
  const x = leaf([2]);
  const y = square(x);
  y.dispose();
  throwsCode(() => y.backward(), "DISPOSED");
  x.dispose();
  throwsCode(() => x.backward(), "DISPOSED");
});

test("a value changed in place between forward and backward is an error where the gradient needs it", async () => {
  const x = leaf([1, 2]);
  const w = leaf([3, 4]);
  tidy(() => {
    const y = sum(mul(x, w));
    x.write([10, 20]);
    throwsCode(() => y.backward(), "CHANGED", /write\(\)/);
    const view = sum(square(reshape(x, [2, 1])));
    x.write([1, 2]);
    throwsCode(() => view.backward(), "CHANGED", /again/);
    const unread = sum(add(x, w));
    x.write([7, 8]);
    unread.backward();
  });
  assert.equal([...(await x.grad!.data())].slice(0, 2), [1, 1]);
  free(x, w);
});

test("an optimizer's step between forward and backward is an error", () => {
  const init = nn.Init.seeded(device(), 1);
  for (const make of [
    () => new nn.Linear(init, 2, 2),
    () => new nn.Conv2d(init, 2, 2, { kernelSize: 1 }),
  ]) {
    const layer = make();
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.1 });
    tidy(() => {
      const x = leaf([1, 2], layer instanceof nn.Linear ? [1, 2] : [1, 1, 1, 2]);
      const [first, second] = [0, 1].map(() => sum(layer.forward(x)));
      first.backward();
      optimizer.step();
      throwsCode(() => second.backward(), "CHANGED", /step\(\)/);
      x.grad?.dispose();
    });
    optimizer.zeroGrad();
    layer.dispose();
  }
});

test("a shared batch norm's running statistics may change between forward and backward", () => {
  const norm = new nn.BatchNorm2d(nn.Init.seeded(device(), 1), 2);
  tidy(() => {
    const x = leaf([1, 2, 3, 5, 8, 9], [3, 1, 1, 2]);
    sum(add(norm.forward(x), norm.forward(norm.forward(x)))).backward();
    x.grad?.dispose();
  });
  norm.dispose();
});

test("gradients of two leaves never share memory", async () => {
  const [a, b] = [leaf([1, 2]), leaf([3, 4])];
  tidy(() => sum(add(a, b)).backward());
  assert.not.ok(a.grad!.storage === b.grad!.storage);
  const [p, q] = [a, b] as unknown as nn.Parameter[];
  tidy(() => optim.clipGradNorm([p, q], 1));
  for (const t of [a, b]) assertClose(await t.grad!.data(), [0.5, 0.5], { atol: 1e-5 });
  free(a, b);
});

test("a gradient that the caller gave stays the caller's", async () => {
  const x = leaf([1, 2]);
  const given = tensor(device(), [3, 4], [2]);
  x.backward(given);
  x.grad!.write([0, 0]);
  assert.equal([...(await given.data())], [3, 4]);
  const start = live();
  given.dispose();
  assert.is(live(), start - 1);
  free(x);
});

test("a gradient of another shape or type is refused, by backward and by grad", () => {
  const x = leaf([1, 2]);
  const y = square(x);
  const made = [
    zeros(device(), [2, 1]),
    zeros(device(), [3]),
    zeros(device(), [2], { dtype: "i32" }),
  ];
  for (const wrong of made) {
    const code = wrong.dtype === "i32" ? "DTYPE" : "SHAPE";
    throwsCode(() => y.backward(wrong), code, /gradient/);
    throwsCode(
      () => {
        x.grad = wrong;
      },
      code,
      /gradient/,
    );
  }
  assert.is(x.grad, undefined);
  free(x, y, ...made);
});

test("noGrad refuses an asynchronous function, and records again afterwards", async () => {
  const x = leaf([1, 2]);
  throwsCode(() => noGrad(async () => x), "ASYNC_NO_GRAD", /await/i);
  const y = square(x);
  assert.ok(y.requiresGrad);
  free(x, y);
});

test("item() of f16 is a number", async () => {
  if (!device().has("shader-f16")) return;
  const [x, y] = tidy(() => {
    const half = cast(tensor(device(), [-1.5], [1]), "f16");
    return [half, keep(cast(half, "f32"))];
  });
  assert.is(await x.item(), -1.5);
  assert.is(await y.item(), -1.5);
  free(x, y);
  await rejectsCode(zeros(device(), [2]).item(), "SHAPE", /reduce/);
});

test("a loop whose tensors grow with every step is warned of once, one with scopes not at all", async () => {
  const own = await Device.create();
  const warnings: string[] = [];
  const { warn } = console;
  console.warn = (text: string) => warnings.push(text);
  try {
    const x = tensor(own, [1, 2], [2], { requiresGrad: true });
    const step = () => {
      const loss = sum(square(x));
      loss.backward();
      x.grad?.dispose();
      x.grad = undefined;
      return loss;
    };
    for (let k = 0; k < 450; k++) tidy(step).dispose();
    assert.equal(warnings, []);
    const kept = Array.from({ length: 450 }, step);
    assert.is(warnings.length, 1);
    assert.match(warnings[0], /tidy\(\)/);
    for (const t of kept) t.dispose();
  } finally {
    console.warn = warn;
    own.destroy();
  }
});

test.run();
