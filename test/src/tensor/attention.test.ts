import * as ops from "@retinaface-webgpu/tensor";
import { nn, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, build, type NdArray } from "../reference/array.js";
import { assertClose } from "../support/close.js";
import { checkCompiled } from "../support/compiled.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";
import { throwsCode } from "../support/throws.js";

const device = useDevice(test);

/** In double precision, of [batch, n, length], [batch, m, length] and [batch, m, values]. */
function attention(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  sees: (i: number, j: number) => boolean,
): NdArray {
  const [batch, n, length] = q.shape;
  const m = k.shape[1];
  return build([batch, n, v.shape[2]], ([b, i, c]) => {
    const scores = Array.from({ length: m }, (_, j) => {
      let dot = 0;
      for (let e = 0; e < length; e++) dot += at(q, b, i, e) * at(k, b, j, e);
      return sees(i, j) ? Math.exp(dot / Math.sqrt(length)) : 0;
    });
    const total = scores.reduce((a, s) => a + s, 0);
    return scores.reduce((sum, s, j) => sum + (s / total) * at(v, b, j, c), 0);
  });
}

const inputs = [{ shape: [2, 3, 5] }, { shape: [2, 4, 5] }, { shape: [2, 4, 2] }];
const masked = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1];

test("scaled dot-product attention, plain, causal and masked", async () => {
  const mask = tensor(device(), masked, [3, 4]);
  const cases: [string, ops.AttentionOptions, (i: number, j: number) => boolean][] = [
    ["plain", {}, () => true],
    ["causal", { isCausal: true }, (i, j) => j <= i],
    ["masked", { mask }, (i, j) => masked[i * 4 + j] === 1],
  ];
  for (const [name, options, sees] of cases) {
    await checkOp(device(), {
      name,
      inputs,
      op: (q, k, v) => ops.scaledDotProductAttention(q, k, v, options),
      reference: (q, k, v) => attention(q, k, v, sees),
    });
    const random = new Random(2);
    const tensors = inputs.map(({ shape }) =>
      tensor(device(), random.normals(shape.reduce((a, b) => a * b, 1)), shape),
    );
    const op = (...x: Tensor[]) => ops.scaledDotProductAttention(x[0], x[1], x[2], options);
    await checkCompiled(device(), name, op, tensors);
    for (const t of tensors) t.dispose();
  }
  mask.dispose();
});

test("attention of several heads is that of each, with PyTorch's weights", async () => {
  const layer = new nn.MultiheadAttention(nn.Init.seeded(device(), 4), 6, 2);
  const random = new Random(8);
  layer.in_proj_bias!.write(random.normals(18));
  const x = tensor(device(), random.normals(2 * 3 * 6), [2, 3, 6]);
  const state = await layer.stateDict();
  assert.equal(
    [...state.keys()],
    ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"],
  );
  const read = (name: string) => state.get(name)!.data as Float32Array;
  const linear = (v: NdArray, w: Float32Array, b: Float32Array, first: number) =>
    build([2, 3, 6], ([n, i, o]) => {
      let sum = b[first + o];
      for (let e = 0; e < 6; e++) sum += at(v, n, i, e) * w[(first + o) * 6 + e];
      return sum;
    });
  const input = { shape: [2, 3, 6], data: Float64Array.from(await x.data()) };
  const projected = [0, 6, 12].map((first) =>
    linear(input, read("in_proj_weight"), read("in_proj_bias"), first),
  );
  const head = (v: NdArray, h: number) => build([2, 3, 3], ([n, i, e]) => at(v, n, i, h * 3 + e));
  const heads = [0, 1].map((h) => {
    const [q, k, v] = projected.map((part) => head(part, h));
    return attention(q, k, v, () => true);
  });
  const joined = build([2, 3, 6], ([n, i, e]) => at(heads[Math.floor(e / 3)], n, i, e % 3));
  const expected = linear(joined, read("out_proj.weight"), read("out_proj.bias"), 0);
  const y = tidy(() => layer.forward(x));
  assertClose(await y.data(), expected.data, { atol: 2e-6, rtol: 2e-5 });
  await checkCompiled(device(), "MultiheadAttention", (t) => layer.forward(t), [x]);
  tidy(() => ops.sum(ops.square(layer.forward(x))).backward());
  assert.ok([...layer.parameters()].every(({ grad }) => grad));
  throwsCode(() => layer.forward(y.detach(), ops.reshape(x, [6, 6])), "SHAPE", /\[N, length, 6\]/);
  throwsCode(() => new nn.MultiheadAttention(nn.Init.empty(device()), 6, 4), "SHAPE", /4 heads/);
  layer.dispose();
  for (const t of [x, y]) t.dispose();
});

test.run();
