import { type Kernel, linearWorkgroups, packParams } from "@retinaface-webgpu/kernels-wgsl";
import {
  add,
  compile,
  conv2d,
  convTranspose2d,
  defineOp,
  leakyRelu,
  relu,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, normal } from "../../support/plans.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

/* Operations declared here, outside of the library, in plans. */

const device = useDevice(test);
const SHAPE = [1, 4, 5, 8];
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

function never(): never {
  throw new Error("fusion left this operation to run by itself");
}

async function run(forward: (x: Tensor) => Tensor, values: Float32Array) {
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  plan.inputs[0].write(values);
  plan.run();
  const result = await dense(plan.outputs);
  const { dispatches } = plan.stats;
  plan.dispose();
  return { result, dispatches };
}

const values = () => new Random(1).normals(4 * 5 * 8);

async function eager(forward: (x: Tensor) => Tensor) {
  return (await forward(tensor(device(), values(), SHAPE)).data()) as Float32Array;
}

test("an activation, a norm, a sum, an upsampling and a concatenation of one's own fuse as the library's do", async () => {
  const same = (name: string, computes: () => import("@retinaface-webgpu/tensor").FusionKind) =>
    defineOp<null>({ name, outputs: ([x]) => [x], forward: never, fusion: { computes } });
  const own = {
    relu: same("mine/relu", () => ({ kind: "activation", slope: 0 })),
    norm: same("mine/norm", () => ({ kind: "norm", eps: 0.5, slope: 0.25 })),
    sum: same("mine/sum", () => ({ kind: "sum" })),
    join: defineOp<null>({
      name: "mine/join",
      outputs: ([a, b]) => [
        { shape: [...a.shape.slice(0, 3), a.shape[3] + b.shape[3]], dtype: "f32" },
      ],
      forward: never,
      fusion: { computes: () => ({ kind: "join", axis: 3 }) },
    }),
    double: defineOp<null>({
      name: "mine/double",
      outputs: ([x]) => [
        { shape: [x.shape[0], x.shape[1] * 2, x.shape[2] * 2, x.shape[3]], dtype: "f32" },
      ],
      forward: never,
      fusion: { computes: () => ({ kind: "nearest" }) },
    }),
  };
  const [wide, half] = [normal(device(), 2, 8, 8, 1, 1), normal(device(), 3, 8, 8, 2, 2)];
  const [mean, gamma, beta] = [4, 5, 6].map((seed) => normal(device(), seed, 8));
  const variance = tensor(device(), new Random(7).uniforms(8, 0.3, 2), [8]);
  const forward = (x: Tensor) => {
    const y = own.norm([conv2d(x, wide, undefined), mean, variance, gamma, beta], null)[0];
    const coarse = conv2d(x, half, undefined, { stride: 2, padding: [0, 0, 0, 1] });
    const up = own.double([coarse], null)[0];
    const cut = conv2d(y, wide, undefined, { padding: [0, 0, 0, 1] });
    const [sum] = own.sum([cut, up], null);
    const again = conv2d(sum, wide, undefined);
    const other = conv2d(sum, half, undefined, { padding: [0, 1, 0, 1] });
    return own.relu(own.join([again, other], null), null)[0];
  };
  const reference = await (async () => {
    const x = tensor(device(), values(), SHAPE);
    const y = conv2d(x, wide, undefined);
    const [m, v, g, b] = await Promise.all([mean, variance, gamma, beta].map((t) => t.data()));
    const normed = (await y.data()).map((value: number, i: number) => {
      const c = i % 8;
      const n = ((value - m[c]) / Math.sqrt(v[c] + 0.5)) * g[c] + b[c];
      return n >= 0 ? n : n * 0.25;
    });
    const cut = conv2d(tensor(device(), normed, SHAPE), wide, undefined, { padding: [0, 0, 0, 1] });
    const coarse = await conv2d(x, half, undefined, { stride: 2, padding: [0, 0, 0, 1] }).data();
    const sums = (await cut.data()).map((value: number, i: number) => {
      const [c, column, row] = [i % 8, Math.floor(i / 8) % 6, Math.floor(i / 48)];
      return value + coarse[((row >> 1) * 3 + (column >> 1)) * 8 + c];
    });
    const sum = tensor(device(), sums, [1, 4, 6, 8]);
    const again = await conv2d(sum, wide, undefined).data();
    const other = await conv2d(sum, half, undefined, { padding: [0, 1, 0, 1] }).data();
    return Float32Array.from({ length: 4 * 6 * 16 }, (_, i) => {
      const [pixel, c] = [Math.floor(i / 16), i % 16];
      return Math.max(c < 8 ? again[pixel * 8 + c] : other[pixel * 8 + c - 8], 0);
    });
  })();
  const { result, dispatches } = await run(forward, values());
  assert.is(dispatches, 5);
  assertClose(result, reference, { atol: 1e-4, rtol: 1e-4 });
});

/** y = scale · x, or a leaky ReLU of that; a kernel of this file. */
function scaling(count: number, scale: number, slope: number): Kernel {
  return {
    name: "mine/scale",
    wgsl: `
struct Params { count: u32, scale: f32, slope: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.count) { return; }
  let v = x[id.x] * p.scale;
  y[id.x] = select(v * p.slope, v, v >= 0.0);
}`,
    bindings: ["read", "read_write"],
    params: packParams([count, { f32: scale }, { f32: slope }]),
    workgroups: linearWorkgroups(count / 64),
    flops: count,
    bytes: count * 8,
  };
}

test("an operation of one's own takes the activation behind it where it says that it can", async () => {
  const scale = defineOp<{ slope: number }>({
    name: "mine/scale",
    outputs: ([x]) => [x],
    forward: (run, [x], [y], { slope }) => run.kernel(scaling(x.size, 3, slope), [x, y]),
    fusion: { activated: (attrs, slope) => (attrs.slope === 1 ? { slope } : undefined) },
  });
  const forward = (x: Tensor) => leakyRelu(scale([x], { slope: 1 })[0], 0.2);
  const { result, dispatches } = await run(forward, values());
  assert.is(dispatches, 1);
  assertClose(result, await eager(forward), CLOSE);
  const twice = (x: Tensor) => relu(forward(x));
  const two = await run(twice, values());
  assert.is(two.dispatches, 2);
  assertClose(two.result, await eager(twice), CLOSE);
});

test("a transposed convolution adds what it is added to", async () => {
  const weight = normal(device(), 8, 8, 8, 3, 3);
  for (const flipped of [false, true]) {
    const forward = (x: Tensor) => {
      const y = convTranspose2d(x, weight, undefined, { padding: 1 });
      return relu(flipped ? add(x, y) : add(y, x));
    };
    const { result, dispatches } = await run(forward, values());
    assert.is(dispatches, 2);
    assertClose(result, await eager(forward), CLOSE);
  }
});

test("attributes that vary are read at each run", async () => {
  const live = { scale: 1, wide: false };
  const op = defineOp<typeof live>({
    name: "mine/varying",
    outputs: ([x]) => [x],
    varies: true,
    forward: (run, [x], [y], { scale, wide }) => {
      const kernel = scaling(x.size, scale, 1);
      run.kernel(wide ? { ...kernel, wgsl: `${kernel.wgsl}// wide` } : kernel, [x, y]);
    },
  });
  const plan = await compile(device(), (x) => op([x], live)[0], [{ shape: SHAPE, dtype: "f32" }]);
  plan.inputs[0].write(values());
  for (const scale of [2, -0.5]) {
    live.scale = scale;
    plan.run();
    assertClose(
      await dense(plan.outputs),
      values().map((v) => v * scale),
      CLOSE,
    );
  }
  live.wide = true;
  throwsCode(() => plan.run(), "STALE_PLAN", /mine\/varying/);
  plan.dispose();
});

test("an operation that varies with nothing but constants runs every time too", async () => {
  const live = { scale: 1 };
  const op = defineOp<typeof live>({
    name: "mine/varying",
    outputs: ([x]) => [x],
    varies: true,
    forward: (run, [x], [y], { scale }) => run.kernel(scaling(x.size, scale, 1), [x, y]),
  });
  const bias = normal(device(), 9, 8);
  const plan = await compile(device(), (x) => add(x, op([bias], live)[0]), [
    { shape: SHAPE, dtype: "f32" },
  ]);
  plan.inputs[0].write(new Float32Array(160));
  for (const scale of [2, 3]) {
    live.scale = scale;
    plan.run();
    const expected = (await bias.data()).map((v: number) => v * scale);
    assertClose((await dense(plan.outputs)).subarray(0, 8), expected, CLOSE);
  }
  plan.dispose();
});

test("memory of an operation's own that is no tensor is refused", async () => {
  const buffer = device().allocate(16);
  const op = defineOp<null>({
    name: "mine/foreign",
    outputs: ([x]) => [x],
    forward: (run, [x], _) => run.kernel(scaling(4, 1, 1), [x, { buffer: buffer.buffer }]),
  });
  let error: Error & { code?: string } = new Error("none");
  await compile(device(), (x) => op([x], null)[0], [{ shape: SHAPE, dtype: "f32" }]).catch((e) => {
    error = e;
  });
  assert.is(error.code, "FOREIGN_OPERAND");
  assert.match(error.message, "mine/foreign");
  device().free(buffer);
});

test.run();
