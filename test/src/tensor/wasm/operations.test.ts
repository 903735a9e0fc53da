/** Operations of the engine for processors that no network of the other files has, against float64. */
import * as t from "@retinaface-webgpu/tensor";
import { nn, type Tensor } from "@retinaface-webgpu/tensor";
import { compileWasm, outputValues } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, build, type NdArray, sizeOf } from "../../reference/array.js";
import { map, zip } from "../../reference/elementwise.js";
import * as gathered from "../../reference/gather.js";
import { type PoolReference, pool } from "../../reference/pool.js";
import * as resized from "../../reference/resize.js";
import { sort } from "../../reference/sort.js";
import { assertClose } from "../../support/close.js";
import { Random } from "../../support/random.js";
import {
  array,
  floats,
  type Input,
  integers,
  numbers,
  WasmPlans,
  whole,
} from "../../support/wasm-plans.js";

const plans = new WasmPlans(test);

test("sines and cosines, near and far", async () => {
  const near = numbers(1, [3, 5, 7], -7, 7);
  await plans.hold(
    [near],
    [
      [(x) => t.sin(x), (x) => map(x, Math.sin)],
      [(x) => t.cos(x), (x) => map(x, Math.cos)],
    ],
  );
  const far = floats([9], [0, Math.PI / 2, Math.PI, -1e3, 12345.678, 1e6, -1e6, 3e8, -1e9]);
  const circle = [t.sin, t.cos].map((fn) => [fn, Math[fn === t.sin ? "sin" : "cos"]] as const);
  await plans.hold(
    [far],
    circle.map(([run, f]) => [run, (x) => map(x, f)] as const),
    {
      rtol: 0,
      atol: 1e-6,
    },
  );
  const odd = floats([4], [Number.NaN, Infinity, -Infinity, 1e30]);
  const [sines] = await plans.outputs([odd], (x) => [t.sin(x)]);
  assert.equal([...sines].slice(0, 3), [Number.NaN, Number.NaN, Number.NaN]);
  assert.ok(Math.abs(sines[3]) <= 1);
});

test("powers of tensors, and slopes", async () => {
  const base = numbers(2, [4, 3], 0.2, 3);
  const exponent = numbers(3, [3], -2, 2);
  await plans.hold(
    [base, exponent],
    [
      [(a, b) => t.pow(a, b), (a, b) => zip(a, b, (x, y) => x ** y)],
      [(a) => t.pow(2.5, a), (a) => map(a, (x) => 2.5 ** x)],
      [(_, b) => t.prelu(b, b), (_, b) => map(b, (x) => (x >= 0 ? x : x * x))],
    ],
  );
  const edges = [
    [-2, 3, -8],
    [-2, 2, 4],
    [-2, 0.5, Number.NaN],
    [0, -1, Infinity],
    [0, 2, 0],
    [0, 0, 1],
    [1, Number.NaN, 1],
    [Number.NaN, 0, 1],
    [Number.NaN, 2, Number.NaN],
  ];
  const column = (k: number) =>
    floats(
      [edges.length],
      edges.map((row) => row[k]),
    );
  const [powers] = await plans.outputs([column(0), column(1)], (a, b) => [t.pow(a, b)]);
  assertClose(
    powers,
    edges.map((row) => row[2]),
  );
});

/** With equal values, both zeros, infinities and NaN. */
function unordered(shape: readonly number[]): Input {
  const random = new Random(5);
  const values = [0, -0, Infinity, -Infinity, Number.NaN, 1, 1, -1, 0.5, 3e38];
  return floats(
    shape,
    Array.from({ length: sizeOf(shape) }, () =>
      random.uniform() < 0.5 ? random.pick(values) : random.uniform(-2, 2),
    ),
  );
}

test("sorts and the largest k: equal values keep their order, NaN is the largest", async () => {
  const inputs = [
    unordered([2, 37, 3]),
    whole([2, 9], [3, -1, 7, 3, 0, -(2 ** 31), 5, 3, 1, ...Array(9).keys()]),
  ];
  const calls = [
    { axis: 1, descending: false },
    { axis: 2, descending: true },
    { axis: 1, descending: true, take: 5 },
    { axis: 0, descending: false, take: 1 },
  ];
  const run = (x: Tensor, { axis, descending, take }: (typeof calls)[number]) => {
    if (take === undefined) return t.sort(x, { axis, descending });
    return t.topk(x, take, { axis, largest: descending });
  };
  const outputs = await plans.outputs(inputs, (x, n) => [
    ...calls.flatMap((call) => Object.values(run(x, call)) as Tensor[]),
    t.sort(n).values,
    t.argsort(n, { descending: true }),
  ]);
  for (const [k, { axis, descending, take }] of calls.entries()) {
    const { values, positions } = sort(array(inputs[0]), axis, descending, take);
    assert.equal([...outputs[2 * k]].map(String), [...values.data].map(String));
    assert.equal(integers(outputs[2 * k + 1]), [...positions.data]);
  }
  assert.equal(integers(outputs[8]), [...sort(array(inputs[1]), 1, false).values.data]);
  assert.equal(integers(outputs[9]), [...sort(array(inputs[1]), 1, true).positions.data]);
});

/** Sums along an axis up to each element, from either end. */
function cumulative(x: NdArray, axis: number, reverse = false): NdArray {
  return build(x.shape, (index) => {
    let total = 0;
    for (let k = 0; k < x.shape[axis]; k++) {
      const counts = reverse ? k >= index[axis] : k <= index[axis];
      if (counts) total += at(x, ...index.map((i, a) => (a === axis ? k : i)));
    }
    return total;
  });
}

test("cumulative sums, and where extremes are", async () => {
  const x = numbers(6, [3, 41, 2]);
  await plans.hold(
    [x],
    [
      [(a) => t.cumsum(a, 1), (a) => cumulative(a, 1)],
      [(a) => t.cumsum(a, 0), (a) => cumulative(a, 0)],
    ],
  );
  const rows = [
    [1, 3, 3, 2],
    [2, Number.NaN, 5, Number.NaN],
    [-1, -1, -4, -4],
    [-Infinity, 0, -0, 0],
  ];
  const [most, least, sums] = await plans.outputs(
    [floats([4, 4], rows.flat()), whole([5], [4, -9, 2 ** 30, 2 ** 30, 2 ** 30])],
    (a, n) => [t.argmax(a, 1), t.argmin(a, 1), t.cumsum(n, 0)],
  );
  assert.equal(integers(most), [1, 1, 0, 1]);
  assert.equal(integers(least), [0, 1, 2, 0]);
  assert.equal(
    integers(sums),
    [4, -5, 2 ** 30 - 5, 2 ** 31 - 5, 3 * 2 ** 30 - 5].map((n) => n | 0),
  );
});

test("elements and slices by index, and what adds them up", async () => {
  const x = numbers(7, [3, 7, 5]);
  const slices = whole([4], [6, -1, 9, 2]);
  const each = whole(
    [3, 2, 5],
    Array.from({ length: 30 }, (_, i) => ((i * 5) % 17) - 8),
  );
  const many = whole(
    [300],
    Array.from({ length: 300 }, (_, i) => ((i * 7) % 53) - 2),
  );
  const rows = numbers(8, [300, 33]);
  await plans.hold(
    [x, slices, each, many, rows],
    [
      [(a, i) => t.gather(a, i, 1), (a, i) => gathered.gather(a, i, 1)],
      [(a, _, i) => t.gatherElements(a, i, 1), (a, _, i) => gathered.gatherElements(a, i, 1)],
      [
        (a, _, i) => t.scatterAddElements(t.narrow(a, 1, 0, 2), i, 4, 1),
        (a, _, i) =>
          gathered.scatterAddElements(
            build(i.shape, (k) => at(a, ...k)),
            i,
            4,
            1,
          ),
      ],
      [
        (_, __, ___, i, r) => t.scatterAdd(r, i, 50),
        (_, __, ___, i, r) => gathered.scatterAdd(r, i, 50, 0),
      ],
      [
        (a) => t.scatterAdd(t.permute(a, [1, 0, 2]), t.argmax(t.sum(a, { axes: [2] }), 1), 2, 1),
        (a) => {
          const totals = [0, 1, 2].map((i) =>
            [0, 1, 2, 3, 4, 5, 6].map((j) =>
              [0, 1, 2, 3, 4].reduce((s, k) => s + at(a, i, j, k), 0),
            ),
          );
          const index = totals.map((line) => line.indexOf(Math.max(...line)));
          const turned = build([7, 3, 5], ([j, i, k]) => at(a, i, j, k));
          return gathered.scatterAdd(turned, { shape: [3], data: Float64Array.from(index) }, 2, 1);
        },
      ],
    ],
    { rtol: 1e-5, atol: 1e-5 },
  );
});

test("a sparse matrix by a dense one", async () => {
  const [starts, columns] = [
    [0, 2, 2, 5, 6],
    [1, 3, 0, 2, 9, 4],
  ];
  const values = numbers(9, [6]);
  const dense = numbers(10, [5, 7]);
  await plans.hold(
    [whole([5], starts), whole([6], columns), values, dense],
    [
      [
        (crowIndices, colIndices, v, d) =>
          t.sparseMatmul({ crowIndices, colIndices, values: v, size: [4, 5] }, d),
        (_, __, v, d) =>
          build([4, 7], ([row, column]) => {
            let sum = 0;
            for (let k = starts[row]; k < starts[row + 1]; k++) {
              if (columns[k] < 5) sum += v.data[k] * at(d, columns[k], column);
            }
            return sum;
          }),
      ],
    ],
  );
});

test("labels as rows, and padding of every kind", async () => {
  const x = numbers(11, [2, 4, 3]);
  const labels = whole([5], [0, 2, -1, 3, 1]);
  const padded = (a: NdArray, mode: string, pads: readonly (readonly [number, number])[]) =>
    build(
      a.shape.map((n, k) => n + pads[k][0] + pads[k][1]),
      (index) => {
        const from = index.map((i, k) => {
          const [s, n] = [i - pads[k][0], a.shape[k]];
          if (mode === "edge") return Math.min(Math.max(s, 0), n - 1);
          if (mode === "reflect") return s < 0 ? -s : s >= n ? 2 * (n - 1) - s : s;
          return s;
        });
        return from.every((s, k) => s >= 0 && s < a.shape[k]) ? at(a, ...from) : -1.5;
      },
    );
  const [none, wide, crops] = [
    [0, 0],
    [1, 2],
    [-1, 3],
  ] as const;
  await plans.hold(
    [x, labels],
    [
      [(_, l) => t.oneHot(l, 3), (_, l) => build([5, 3], ([i, c]) => Number(l.data[i] === c))],
      [
        (a) => t.pad(a, [wide, none, crops], { value: -1.5 }),
        (a) => padded(a, "constant", [wide, none, crops]),
      ],
      [
        (a) =>
          t.pad(
            a,
            [
              [1, 1],
              [3, 2],
              [2, 0],
            ],
            { mode: "reflect" },
          ),
        (a) =>
          padded(a, "reflect", [
            [1, 1],
            [3, 2],
            [2, 0],
          ]),
      ],
      [
        (a) => t.pad(a, [[5, 0], none, wide], { mode: "edge" }),
        (a) => padded(a, "edge", [[5, 0], none, wide]),
      ],
      [(a) => t.pad(a, [none, none, none]), (a) => a],
    ],
  );
});

test("resizes of all coordinates and roundings", async () => {
  const x = numbers(12, [2, 5, 4, 3]);
  const size = [7, 9] as const;
  const scale = [7 / 5, 9 / 4] as const;
  await plans.hold(
    [x],
    [
      ...(["halfPixel", "alignCorners", "asymmetric"] as const).map(
        (coordinates) =>
          [
            (a: Tensor) => t.resizeBilinear(a, { size, coordinates }),
            (a: NdArray) => resized.bilinear(a, { size, scale, coordinates }),
          ] as const,
      ),
      ...(["floor", "ceil", "roundPreferFloor", "roundPreferCeil"] as const).map(
        (rounding) =>
          [
            (a: Tensor) => t.resizeNearest(a, { size, rounding, coordinates: "halfPixel" }),
            (a: NdArray) => resized.nearest(a, { size, scale, coordinates: "halfPixel" }, rounding),
          ] as const,
      ),
    ],
  );
});

test("pools of sequences", async () => {
  const x = numbers(13, [2, 9, 3]);
  const windows = (f: (values: number[]) => number) => (a: NdArray) =>
    build([2, 4, 3], ([n, i, c]) => f([0, 1, 2].map((k) => at(a, n, 2 * i + k, c))));
  const options = { kernelSize: 3, stride: 2 };
  await plans.hold(
    [x],
    [
      [(a) => t.maxPool(a, options), windows((v) => Math.max(...v))],
      [(a) => t.avgPool(a, options), windows((v) => (v[0] + v[1] + v[2]) / 3)],
    ],
  );
});

/** Windows of volumes: lopsided padding, dilation, strides that differ, last windows in part. */
const VOLUMES: readonly (t.PoolOptions & { readonly shape: readonly number[] })[] = [
  { shape: [2, 4, 6, 5, 3], kernelSize: 2 },
  { shape: [1, 3, 4, 5, 4], kernelSize: [2, 2, 3], stride: [1, 2, 1], padding: [1, 0, 1] },
  {
    shape: [2, 6, 5, 7, 5],
    kernelSize: [3, 2, 2],
    stride: [2, 1, 3],
    dilation: [2, 1, 2],
    padding: [[2, 1], 1, [0, 2]],
    ceilMode: true,
  },
  { shape: [1, 2, 3, 4, 2], kernelSize: [1, 3, 2], stride: 1 },
];

for (const { shape, ...options } of VOLUMES) {
  test(`pools of volumes ${JSON.stringify(options)}`, async () => {
    const x = numbers(17, shape);
    // Equal values, of which the first is told.
    x.values.set(x.values.subarray(0, 20), 21);
    const three = (value: number | readonly number[] = 1) =>
      typeof value === "number" ? [value, value, value] : value;
    const pads = (options.padding ?? [0, 0, 0]) as readonly (number | readonly number[])[];
    const end = (side: 0 | 1) => pads.map((pad) => (typeof pad === "number" ? pad : pad[side]));
    const reference = {
      kernel: three(options.kernelSize),
      stride: three(options.stride ?? options.kernelSize),
      dilation: three(options.dilation),
      before: end(0),
      after: end(1),
      ceil: options.ceilMode ?? false,
    };
    const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
    const [, depth, height, width] = shape;
    const largest = pool(array(x), reference, (v) => Math.max(...v));
    const most = build(largest.shape, (index) => {
      const [n, , , , c] = index;
      const wanted = at(largest, ...index);
      for (let i = 0; i < depth * height * width; i++) {
        const place = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
        if (at(array(x), n, ...place, c) === wanted && covers(reference, index, place)) return i;
      }
      return -1;
    });
    await plans.hold(
      [x],
      [
        [(a) => t.maxPool(a, options), () => largest],
        [(a) => t.avgPool(a, options), (a) => pool(a, reference, (v, padded) => total(v) / padded)],
        [
          (a) => t.avgPool(a, { ...options, countIncludePad: false }),
          (a) => pool(a, reference, (v) => total(v) / v.length),
        ],
      ],
    );
    const [, positions] = await plans.outputs([x], (a) => {
      const found = t.maxPoolWithPositions(a, options);
      return [found.y, found.positions];
    });
    assert.equal(integers(positions), [...most.data]);
  });
}

/** Whether a window covers a place. */
function covers(
  { kernel, stride, dilation, before }: PoolReference,
  index: readonly number[],
  place: readonly number[],
): boolean {
  return place.every((p, k) => {
    const from = p - (index[k + 1] * stride[k] - before[k]);
    return from >= 0 && from % dilation[k] === 0 && from / dilation[k] < kernel[k];
  });
}

test("positions of the largest in images are there where nothing else asks for them", async () => {
  const x = floats([1, 2, 4, 1], [1, 5, 2, 3, 4, 0, 9, 9]);
  const [positions] = await plans.outputs([x], (a) => [
    t.maxPoolWithPositions(a, { kernelSize: 2 }).positions,
  ]);
  assert.equal(integers(positions), [1, 6]);
});

test("a mask of dropout is another at every run of a plan", async () => {
  const layer = new nn.Dropout(0.25, { seed: 3 });
  const plan = await compileWasm(plans.host, plans.engine, (x: Tensor) => layer.forward(x), [
    { shape: [4000], dtype: "f32" },
  ]);
  const ones = new Float32Array(4000).fill(3);
  const runs = [];
  for (let k = 0; k < 2; k++) runs.push(outputValues(plan.outputs, await plan.run([ones])));
  assert.not.equal(runs[0], runs[1]);
  for (const values of runs) {
    const kept = values.filter((v) => v !== 0);
    assert.ok(kept.every((v) => v === 4));
    assert.ok(Math.abs(kept.length / 4000 - 0.75) < 0.03, `${kept.length} kept`);
  }
  plan.dispose();
});

test("choices by integers and of integers", async () => {
  const condition = whole([2, 3], [0, 1, -(2 ** 31), 0, 7, -1]);
  const [a, b] = [whole([3], [5, 2 ** 31 - 1, -3]), numbers(14, [2, 3])];
  const [chosen, moved] = await plans.outputs([condition, a, b], (c, x, y) => [
    t.where(c, y, 0),
    t.where(y, x, t.broadcastTo(t.reshape(x, [1, 3]), [2, 3])),
  ]);
  assert.equal(
    [...chosen],
    [...b.values].map((v, i) => (condition.values[i] === 0 ? 0 : v)),
  );
  assert.equal(integers(moved), [...a.values, ...a.values]);
});

test("random numbers are those of the GPU's", async () => {
  // The first numbers of seed 123, stream 7, by the hash in 32-bit integers.
  const pcg = (v: bigint) => {
    const wrap = (n: bigint) => BigInt.asUintN(32, n);
    const state = wrap(v * 747796405n + 2891336453n);
    const word = wrap((wrap(state >> ((state >> 28n) + 4n)) ^ state) * 277803737n);
    return wrap((word >> 22n) ^ word);
  };
  const start = pcg(BigInt.asUintN(32, 7n + pcg(123n)));
  const fraction = (i: number) =>
    Number(pcg(BigInt.asUintN(32, BigInt(i) + start)) >> 8n) / 2 ** 24;
  const uniform = await t.rand(plans.host, [500], { seed: 123, stream: 7 }).data();
  assert.equal(
    [...uniform],
    Array.from({ length: 500 }, (_, i) => fraction(i)),
  );
  const normal = await t.randn(plans.host, [9], { seed: 123, stream: 7 }).data();
  const expected = Array.from({ length: 9 }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - fraction(2 * i)));
    return radius * Math.cos(2 * Math.PI * fraction(2 * i + 1));
  });
  assertClose(normal, expected, { atol: 1e-6 });
});

test.run();
