/** Graph convolutions and the mesh decoder on both engines, against float64. */
import {
  type Csr,
  chebConv,
  disposeCsr,
  MeshDecoder,
  makeTemplateData,
  templateOf,
  uploadCsr,
} from "@retinaface-webgpu/mesh";
import {
  add,
  compile,
  mul,
  nn,
  ShapeError,
  sum,
  type Tensor,
  TensorError,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../reference/array.js";
import { applyDense, denseLaplacian, chebConv as reference } from "../reference/mesh.js";
import { assertClose } from "../support/close.js";
import { checkCompiled } from "../support/compiled.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";
import { eagerGradients, stepGradients, type Values } from "../support/step-gradients.js";
import { useWasmHost } from "../support/wasm-host.js";
import { WasmPlans } from "../support/wasm-plans.js";

const device = useDevice(test);
const host = useWasmHost(test);
const plans = new WasmPlans(test);

/** A hilly square of 5 × 6 vertices, and coarser ones. */
const data = (() => {
  const [rows, columns] = [5, 6];
  const random = new Random(1);
  const positions = Array.from({ length: rows * columns }, (_, i) => [
    i % columns,
    Math.floor(i / columns),
    random.uniform(-0.3, 0.3),
  ]).flat();
  const triangles = Array.from({ length: (rows - 1) * (columns - 1) }, (_, i) => {
    const first = Math.floor(i / (columns - 1)) * columns + (i % (columns - 1));
    return [first, first + 1, first + columns, first + columns + 1, first + columns, first + 1];
  }).flat();
  const mesh = {
    positions: Float64Array.from(positions),
    uv: new Float64Array(rows * columns * 2),
    triangles: Int32Array.from(triangles),
  };
  return makeTemplateData(mesh, [15, 8]);
})();
const template = templateOf(data);

const laplacianOf = (level: number) => {
  const { triangles, vertices } = template.levels[level];
  return denseLaplacian(triangles, vertices, data.levels[level].largestEigenvalue);
};

for (const K of [1, 2, 3, 4]) {
  test(`chebConv with K = ${K}: values and gradients, compiled too`, async () => {
    const { vertices, laplacian } = template.levels[1];
    const sparse = uploadCsr(device(), laplacian);
    const op = (x: Tensor, weight: Tensor, bias: Tensor) => chebConv(x, sparse, weight, bias);
    const shapes = [[vertices, 2, 3], [K, 3, 5], [5]];
    const dense = laplacianOf(1);
    await checkOp(device(), {
      name: "chebConv",
      inputs: shapes.map((shape) => ({ shape })),
      op,
      reference: (x, weight, bias) => reference(x, dense, weight, bias),
    });
    const random = new Random(2);
    const inputs = shapes.map((shape) =>
      tensor(device(), random.normals(shape.reduce((a, b) => a * b, 1)), shape),
    );
    await checkCompiled(device(), "chebConv", op, inputs);
    disposeCsr(sparse);
  });
}

function denseOf({ crowIndices, colIndices, values, size }: Csr): number[][] {
  return Array.from({ length: size[0] }, (_, row) => {
    const line = new Array<number>(size[1]).fill(0);
    for (let k = crowIndices[row]; k < crowIndices[row + 1]; k++) line[colIndices[k]] += values[k];
    return line;
  });
}

const CHANNELS = [4, 3, 5];
const CODE = 7;

const makeDecoder = (on = device()) =>
  new MeshDecoder(nn.Init.seeded(on, 3), { template, codeLength: CODE, channels: CHANNELS });

/** Its numbers as arrays, in order. */
async function stateOf(decoder: MeshDecoder): Promise<[string, NdArray][]> {
  const state = await decoder.stateDict();
  return [...state].map(([name, { shape, data: own }]) => [
    name,
    { shape, data: Float64Array.from(own as Float32Array) },
  ]);
}

/** The decoder by its definition: offsets from the template and colours before the sigmoid, [v, n, 6]. */
function decoded(code: NdArray, state: ReadonlyMap<string, NdArray>): NdArray {
  const [batch] = code.shape;
  const [weight, bias] = [state.get("fc.weight")!, state.get("fc.bias")!];
  const coarsest = template.levels[2].vertices;
  const start = new Float64Array(coarsest * batch * CHANNELS[0]);
  for (let n = 0; n < batch; n++) {
    for (const [o, b] of bias.data.entries()) {
      let total = b;
      for (let k = 0; k < CODE; k++) total += code.data[n * CODE + k] * weight.data[o * CODE + k];
      const [v, c] = [Math.floor(o / CHANNELS[0]), o % CHANNELS[0]];
      start[(v * batch + n) * CHANNELS[0] + c] = Math.max(0, total);
    }
  }
  const layer = (name: string, x: NdArray, level: number) =>
    reference(x, laplacianOf(level), state.get(`${name}.weight`)!, state.get(`${name}.bias`)!);
  const positive = (x: NdArray): NdArray => ({ ...x, data: x.data.map((v) => Math.max(0, v)) });
  let x: NdArray = { shape: [coarsest, batch, CHANNELS[0]], data: start };
  for (const [i, level] of [1, 0].entries()) {
    const up = applyDense(denseOf(template.levels[level].up!), x);
    x = positive(layer(`convs.${i}`, up, level));
  }
  return layer("head", x, 0);
}

/** Vertices and colours in one, [n, v, 6], as `decoded` and the template have them. */
function expectedOf(code: NdArray, state: ReadonlyMap<string, NdArray>): Float64Array {
  const raw = decoded(code, state);
  const [vertices, batch] = raw.shape;
  const { positions } = template.levels[0];
  const result = new Float64Array(raw.data.length);
  for (let v = 0; v < vertices; v++) {
    for (let n = 0; n < batch; n++) {
      for (let k = 0; k < 6; k++) {
        const value = raw.data[(v * batch + n) * 6 + k];
        const shown = k < 3 ? value + positions[v * 3 + k] : 1 / (1 + Math.exp(-value));
        result[(n * vertices + v) * 6 + k] = shown;
      }
    }
  }
  return result;
}

const both = ({ vertices, colours }: { vertices: Tensor; colours: Tensor }) => [vertices, colours];

/** [n, v, 3] and [n, v, 3] as [n, v, 6]. */
function joined([vertices, colours]: readonly ArrayLike<number>[]): number[] {
  return Array.from({ length: vertices.length * 2 }, (_, i) => {
    const [row, k] = [Math.floor(i / 6), i % 6];
    return k < 3 ? vertices[row * 3 + k] : colours[row * 3 + k - 3];
  });
}

/** Modules and parameters by name. */
interface Members {
  [name: string]: Members;
}

const codes = new Random(9).normals(2 * CODE);

test("the decoder gives what its definition says: eager, compiled, on processors", async () => {
  const decoder = makeDecoder();
  const state = new Map(await stateOf(decoder));
  const code = { shape: [2, CODE], data: Float64Array.from(codes) };
  const expected = expectedOf(code, state);
  const close = { atol: 1e-5, rtol: 1e-5 };
  const eager = tidy(() => both(decoder.forward(tensor(device(), codes, [2, CODE]))));
  assertClose(joined([await eager[0].data(), await eager[1].data()]), expected, close);
  const plan = await compile(device(), (x) => both(decoder.forward(x)), [
    { shape: [2, CODE], dtype: "f32" },
  ]);
  plan.inputs[0].write(codes);
  plan.run();
  const [vertices, colours] = plan.outputs.map(({ tensor: own }) => own.data());
  assertClose(joined([await vertices, await colours]), expected, close);
  plan.dispose();
  const other = makeDecoder(plans.host);
  const values = await plans.outputs([{ shape: [2, CODE], values: codes }], (x) =>
    both(other.forward(x)),
  );
  assertClose(joined(values), expected, close);
  for (const each of [...eager, decoder, other]) each.dispose();
});

test("its gradients are those of finite differences, eagerly and in steps of both engines", async () => {
  const decoder = makeDecoder();
  const state = await stateOf(decoder);
  const values: Values[] = [
    { shape: [2, CODE], data: codes },
    ...state.map(([, { shape, data: own }]) => ({ shape, data: Float32Array.from(own) })),
  ];
  const { vertices } = template.levels[0];
  const factors = new Random(4).normals(2 * vertices * 6);
  const half = (from: number) =>
    Float32Array.from(
      { length: 2 * vertices * 3 },
      (_, i) => factors[Math.floor(i / 3) * 6 + from + (i % 3)],
    );
  const lossOn =
    (own: MeshDecoder) =>
    (code: Tensor, ...parameters: Tensor[]) => {
      for (const [i, [name]] of state.entries()) {
        const path = name.split(".");
        const owner = path
          .slice(0, -1)
          .reduce((at, key) => at[key] as Members, own as unknown as Members);
        Object.assign(owner, { [path[path.length - 1]]: parameters[i] });
      }
      const [points, colours] = both(own.forward(code)).map((each, k) =>
        sum(mul(each, tensor(each.device, half(3 * k), each.shape))),
      );
      return add(points, colours);
    };
  const lossAt = (arrays: readonly NdArray[]) => {
    const named = new Map(state.map(([name], i) => [name, arrays[i + 1]]));
    const shown = expectedOf(arrays[0], named);
    return shown.reduce((total, v, i) => total + v * factors[i], 0);
  };
  const exact = values.map(({ shape, data: own }) => ({ shape, data: Float64Array.from(own) }));
  const random = new Random(6);
  const probes = exact.flatMap(({ data: own }, k) =>
    Array.from({ length: 3 }, () => ({ k, i: random.integer(0, own.length - 1) })),
  );
  const slopes = probes.map(({ k, i }) => {
    const at = (delta: number) => {
      const moved = exact.map((each, j) => (j === k ? { ...each, data: each.data.slice() } : each));
      moved[k].data[i] += delta;
      return lossAt(moved);
    };
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  });
  const ways = [
    await eagerGradients(device(), values, lossOn(decoder)),
    await stepGradients(device(), values, lossOn(makeDecoder())),
  ];
  const processors = host();
  if (processors) {
    ways.push(await stepGradients(processors, values, lossOn(makeDecoder(processors))));
  }
  for (const [way, gradients] of ways.entries()) {
    const found = probes.map(({ k, i }) => gradients[k][i]);
    assertClose(found, slopes, { atol: 2e-4, rtol: 2e-4, what: `gradients ${way}` });
  }
});

test("what does not fit is an error that says what would", () => {
  const init = nn.Init.seeded(device(), 1);
  const wrong = () => new MeshDecoder(init, { template, channels: [4, 4] });
  assert.throws(
    wrong,
    (e: unknown) => e instanceof TensorError && /2 numbers.* 3 meshes/.test(e.message),
  );
  const decoder = makeDecoder();
  const code = tensor(device(), new Float32Array(6), [1, 6]);
  assert.throws(
    () => decoder.forward(code),
    (e: unknown) => e instanceof ShapeError && /\[n, 7\]/.test(e.message),
  );
  decoder.dispose();
});

test.run();
