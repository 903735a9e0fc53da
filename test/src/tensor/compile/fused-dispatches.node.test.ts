/** Several convolutions in one dispatch of a plan: what read the same, and depthwise ones with the 1×1 behind them. */
import {
  compile,
  concat,
  contiguous,
  type Device,
  leakyRelu,
  nn,
  noGrad,
  relu,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { asGpu, useDevice } from "../../support/gpu.js";
import { halfTest } from "../../support/half.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);
const SHAPE: readonly number[] = [2, 9, 7, 16];
const CLOSE = { atol: 2e-5, rtol: 2e-5 };

/** A context module as SSH has them, two branches of one input, one of which has two branches again, and a head. */
class Branches extends nn.Module {
  readonly wide: nn.Conv2d;
  readonly narrow: nn.Conv2d;
  readonly near: nn.Conv2d;
  readonly far: nn.Conv2d;
  readonly last: nn.Conv2d;
  readonly head: nn.Conv2d;

  constructor(init: nn.Init) {
    super();
    const options = { kernelSize: 3, padding: 1 };
    this.wide = new nn.Conv2d(init, 16, 16, options);
    this.narrow = new nn.Conv2d(init, 16, 16, options);
    this.near = new nn.Conv2d(init, 16, 8, options);
    this.far = new nn.Conv2d(init, 16, 8, options);
    this.last = new nn.Conv2d(init, 8, 8, options);
    this.head = new nn.Conv2d(init, 32, 4, { kernelSize: 1 });
  }

  override forward(x: Tensor): Tensor {
    const first = leakyRelu(this.narrow.forward(x), 0.1);
    const far = this.last.forward(relu(this.far.forward(first)));
    const maps = [relu(this.wide.forward(x)), this.near.forward(first), far];
    return this.head.forward(concat(maps, -1));
  }
}

/** A depthwise convolution and a 1×1, twice, and the sum with what the second pair read. */
function pairs(init: nn.Init): nn.Sequential {
  const depthwise = (stride: number) =>
    new nn.Conv2d(init, 16, 16, { kernelSize: 3, padding: 1, stride, groups: 16 });
  return new nn.Sequential(
    depthwise(1),
    new nn.LeakyReLU(0.1),
    new nn.Conv2d(init, 16, 16, { kernelSize: 1 }),
    new nn.ReLU(),
    depthwise(2),
    new nn.ReLU(),
    new nn.Conv2d(init, 16, 20, { kernelSize: 1 }),
  );
}

/** The plan's values, which are compared with those of single operations, and its dispatches. */
async function compared(
  on: Device,
  module: nn.Module & { forward(x: Tensor): Tensor },
  options: Parameters<typeof compile>[3] = {},
  tolerance = CLOSE,
): Promise<{ dispatches: number; arenaBytes: number; values: Float32Array }> {
  const values = new Random(3).normals(SHAPE.reduce((a, b) => a * b));
  const x = tensor(on, values, SHAPE);
  const eager = noGrad(() => tidy(() => module.forward(x)));
  const info = { shape: SHAPE, dtype: "f32" as const };
  const plan = await compile(on, (input) => [module.forward(input)], [info], options);
  plan.run([x]);
  const result = contiguous(plan.outputs[0]!);
  const [expected, actual] = await Promise.all([eager.data(), result.data()]);
  assertClose(actual as Float32Array, expected as Float32Array, tolerance);
  const { dispatches, arenaBytes } = plan.stats;
  for (const owner of [plan, x, eager]) owner.dispose();
  return { dispatches, arenaBytes, values: actual as Float32Array };
}

test("branches of one input are one dispatch, each past its own activation into its own tensor", async () => {
  const module = new Branches(nn.Init.seeded(device(), 1)).eval().requiresGrad(false);
  const { dispatches } = await compared(device(), module);
  assert.is(dispatches, 4, "two read the input, two the narrow one; the last, and the head");
  module.dispose();
});

halfTest(test, "branches are one dispatch with activations in f16 too", async () => {
  const module = new Branches(nn.Init.seeded(device(), 1)).eval().requiresGrad(false);
  const close = { atol: 2e-2, rtol: 1e-2 };
  assert.is((await compared(device(), module, { precision: "f16" }, close)).dispatches, 4);
  module.dispose();
});

test("on a GPU a depthwise convolution and the 1×1 behind it are one dispatch, updates included", async () => {
  const own = await asGpu();
  const module = pairs(nn.Init.seeded(own, 2)).eval().requiresGrad(false);
  const forward = module as nn.Module & { forward(x: Tensor): Tensor };
  const before = await compared(own, forward);
  assert.is(before.dispatches, 2);
  const info = { shape: SHAPE, dtype: "f32" as const };
  const plan = await compile(own, (x) => [forward.forward(x)], [info]);
  for (const parameter of module.parameters()) {
    parameter.write(new Random(parameter.size).normals(parameter.size));
  }
  await plan.update();
  plan.inputs[0]!.write(new Random(3).normals(SHAPE.reduce((a, b) => a * b)));
  plan.run();
  const after = (await plan.outputs[0]!.tensor.data()) as Float32Array;
  assertClose(after, (await compared(own, forward)).values, CLOSE);
  assert.ok(after.some((value, i) => Math.abs(value - before.values[i]!) > 1e-2));
  plan.dispose();
  own.destroy();
});

test("a pair that an adapter computes wrong is two dispatches again, with a warning", async () => {
  const own = await asGpu();
  const { run, prepare } = own;
  const damage = (kernel: Parameters<Device["run"]>[0]) => ({
    ...kernel,
    wgsl: kernel.wgsl.replace("x * p.depthwise_slope", "x * (p.depthwise_slope + 1.0)"),
  });
  own.run = (kernel, bindings) => run.call(own, damage(kernel), bindings);
  own.prepare = (kernel) => prepare.call(own, damage(kernel));
  const module = pairs(nn.Init.seeded(own, 2)).eval().requiresGrad(false);
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  const forward = module as nn.Module & { forward(x: Tensor): Tensor };
  assert.is((await compared(own, forward, { warn })).dispatches, 4);
  assert.is(warnings.length, 1);
  assert.match(warnings[0]!, "depthwise-point");
  own.destroy();
});

test("on a GPU heads of several maps are one dispatch", async () => {
  const own = await asGpu();
  const init = nn.Init.seeded(own, 4);
  const down = new nn.Conv2d(init, 16, 16, { kernelSize: 3, stride: 2, padding: 1 });
  const heads = [0, 1, 2, 3].map(() => new nn.Conv2d(init, 16, 4, { kernelSize: 1 }));
  for (const module of [down, ...heads]) module.eval().requiresGrad(false);
  const forward = (x: Tensor) => {
    const y = relu(down.forward(x));
    return [x, y].flatMap((map, k) =>
      [heads[2 * k]!, heads[2 * k + 1]!].map((h) => h.forward(map)),
    );
  };
  const values = new Random(5).normals(SHAPE.reduce((a, b) => a * b));
  const x = tensor(own, values, SHAPE);
  const eager = noGrad(() => tidy(() => forward(x)));
  const expected = await Promise.all(eager.map((y) => y.data()));
  const dispatches = async () => {
    const info = { shape: SHAPE, dtype: "f32" as const };
    const plan = await compile(own, forward, [info]);
    plan.run([x]);
    for (const [k, output] of plan.outputs.entries()) {
      const actual = contiguous(output);
      assertClose((await actual.data()) as Float32Array, expected[k] as Float32Array, CLOSE);
    }
    plan.dispose();
    return plan.stats.dispatches;
  };
  assert.is(await dispatches(), 2, "the convolution, and all four heads of two maps");
  own.destroy();
});

test.run();
