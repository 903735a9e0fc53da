/** 3×3 convolutions that CPU adapters compute by Winograd's F(4×4, 3×3), through operations, tape and compiled steps. */
import {
  compileStep,
  conv2d,
  mean,
  nn,
  optim,
  square,
  type Tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { referenceConv2d } from "../../reference/conv2d.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

/** Large enough for the chooser: 64 channels and 29·28 outputs. */
const [HEIGHT, WIDTH, CHANNELS] = [29, 28, 64];
const random = new Random(7);
const fill = (length: number, scale: number) =>
  Float32Array.from({ length }, () => random.uniform(-scale, scale));
const data = {
  x: fill(HEIGHT * WIDTH * CHANNELS, 1),
  weight: fill(CHANNELS * CHANNELS * 9, 0.07),
  bias: fill(CHANNELS, 1),
};
const SHAPES = {
  x: [1, HEIGHT, WIDTH, CHANNELS],
  weight: [CHANNELS, CHANNELS, 3, 3],
  bias: [CHANNELS],
} as const;
type Name = keyof typeof SHAPES;
const NAMES: readonly Name[] = ["x", "weight", "bias"];

type Values = Readonly<Record<Name, Float32Array>>;

const lossOf = ({ x, weight, bias }: Readonly<Record<Name, Tensor>>) =>
  mean(square(conv2d(x, weight, bias, { padding: 1 })));

/** In float64. */
function referenceLoss({ x, weight, bias }: Values): number {
  const spec = {
    batch: 1,
    inHeight: HEIGHT,
    inWidth: WIDTH,
    inChannels: CHANNELS,
    outChannels: CHANNELS,
    kernelSize: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    padding: [1, 1, 1, 1],
    groups: 1,
    activation: { kind: "none" },
  } as const;
  const y = referenceConv2d(spec, { input: x, weight, bias });
  return y.reduce((sum, value) => sum + value * value, 0) / y.length;
}

const parametersOf = () =>
  Object.fromEntries(
    NAMES.map((name) => [name, nn.Parameter.from(device(), data[name], SHAPES[name])]),
  ) as Record<Name, nn.Parameter>;

test("loss and gradients are those of differences in float64, and the compiled step's", async () => {
  const parameters = parametersOf();
  const { adapter } = device();
  const kernels = await device().profile(() => tidy(() => lossOf(parameters).backward()));
  const expected = referenceLoss(data);
  const chosen = adapter.software && adapter.subgroupSize === 8 && device().has("subgroups");
  if (chosen && kernels.length > 0) {
    const names = kernels.map(({ name }) => name).join();
    assert.match(names, /subgroup-winograd-output.*subgroup-winograd-weight-gradient-sum/);
  }
  const gradients = {} as Record<Name, Float32Array>;
  for (const name of NAMES) {
    gradients[name] = (await parameters[name].grad!.data()) as Float32Array;
    // The loss is quadratic along a line, so that a central difference is its slope.
    const line = fill(data[name].length, 1);
    const at = (step: number) =>
      referenceLoss({ ...data, [name]: data[name].map((value, i) => value + step * line[i]!) });
    const slope = (at(1) - at(-1)) / 2;
    const actual = gradients[name].reduce((sum, value, i) => sum + value * line[i]!, 0);
    const size = Math.hypot(...gradients[name]) * Math.sqrt(1 / 3);
    assert.ok(Math.abs(actual - slope) <= 1e-4 * size, `${name}: ${actual}, not ${slope}`);
  }

  const all = Object.values(parameters);
  const optimizer = new optim.SGD(all, { lr: 1 });
  const step = await compileStep(device(), {
    inputs: {},
    losses: () => ({ total: lossOf(parameters) }),
    optimizer,
  });
  step.run();
  assertClose([(await step.read()).total!], [expected], { rtol: 1e-5, what: "loss" });
  for (const name of NAMES) {
    const after = (await parameters[name].data()) as Float32Array;
    const stepped = data[name].map((value, i) => value - gradients[name][i]!);
    assertClose(after, stepped, { atol: 1e-6, rtol: 1e-6, what: name });
  }
  for (const one of [step, optimizer, ...all]) one.dispose();
});

test.run();
