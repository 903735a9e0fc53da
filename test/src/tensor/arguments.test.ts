/** Wrong arguments of a program without types: each is a typed error that says what was expected. */
import * as library from "@retinaface-webgpu/tensor";
import { Device, nn, optim, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);
// biome-ignore lint/suspicious/noExplicitAny: what a program without types may call
const loose = library as any;

/** A parameter for an optimizer. */
const one = () => nn.Init.empty(device()).constant([1], 1);

function withImage(run: (x: Tensor) => void): () => void {
  return () => {
    const x = tensor(device(), new Float32Array(32), [1, 4, 4, 2]);
    try {
      run(x);
    } finally {
      x.dispose();
    }
  };
}

const wrong: Record<string, [call: (x: Tensor) => unknown, message: RegExp]> = {
  "maxPool(x, 2)": [
    (x) => loose.maxPool(x, 2),
    /maxPool takes its options as an object.*kernelSize.*number 2/,
  ],
  "maxPool without kernelSize": [(x) => loose.maxPool(x, {}), /kernelSize.*undefined/],
  "avgPool(x, { kernel: 2 })": [(x) => loose.avgPool(x, { kernel: 2 }), /no option "kernel"/],
  "maxPool with stride 0": [(x) => loose.maxPool(x, { kernelSize: 2, stride: 0 }), /at least 1/],
  "sum(x, { axis: 1 })": [
    (x) => loose.sum(x, { axis: 1 }),
    /sum has no option "axis"; it takes axes, keepDims/,
  ],
  "sum(x, 1)": [(x) => loose.sum(x, 1), /object/],
  "mean(x, { axes: 1 })": [(x) => loose.mean(x, { axes: 1 }), /array of axes, not the number 1/],
  "reshape(x, 4, 8)": [(x) => loose.reshape(x, 4, 8), /array of extents/],
  "permute(x, 0, 1)": [(x) => loose.permute(x, 0, 1), /array of axes/],
  "concat(x, x, 0)": [(x) => loose.concat(x, x, 0), /array of tensors, not an object of/],
  "concat([x, 1], 0)": [(x) => loose.concat([x, 1], 0), /./],
  "slice(x, 1, 2)": [(x) => loose.slice(x, 1, 2), /array of ranges/],
  "slice(x, [{ from: 1 }])": [(x) => loose.slice(x, [{ from: 1 }]), /no option "from"/],
  "pad(x, 1)": [(x) => loose.pad(x, 1), /array of pairs/],
  "matmul(x, 3)": [(x) => loose.matmul(x, 3), /input 1 must be a tensor, not the number 3/],
  "matmul(x, x, true)": [(x) => loose.matmul(x, x, true), /transposeA/],
  "conv2d without weight": [(x) => loose.conv2d(x), /input 1 must be a tensor, not undefined/],
  "conv2d(x, w, undefined, { strides })": [
    (x) => loose.conv2d(x, x, undefined, { strides: 2 }),
    /no option "strides"/,
  ],
  "conv2d with groups 0": [(x) => loose.conv2d(x, x, undefined, { groups: 0 }), /at least 1/],
  'conv2d with padding "same"': [
    (x) => loose.conv2d(x, x, undefined, { padding: "same" }),
    /padding/,
  ],
  "resizeNearest(x, { factor: 2 })": [
    (x) => loose.resizeNearest(x, { factor: 2 }),
    /no option "factor"/,
  ],
  "relu(3)": [() => loose.relu(3), /relu: input 0 must be a tensor, not the number 3/],
  "relu([1])": [() => loose.relu([1]), /an array/],
  'crossEntropy with reduction "avg"': [
    (x) => loose.smoothL1Loss(x, x, { reduction: "avg" }),
    /"mean", not the string avg/,
  ],
  "tensor(…, { requires_grad })": [
    () => loose.tensor(device(), [1], [1], { requires_grad: true }),
    /no option "requires_grad"; it takes dtype, requiresGrad/,
  ],
  "tensor(device, [1], 1)": [() => loose.tensor(device(), [1], 1), /array of extents/],
  "new Conv2d(…, { kernel_size })": [
    () => new loose.nn.Conv2d(nn.Init.empty(device()), 1, 1, { kernel_size: 3 }),
    /no option "kernel_size"/,
  ],
  "new Linear(init, 3)": [() => new loose.nn.Linear(nn.Init.empty(device()), 3), /features/],
  "new SGD(…, { momentun })": [
    () => new loose.optim.SGD([one()], { lr: 1, momentun: 0.9 }),
    /no option "momentun"/,
  ],
  "new Adam(…, { beta })": [() => new loose.optim.Adam([one()], { beta: 0.9 }), /no option "beta"/],
};

for (const [name, [call, message]] of Object.entries(wrong)) {
  test(
    name,
    withImage((x) => throwsCode(() => call(x), "ARGUMENT", message)),
  );
}

test("numbers that a type does not hold", () => {
  for (const [value, dtype] of [
    [1.5, "i32"],
    [3e9, "i32"],
    [Number.NaN, "i32"],
    [-1, "u32"],
    [2 ** 32, "u32"],
  ] as const) {
    const message = new RegExp(`no ${dtype}`);
    throwsCode(() => tensor(device(), [7, value], [2], { dtype }), "DTYPE", message);
    throwsCode(() => library.full(device(), [2], value, { dtype }), "DTYPE", message);
  }
  throwsCode(() => loose.full(device(), [2], "3"), "ARGUMENT", /string/);
  throwsCode(() => tensor(device(), Float32Array.of(0.5), [1], { dtype: "i32" }), "DTYPE", /0\.5/);
  const y = tensor(device(), [-(2 ** 31), 2 ** 31 - 1, -0], [3], { dtype: "i32" });
  throwsCode(() => y.write([1, 2, 0.5]), "DTYPE", /at 2/);
  y.dispose();
});

test("integers have no gradient", () => {
  const options = { dtype: "i32", requiresGrad: true } as const;
  throwsCode(() => tensor(device(), [1], [1], options), "DTYPE", /no gradient/);
});

test("a tensor in the place of a parameter", () => {
  const init = nn.Init.empty(device());
  const layer = new nn.Linear(init, 2, 1);
  const { weight } = layer;
  const own = tensor(device(), [1, 2], [1, 2], { requiresGrad: true });
  Object.assign(layer, { weight: own });
  throwsCode(() => [...layer.parameters()], "ARGUMENT", /weight .*neither trained nor saved/);
  Object.assign(layer, { weight });
  assert.is([...layer.parameters()].length, 2);
  own.dispose();
  layer.dispose();
});

test("a type that does not exist", () => {
  throwsCode(() => loose.tensor(device(), [1], [1], { dtype: "float32" }), "DTYPE", /f32, f16/);
});

test(
  "groups that do not divide",
  withImage((x) => {
    const init = nn.Init.empty(device());
    throwsCode(() => new nn.Conv2d(init, 3, 4, { kernelSize: 1, groups: 2 }), "SHAPE", /2 groups/);
    throwsCode(() => new nn.Conv2d(init, 4, 3, { kernelSize: 1, groups: 2 }), "SHAPE", /2 groups/);
    const weight = tensor(device(), new Float32Array(6), [2, 3, 1, 1]);
    throwsCode(
      () => library.convTranspose2d(x, weight, undefined, { groups: 3 }),
      "SHAPE",
      /groups/,
    );
    weight.dispose();
  }),
);

test(
  "split takes one length for all parts, as PyTorch's, or one for each",
  withImage((x) => {
    const parts = library.split(x, 3, 1);
    assert.equal(
      parts.map(({ shape }) => shape[1]),
      [3, 1],
    );
    const two = library.split(x, [1, 3], 2);
    assert.equal(
      two.map(({ shape }) => shape[2]),
      [1, 3],
    );
    throwsCode(() => library.split(x, 0, 1), "ARGUMENT", /at least 1/);
    throwsCode(() => library.split(x, [1, 2], 1), "SHAPE", /add up/);
    for (const t of [...parts, ...two]) t.dispose();
  }),
);

test("tensors of two devices are told as such, and only those", async () => {
  const other = await Device.create();
  const [x, y] = [device(), other].map((d) => tensor(d, [1], [1]));
  throwsCode(() => library.add(x, y), "DEVICE_MISMATCH", /different devices/);
  throwsCode(() => loose.matmul(x, { device: device() }), "ARGUMENT", /an object of Object/);
  x.dispose();
  other.destroy();
});

test("values that are no numbers are refused, not made NaN", () => {
  const make = tensor as unknown as (device: Device, values: unknown) => Tensor;
  throwsCode(() => make(device(), "abc"), "ARGUMENT", /array of numbers, not the string abc/);
  throwsCode(() => make(device(), null), "ARGUMENT", /not null/);
  throwsCode(() => make(device(), [1, undefined]), "ARGUMENT", /value 1 is undefined/);
  throwsCode(() => make(device(), [[1, "2"]]), "ARGUMENT", /value 1 is the string 2/);
  throwsCode(() => make(device(), BigInt64Array.of(1n)), "ARGUMENT", /value 0 is the bigint 1/);
  const x = tensor(device(), [1, 2], [2]);
  throwsCode(() => x.write([1, null] as never), "ARGUMENT", /value 1 is null/);
  x.write({ 0: 3, 1: 4, length: 2 });
  x.dispose();
});

test("places and seeds are integers, modes and types known", () => {
  const x = tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3]);
  throwsCode(() => library.narrow(x, 1, 0.5, 1), "ARGUMENT", /narrow's start and length.*0\.5/);
  throwsCode(() => library.slice(x, [undefined, { start: 0.5 }]), "SHAPE", /from 0\.5/);
  throwsCode(() => loose.slice(x, [{ start: "1" }]), "SHAPE", /integers/);
  throwsCode(() => nn.Init.seeded(device(), 0.7), "ARGUMENT", /seed.*number 0\.7/);
  throwsCode(() => loose.nn.Init.seeded(device(), "abc"), "ARGUMENT", /seed.*string abc/);
  const mode = { mode: "mirror" };
  throwsCode(
    () =>
      loose.pad(
        x,
        [
          [0, 0],
          [1, 0],
        ],
        mode,
      ),
    "ARGUMENT",
    /no mode "mirror".*reflect/,
  );
  throwsCode(() => loose.cast(x, "float"), "DTYPE", /f32, f16, i32, u32/);
  const toEnd = library.slice(x, [undefined, { start: -1, end: Number.POSITIVE_INFINITY }]);
  assert.equal(toEnd.shape, [2, 1]);
  for (const t of [x, toEnd]) t.dispose();
});

test("what is no layer, no state and no tensor of a plan", async () => {
  const relu = new nn.ReLU();
  throwsCode(() => new loose.nn.Sequential([relu]), "ARGUMENT", /not an array as layer 0/);
  throwsCode(() => new loose.nn.Sequential(relu, nn.ReLU), "ARGUMENT", /not a function as layer 1/);
  const pending = Promise.resolve(new Map());
  throwsCode(
    () => loose.nn.Module.prototype.loadStateDict.call(relu, pending),
    "ARGUMENT",
    /Map.*Promise/,
  );
  const plan = await library.compile(device(), (a) => relu.forward(a), [
    { shape: [2], dtype: "f32" },
  ]);
  const x = tensor(device(), [1, -1], [2]);
  throwsCode(() => plan.run(x as never), "ARGUMENT", /Plan\.run takes an array of tensors/);
  throwsCode(() => plan.run([[1, 2]] as never), "ARGUMENT", /not an array: write\(\).*inputs\[0\]/);
  plan.run([x]);
  plan.dispose();
  x.dispose();
});

test("what an optimizer trains and what clips are checked", () => {
  const p = one();
  const named = [["weight", p]] as never;
  throwsCode(() => new optim.SGD(named, { lr: 0.1 }), "OPTIMIZER", /not an array/);
  throwsCode(
    () => new optim.SGD(new nn.ReLU() as never, { lr: 0.1 }),
    "OPTIMIZER",
    /object of ReLU/,
  );
  const made = library.mul(p, 2);
  throwsCode(
    () => new optim.SGD([made] as never, { lr: 0.1 }),
    "OPTIMIZER",
    /result of an operation/,
  );
  throwsCode(() => optim.clipGradNorm([p], -1), "OPTIMIZER", /number -1/);
  throwsCode(() => optim.clipGradNorm([p], "1" as never), "OPTIMIZER", /string 1/);
  for (const t of [p, made]) t.dispose();
});

test("an optimizer's options are checked", () => {
  const init = nn.Init.empty(device());
  const p = init.constant([1], 1);
  throwsCode(() => new optim.SGD([p], {} as { lr: number }), "OPTIMIZER", /lr/);
  throwsCode(() => new optim.SGD([p], { lr: "0.1" } as never), "OPTIMIZER", /lr must be .*not 0.1/);
  throwsCode(() => new optim.SGD([], { lr: 0.1 }), "OPTIMIZER", /no parameters.*read once/);
  p.dispose();
});

test.run();
