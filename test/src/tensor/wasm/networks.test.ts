/** Networks other than convolutional ones on the engine for processors: the same as operation by operation on the GPU. */
import * as t from "@retinaface-webgpu/tensor";
import { Device, nn, type Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmOutput,
  WasmWeights,
} from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { Random } from "../../support/random.js";
import { skip } from "../../support/skip.js";
import { rejectsCode } from "../../support/throws.js";

let engine: WasmEngine;
let host: Device;
let gpu: Device;

test.before(async () => {
  engine = await WasmEngine.create({ threads: 2 });
  host = await createHostDevice();
  gpu = await Device.create();
});

test.after(() => {
  engine.dispose();
  host.destroy();
  gpu.destroy();
});

type Values = Float32Array | Int32Array;

/** Compares all outputs of a forward pass that `make` builds on either device. */
async function compare(
  inputs: readonly { readonly shape: readonly number[]; readonly values: Values }[],
  make: (init: nn.Init) => (...inputs: Tensor[]) => Tensor[],
): Promise<void> {
  const infos = inputs.map(({ shape, values }) => ({
    shape,
    dtype: values instanceof Int32Array ? ("i32" as const) : ("f32" as const),
  }));
  const plan = await compileWasm(host, engine, make(nn.Init.seeded(host, 3)), infos);
  const results = await plan.run(inputs.map(({ values }) => values));
  const forward = make(nn.Init.seeded(gpu, 3));
  const given = inputs.map(({ values }, i) => {
    return t.tensor(gpu, values, infos[i].shape, { dtype: infos[i].dtype });
  });
  const expected = t.noGrad(() => forward(...given));
  for (const [i, output] of (plan.outputs as readonly WasmOutput[]).entries()) {
    assert.equal(output.shape, expected[i].shape, `output ${i}`);
    const what = `output ${i}`;
    const tolerance = { rtol: 3e-5, atol: 3e-5, what };
    assertClose(outputValues(output, results), await expected[i].data(), tolerance);
  }
  plan.dispose();
}

function normals(seed: number, shape: readonly number[], scale = 1) {
  const values = new Random(seed).normals(shape.reduce((a, b) => a * b, 1)).map((v) => v * scale);
  return { shape, values: Float32Array.from(values) };
}

test("a transformer of letters: embeddings, causal attention, norms, gelu", async () => {
  const letters = { shape: [2, 7], values: Int32Array.from({ length: 14 }, (_, i) => (i * 5) % 9) };
  await compare([letters], (init) => {
    const [table, places] = [9, 7].map((n) => new nn.Embedding(init, n, 16));
    const norms = [0, 1].map(() => new nn.LayerNorm(init, 16));
    const attention = new nn.MultiheadAttention(init, 16, 4);
    const [wide, narrow] = [new nn.Linear(init, 16, 32), new nn.Linear(init, 32, 16)];
    return (text) => {
      const x = t.add(table.forward(text), places.weight);
      const y = norms[0].forward(x);
      const seen = t.add(x, attention.forward(y, y, y, { isCausal: true }));
      const told = narrow.forward(t.gelu(wide.forward(norms[1].forward(seen))));
      return [t.add(seen, told), t.logSoftmax(told)];
    };
  });
});

test("recurrent networks", async () => {
  await compare([normals(1, [5, 2, 3])], (init) => {
    const lstm = new nn.LSTM(init, 3, 6, { numLayers: 2, bidirectional: true });
    const gru = new nn.GRU(init, 3, 5);
    return (x) => {
      const { output, hidden, cell } = lstm.forward(x);
      return [output, hidden, cell, gru.forward(x).output];
    };
  });
});

test("a U-Net: transposed convolutions, concatenation", async () => {
  await compare([normals(2, [2, 8, 12, 3])], (init) => {
    const down = new nn.Conv2d(init, 3, 8, { kernelSize: 3, padding: 1 });
    const middle = new nn.Conv2d(init, 8, 12, { kernelSize: 3, padding: 1 });
    const up = new nn.ConvTranspose2d(init, 12, 8, { kernelSize: 2, stride: 2 });
    const odd = new nn.ConvTranspose2d(init, 8, 4, { kernelSize: 3, stride: 2, padding: 1 });
    const norm = new nn.GroupNorm(init, 4, 16);
    return (x) => {
      const a = t.relu(down.forward(x));
      const b = t.relu(middle.forward(t.maxPool(a, { kernelSize: 2 })));
      const joined = norm.forward(t.concat([a, up.forward(b)], -1));
      return [joined, odd.forward(a)];
    };
  });
});

test("deformable convolutions, with and without masks, in and outside the image", async () => {
  const offsets = normals(8, [2, 7, 5, 36], 2);
  offsets.values[17] = 1e9;
  await compare([normals(7, [2, 7, 5, 12]), offsets, normals(9, [2, 7, 5, 18])], (init) => {
    const modulated = new nn.DeformConv2d(init, 12, 6, { kernelSize: 3, padding: 1 });
    const norm = new nn.BatchNorm2d(init, 6).eval();
    const odd = new nn.DeformConv2d(init, 6, 5, { kernelSize: 3, padding: 1, groups: 1 });
    return (x, offset, mask) => {
      const y = t.leakyRelu(norm.forward(modulated.forward(x, offset, mask)), 0.1);
      return [y, odd.forward(y, offset)];
    };
  });
});

test("products of matrices of all forms", async () => {
  await compare([normals(3, [2, 1, 5, 7]), normals(4, [3, 7, 4]), normals(5, [7])], () => {
    return (a, b, v) => [
      t.matmul(a, b),
      t.matmul(b, a, { transposeA: true, transposeB: true }),
      t.matmul(t.reshape(a, [10, 7]), v),
      t.matmul(v, b),
      t.einsum("nij,jk->kni", [
        t.reshape(a, [2, 5, 7]),
        t.reshape(t.slice(b, [{ end: 1 }]), [7, 4]),
      ]),
    ];
  });
});

test("functions of one element, moves and reductions", async () => {
  const shape = [2, 3, 11];
  await compare([normals(6, shape, 2), normals(7, shape, 30)], () => {
    return (x, far) => [
      ...[t.erf, t.gelu, t.expm1, t.elu, t.selu, t.softsign, t.tanh, t.softplus].flatMap((fn) => [
        fn(x),
        fn(t.minimum(far, 20)),
      ]),
      ...[t.floor, t.ceil, t.round, t.abs, t.sign, t.neg, t.square].map((fn) => fn(far)),
      t.gelu(far, { approximate: "tanh" }),
      t.log1p(t.abs(x)),
      t.rsqrt(t.add(t.square(x), 1)),
      t.dropout(x, { keep: 0.6, seed: 4, call: 2 }),
      t.permute(x, [2, 0, 1]),
      t.flip(x, [1, 2]),
      t.triu(x, 1),
      t.where(t.greater(x, 0), x, far),
      t.max(x, { axes: [1] }),
      t.variance(x, { axes: [0, 2] }),
      t.norm(x),
      t.normalize(x),
      t.broadcastTo(t.mean(x, { axes: [1], keepDims: true }), shape),
    ];
  });
});

/** Devices on the engine need memory that threads share, which only some pages have. */
const shares = globalThis.crossOriginIsolated !== false;
const onSharedMemory = (name: string, run: () => Promise<void>) =>
  shares ? test(name, run) : skip(test, name, "the page is not cross-origin isolated");

onSharedMemory("a plan follows changed weights by update(), of every operation alike", async () => {
  const device = await createHostDevice(engine);
  const init = nn.Init.seeded(device, 5);
  const conv = new nn.Conv2d(init, 3, 4, { kernelSize: 3 });
  const norm = new nn.LayerNorm(init, 4);
  const linear = new nn.Linear(init, 4, 6);
  const up = new nn.ConvTranspose2d(init, 6, 2, { kernelSize: 2, stride: 2 });
  const forward = (x: Tensor) => up.forward(linear.forward(norm.forward(conv.forward(x))));
  const { shape, values } = normals(8, [1, 5, 6, 3]);
  const info = { shape, dtype: "f32" as const };
  const run = async (plan: t.Plan<t.PlanOutput>) => {
    plan.inputs[0].write(values);
    plan.run();
    return [...(await plan.outputs.tensor.data())];
  };
  const plan = await t.compile(device, forward, [info]);
  let before = await run(plan);
  for (const layer of [conv, norm, linear, up]) {
    for (const parameter of layer.parameters()) {
      parameter.write(normals(9, parameter.shape).values);
      assert.equal(await run(plan), before, "frozen until update()");
      await plan.update();
      const after = await run(plan);
      const fresh = await t.compile(device, forward, [info]);
      assert.equal(after, await run(fresh));
      assert.not.equal(after, before);
      fresh.dispose();
      before = after;
    }
  }
  plan.dispose();
  device.destroy();
});

test("weights that no plan holds any more give their memory back", async () => {
  const weights = new WasmWeights(engine);
  const linear = new nn.Linear(nn.Init.seeded(host, 1), 64, 64);
  const info = [{ shape: [2, 64], dtype: "f32" as const }];
  const compiled = () => compileWasm(host, engine, (x) => linear.forward(x), info, { weights });
  const end = () => {
    const block = engine.allocate(2 ** 20);
    engine.free(block);
    return block.at;
  };
  let plan = await compiled();
  const ends: number[] = [];
  for (let k = 0; k < 10; k++) {
    linear.weight.write(normals(k, [64, 64]).values);
    const next = await compiled();
    plan.dispose();
    plan = next;
    ends.push(end());
  }
  assert.is(ends[9], ends[1]);
  plan.dispose();
  weights.dispose();
});

test("inputs of another type than the plan's are errors", async () => {
  const table = new nn.Embedding(nn.Init.seeded(host, 1), 4, 2);
  const plan = await compileWasm(host, engine, (x) => table.forward(x), [
    { shape: [3], dtype: "i32" },
  ]);
  await rejectsCode(plan.run([new Float32Array(3)]), "DTYPE", /i32 for input 0/);
  await rejectsCode(plan.run([new Int32Array(2)]), "SHAPE", /2 values for input 0/);
  plan.dispose();
});

test.run();
