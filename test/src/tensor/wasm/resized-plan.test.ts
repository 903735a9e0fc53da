/** Plans for another size that are made of one for this size. */
import { add, concat, nn, resizeNearest, softmax, type Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmPlan,
} from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../support/random.js";

const engine = await WasmEngine.create({ threads: 1 });
const device = await createHostDevice();
test.after(() => {
  engine.dispose();
  device.destroy();
});

const SIZES = [
  [17, 22],
  [8, 8],
  [31, 9],
  [1, 1],
];

/** Convolutions of all kinds: strides, depthwise with 1×1, merged heads, a pyramid's sum, a concatenation. */
function network(init: nn.Init) {
  const conv = (from: number, to: number, options: object = {}) =>
    new nn.Conv2d(init, from, to, { kernelSize: 3, padding: 1, ...options });
  const first = conv(3, 8, { stride: 2 });
  const depthwise = conv(8, 8, { groups: 8, stride: 2 });
  const [point, lateral] = [8, 8].map((n) => new nn.Conv2d(init, n, 8, { kernelSize: 1 }));
  const [near, far] = [conv(8, 4), conv(8, 4)];
  const heads = [2, 3].map((n) => new nn.Conv2d(init, 8, n, { kernelSize: 1 }));
  const modules = [first, depthwise, point!, lateral!, near, far, ...heads];
  for (const module of modules) module.eval().requiresGrad(false);
  return (x: Tensor) => {
    const fine = first.forward(x);
    const coarse = point!.forward(depthwise.forward(fine));
    const size = [fine.shape[1]!, fine.shape[2]!] as const;
    const sum = add(lateral!.forward(fine), resizeNearest(coarse, { size }));
    const context = concat([near.forward(sum), far.forward(sum)], -1);
    return { maps: heads.map((head) => head.forward(context)), coarse };
  };
}

const info = ([height, width]: readonly number[]) => [
  { shape: [1, height!, width!, 3], dtype: "f32" as const },
];

const forward = network(nn.Init.seeded(device, 3));
const compiled = (size: readonly number[], like?: WasmPlan<unknown>) =>
  compileWasm(device, engine, forward, info(size), { like });

/** All outputs for numbers of its size. */
async function valuesOf(plan: Awaited<ReturnType<typeof compiled>>, size: readonly number[]) {
  const results = await plan.run([new Random(7).normals(size[0]! * size[1]! * 3)]);
  const { maps, coarse } = plan.outputs;
  return [...maps, coarse].map((output) => ({
    shape: output.shape,
    values: [...outputValues(output, results)],
  }));
}

test("a plan made of another gives what one that is traced gives, to the last bit", async () => {
  const [from, ...others] = SIZES;
  let like = await compiled(from!);
  for (const size of [...others, from!]) {
    const [own, taken] = [await compiled(size), await compiled(size, like)];
    assert.equal(taken.stats, own.stats, `${size}`);
    assert.equal(await valuesOf(taken, size), await valuesOf(own, size), `${size}`);
    own.dispose();
    like.dispose();
    like = taken;
  }
  like.dispose();
});

test("tracing is done without where the graph is made of convolutions, and else is done", async () => {
  let traced = 0;
  const counted = (x: Tensor) => {
    traced++;
    return forward(x);
  };
  const one = await compileWasm(device, engine, counted, info([9, 9]));
  await compileWasm(device, engine, counted, info([12, 7]), { like: one });
  assert.is(traced, 1);
  const chances = (x: Tensor) => {
    traced++;
    return softmax(forward(x).coarse);
  };
  const other = await compileWasm(device, engine, chances, info([9, 9]));
  const next = await compileWasm(device, engine, chances, info([12, 7]), { like: other });
  assert.is(traced, 3);
  assert.equal(next.outputs.shape, [1, 3, 2, 8]);
});

test("another number of channels is refused as without", async () => {
  const like = await compiled([9, 9]);
  const wrong = [{ shape: [1, 9, 9, 4], dtype: "f32" as const }];
  let code = "";
  await compileWasm(device, engine, forward, wrong, { like }).catch((error) => {
    code = error.code;
  });
  assert.is(code, "SHAPE");
});

test.run();
