import {
  compileStep,
  deformConv2d,
  mul,
  nn,
  optim,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DeformOptions, deformConv2d as reference } from "../../reference/deform.js";
import { assertClose } from "../../support/close.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp, type OpInput } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** Bilinear samples have a kink at every whole pixel: keeps offsets a twentieth away from them. */
const awayFromPixels = (v: number) => Math.floor(v) + 0.05 + 0.9 * (v - Math.floor(v));

interface Case extends Partial<DeformOptions> {
  readonly name: string;
  readonly x: readonly number[];
  readonly weight: readonly number[];
  readonly out: readonly [number, number];
  readonly offsetGroups?: number;
  readonly bias?: boolean;
  readonly mask?: boolean;
  /** Of the offsets, in pixels. */
  readonly far?: number;
}

const CASES: readonly Case[] = [
  {
    name: "modulated, offset groups of 4 channels, batch of 2",
    ...{ x: [2, 5, 4, 8], weight: [3, 8, 3, 3], out: [5, 4], padding: [1, 1, 1, 1] },
    ...{ offsetGroups: 2, bias: true, mask: true },
  },
  {
    name: "odd channels, weight groups, strides, dilation, uneven padding, no mask",
    ...{ x: [1, 7, 6, 6], weight: [4, 3, 2, 3], out: [3, 5], groups: 2, offsetGroups: 2 },
    ...{ stride: [3, 1], dilation: [2, 1], padding: [2, 0, 0, 1] },
  },
  {
    name: "mostly outside, no bias, a mask",
    ...{ x: [1, 3, 4, 5], weight: [2, 5, 1, 1], out: [3, 4], mask: true, far: 6 },
  },
];

function geometry(c: Case): DeformOptions {
  const { stride = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], groups = 1 } = c;
  return { stride, padding, dilation, groups };
}

for (const c of CASES) {
  test(`deformConv2d: ${c.name}`, async () => {
    const { offsetGroups = 1, far = 2 } = c;
    const places = offsetGroups * c.weight[2] * c.weight[3];
    const map = [c.x[0], ...c.out];
    const offset = { low: -far, high: far };
    const inputs: OpInput[] = [
      { shape: c.x },
      { shape: [...map, 2 * places], values: offset, adjust: awayFromPixels },
      { shape: c.weight },
      ...(c.bias ? [{ shape: [c.weight[0]] }] : []),
      ...(c.mask ? [{ shape: [...map, places], values: { low: 0, high: 1 } }] : []),
    ];
    const split = <T>([x, moved, weight, ...rest]: readonly T[]) => {
      const [bias, mask] = [c.bias ? rest[0] : undefined, c.mask ? rest[+!!c.bias] : undefined];
      return [x, moved, weight, bias, mask] as const;
    };
    const options = geometry(c);
    const op = (...all: Tensor[]) => deformConv2d(...split(all), options);
    await checkOp(device(), {
      name: c.name,
      inputs,
      op,
      reference: (...all) => reference(...split(all), options),
    });
    const random = new Random(5);
    const tensors = inputs.map(({ shape }) =>
      tensor(device(), random.normals(shape.reduce((a, b) => a * b, 1)), shape),
    );
    await checkCompiled(device(), c.name, op, tensors);
  });
}

test("offsets of 0 and a mask of 1 make it a convolution, whole offsets move it", async () => {
  const random = new Random(1);
  const x = tensor(device(), random.normals(2 * 6 * 5 * 4), [2, 6, 5, 4]);
  const layer = new nn.DeformConv2d(nn.Init.seeded(device(), 2), 4, 3, {
    kernelSize: 3,
    padding: 1,
  });
  const plain = new nn.Conv2d(nn.Init.seeded(device(), 2), 4, 3, { kernelSize: 3, padding: 1 });
  const offset = tensor(device(), new Float32Array(2 * 30 * 18), [2, 6, 5, 18]);
  const mask = tensor(device(), new Float32Array(2 * 30 * 9).fill(1), [2, 6, 5, 9]);
  const expected = await plain.forward(x).data();
  const close = { atol: 1e-5, rtol: 1e-5 };
  assertClose(await layer.forward(x, offset, mask).data(), expected, close);
  const down = tensor(
    device(),
    Float32Array.from({ length: 2 * 30 * 18 }, (_, i) => 1 - (i % 2)),
    [2, 6, 5, 18],
  );
  const moved = await layer.forward(x, down).data();
  // A row further down, but for the last two, which also see what is below the image.
  for (const n of [0, 1]) {
    const from = n * 90;
    assertClose(moved.slice(from, from + 60), expected.slice(from + 15, from + 75), close);
  }
});

test("the input's gradient is the same to the bit each time, also of a heap of samples in one cell", async () => {
  const random = new Random(3);
  const shape = [1, 24, 24, 4];
  const values = random.normals(24 * 24 * 4);
  // Half of the samples lie between the same four pixels.
  const offsets = Float32Array.from({ length: 24 * 24 * 18 }, (_, i) => {
    const pixel = Math.floor(i / 18);
    const [row, column] = [Math.floor(pixel / 24), pixel % 24];
    if (pixel % 2) return random.uniform(-3, 3);
    const tap = Math.floor((i % 18) / 2);
    return 11.25 - (i % 2 ? column - 1 + (tap % 3) : row - 1 + Math.floor(tap / 3));
  });
  const weight = tensor(device(), random.normals(2 * 4 * 9), [2, 4, 3, 3]);
  const gradient = async () => {
    const x = tensor(device(), values, shape, { requiresGrad: true });
    const offset = tensor(device(), offsets, [1, 24, 24, 18]);
    tidy(() =>
      sum(deformConv2d(x, offset, weight, undefined, undefined, { padding: 1 })),
    ).backward();
    return x.grad!.data();
  };
  const first = await gradient();
  assert.ok(Math.abs(first[(11 * 24 + 11) * 4]) > 1e-3);
  for (let i = 0; i < 3; i++) assert.equal(await gradient(), first);
});

test("a compiled step takes the gradients that an eager one takes", async () => {
  const random = new Random(6);
  const shapes = [
    [1, 6, 5, 4],
    [1, 6, 5, 18],
    [3, 4, 3, 3],
    [1, 6, 5, 9],
  ];
  const values = shapes.map((shape) => random.normals(shape.reduce((a, b) => a * b, 1)));
  const make = () => shapes.map((shape, i) => nn.Parameter.from(device(), values[i], shape));
  const factors = tensor(device(), random.normals(90), [1, 6, 5, 3]);
  const loss = ([x, offset, weight, mask]: readonly Tensor[]) =>
    sum(mul(deformConv2d(x, offset, weight, undefined, mask, { padding: 1 }), factors));
  const [eager, compiled] = [make(), make()];
  tidy(() => loss(eager)).backward();
  const step = await compileStep(device(), {
    inputs: {},
    losses: () => ({ total: loss(compiled) }),
    optimizer: new optim.SGD(compiled, { lr: 1 }),
  });
  step.run();
  for (const [i, parameter] of compiled.entries()) {
    const [now, gradient] = [await parameter.data(), await eager[i].grad!.data()];
    const expected = values[i].map((v, k) => v - gradient[k]);
    assertClose(now, expected, { atol: 2e-5, rtol: 2e-5, what: `parameter ${i}` });
  }
  step.dispose();
});

test("what does not fit is an error that says what would", () => {
  const of = (...shape: number[]) =>
    tensor(device(), new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const [x, weight] = [of(1, 4, 4, 4), of(2, 4, 3, 3)];
  const run = (offset: Tensor, mask?: Tensor) => () =>
    deformConv2d(x, offset, weight, undefined, mask, { padding: 1 });
  throwsCode(run(of(1, 4, 4, 17)), "SHAPE", /must be \[1, 4, 4, 18\]/);
  throwsCode(run(of(1, 4, 4, 54)), "SHAPE", /groups that divide the 4 channels/);
  throwsCode(run(of(1, 2, 2, 18)), "SHAPE", /must be \[1, 4, 4, 18\]/);
  throwsCode(run(of(1, 4, 4, 18), of(1, 4, 4, 8)), "SHAPE", /must be \[1, 4, 4, 9\]/);
  throwsCode(
    () => deformConv2d(x, of(1, 4, 4, 18), weight, undefined, undefined, { pad: 1 } as never),
    "ARGUMENT",
    /no option "pad"/,
  );
});

test.run();
