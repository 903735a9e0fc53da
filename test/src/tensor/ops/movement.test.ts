import * as ops from "@retinaface-webgpu/tensor";
import { tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/movement.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

test("permute to any order, and its gradient", async () => {
  const orders = [
    [0, 1],
    [1, 0],
    [2, 0, 1],
    [0, 3, 1, 2],
    [0, 2, 3, 1],
    [5, 3, 1, 0, 2, 4],
  ];
  for (const axes of orders) {
    const shape = [3, 4, 5, 8, 2, 1].slice(0, axes.length);
    await checkOp(device(), {
      name: `permute [${shape}] by [${axes}]`,
      inputs: [{ shape }],
      op: (x) => ops.permute(x, axes),
      reference: (x) => reference.permute(x, axes),
    });
  }
});

test("reshape, flatten and transpose", async () => {
  await checkOp(device(), {
    name: "reshape",
    inputs: [{ shape: [3, 4, 5] }],
    op: (x) => ops.mul(ops.reshape(x, [2, -1, 3]), 2),
    reference: (x) => ({ shape: [2, 10, 3], data: x.data.map((v) => 2 * v) }),
  });
  const x = tensor(device(), new Float32Array(24), [2, 3, 4]);
  assert.equal(ops.flatten(x, 1).shape, [2, 12]);
  assert.equal(ops.transpose(x).shape, [2, 4, 3]);
  assert.throws(() => ops.reshape(x, [5, -1]), /\[2, 3, 4\] cannot become \[5, -1\]/);
  assert.throws(() => ops.reshape(x, [5, 5]), /has 24 elements, \[5, 5\] 25/);
  assert.throws(() => ops.permute(x, [0, 1, 1]), /axes \[0, 1, 1\] for a tensor \[2, 3, 4\]/);
});

test("broadcastTo, and its gradient", async () => {
  for (const [from, to] of [
    [[3], [2, 4, 3]],
    [
      [2, 1, 5],
      [2, 3, 5],
    ],
    [[], [3, 2]],
    [
      [1, 8],
      [5, 8],
    ],
  ]) {
    await checkOp(device(), {
      name: `broadcast [${from}] to [${to}]`,
      inputs: [{ shape: from }],
      op: (x) => ops.broadcastTo(x, to),
      reference: (x) => reference.broadcastTo(x, to),
    });
  }
  const x = tensor(device(), [1, 2], [2]);
  assert.throws(() => ops.broadcastTo(x, [3]), /\[2\] does not broadcast to \[3\]/);
});

test("concat along every axis, with an empty part, and its gradients", async () => {
  const layouts = [
    {
      axis: 3,
      shapes: [
        [3, 3, 5, 64],
        [3, 3, 5, 4],
        [3, 3, 5, 1],
      ],
    },
    {
      axis: -1,
      shapes: [
        [1, 5, 5, 8],
        [1, 5, 5, 16],
      ],
    },
    {
      axis: 1,
      shapes: [
        [3, 2, 3],
        [3, 0, 3],
        [3, 5, 3],
      ],
    },
    { axis: 0, shapes: [[2], [3], [1]] },
  ];
  for (const { axis, shapes } of layouts) {
    await checkOp(device(), {
      name: `concat ${JSON.stringify(shapes)} along ${axis}`,
      inputs: shapes.map((shape) => ({ shape })),
      op: (...tensors) => ops.concat(tensors, axis),
      reference: (...arrays) => reference.concat(arrays, axis < 0 ? axis + shapes[0].length : axis),
    });
  }
  const [a, b] = [
    [2, 3],
    [2, 4],
  ].map((shape) => tensor(device(), new Float32Array(shape[0] * shape[1]), shape));
  assert.throws(() => ops.concat([a, b], 0), /concat: \[2, 3\] and \[2, 4\] differ outside axis 0/);
});

test("slice with steps and from the end, and its gradient", async () => {
  const layouts = [
    {
      shape: [5, 7],
      ranges: [
        { start: 1, end: 4 },
        { start: -5, end: -1 },
      ],
      taken: [
        { first: 1, step: 1, count: 3 },
        { first: 2, step: 1, count: 4 },
      ],
    },
    {
      shape: [5, 7],
      ranges: [{ step: -1 }, { start: 100, end: -100, step: -3 }],
      taken: [
        { first: 4, step: -1, count: 5 },
        { first: 6, step: -3, count: 3 },
      ],
    },
    {
      shape: [3, 4, 8],
      ranges: [undefined, { start: 1, end: 99, step: 2 }],
      taken: [
        { first: 0, step: 1, count: 3 },
        { first: 1, step: 2, count: 2 },
        { first: 0, step: 1, count: 8 },
      ],
    },
  ];
  for (const { shape, ranges, taken } of layouts) {
    await checkOp(device(), {
      name: `slice [${shape}] ${JSON.stringify(ranges)}`,
      inputs: [{ shape }],
      op: (x) => ops.slice(x, ranges),
      reference: (x) => reference.take(x, taken),
    });
  }
  const x = tensor(device(), [1, 2, 3], [3]);
  assert.equal(ops.slice(x, [{ start: 2, end: 1 }]).shape, [0]);
  assert.equal([...(await ops.flip(x, [0]).data())], [3, 2, 1]);
  assert.throws(() => ops.slice(x, [{ step: 0 }]), /step 0/);
  assert.throws(() => ops.narrow(x, 0, 2, 2), /2 elements from 2 along axis 0 of \[3\]/);
});

test("split undoes concat", async () => {
  const x = tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3]);
  const [a, b] = ops.split(x, [1, 2], 1);
  assert.equal([...(await a.data())], [1, 4]);
  assert.equal([...(await b.data())], [2, 3, 5, 6]);
  assert.throws(() => ops.split(x, [1, 1], 1), /lengths \[1, 1\] along axis 1 of \[2, 3\]/);
});

test("pad by a constant, with cropping, and its gradient", async () => {
  const layouts: { shape: number[]; padding: [number, number][] }[] = [
    {
      shape: [1, 3, 5, 3],
      padding: [
        [0, 0],
        [1, 2],
        [3, 0],
        [0, 0],
      ],
    },
    {
      shape: [3, 4, 8],
      padding: [
        [1, 0],
        [-1, 2],
        [-2, -3],
      ],
    },
    { shape: [4], padding: [[-5, 3]] },
  ];
  for (const { shape, padding } of layouts) {
    const [before, after] = [0, 1].map((side) => padding.map((pair) => pair[side]));
    await checkOp(device(), {
      name: `pad [${shape}] by ${JSON.stringify(padding)}`,
      inputs: [{ shape }],
      op: (x) => ops.pad(x, padding, { value: -2.5 }),
      reference: (x) => reference.pad(x, before, after, () => undefined, -2.5),
    });
  }
});

test("pad by reflection and by the edge, and their gradients", async () => {
  const outside = {
    reflect: (i: number, n: number) => (i < 0 ? -i : 2 * (n - 1) - i),
    edge: (i: number, n: number) => Math.min(Math.max(i, 0), n - 1),
  };
  for (const mode of ["reflect", "edge"] as const) {
    for (const shape of [
      [1, 3, 5, 3],
      [3, 4, 4, 1],
    ]) {
      await checkOp(device(), {
        name: `${mode} pad [${shape}]`,
        inputs: [{ shape }],
        op: (x) =>
          ops.pad(
            x,
            [
              [0, 0],
              [2, 1],
              [3, 2],
              [0, 0],
            ],
            { mode },
          ),
        reference: (x) => reference.pad(x, [0, 2, 3, 0], [0, 1, 2, 0], outside[mode]),
      });
    }
  }
  const x = tensor(device(), [1, 2], [2]);
  assert.throws(
    () => ops.pad(x, [[2, 0]], { mode: "reflect" }),
    /2 before and 0 after axis 0 of \[2\]/,
  );
  assert.throws(() => ops.pad(x, [[-2, -1]]), /-2 before and -1 after axis 0 of \[2\]/);
});

test("pad crops before it reflects or repeats, in every mode, and its gradients", async () => {
  const outside = {
    reflect: (i: number, n: number) => (i < 0 ? -i : 2 * (n - 1) - i),
    edge: (i: number, n: number) => Math.min(Math.max(i, 0), n - 1),
    constant: () => undefined,
  };
  for (const mode of ["reflect", "edge", "constant"] as const) {
    for (const [before, after] of [
      [-2, 3],
      [2, -3],
      [-1, -2],
      [-4, 1],
    ]) {
      const crop = [Math.min(before, 0), Math.min(after, 0)];
      await checkOp(device(), {
        name: `${mode} pad by ${before} and ${after}`,
        inputs: [{ shape: [2, 7, 3] }],
        op: (x) => ops.pad(x, [[before, after]], { mode, axes: [-2] }),
        reference: (x) => {
          const inside = reference.pad(x, [0, crop[0], 0], [0, crop[1], 0], () => undefined, 0);
          const [b, a] = [Math.max(before, 0), Math.max(after, 0)];
          return reference.pad(inside, [0, b, 0], [0, a, 0], outside[mode], 0);
        },
      });
    }
  }
  const x = tensor(device(), [1, 2, 3], [3]);
  for (const mode of ["reflect", "edge"] as const) {
    assert.throws(() => ops.pad(x, [[-2, -2]], { mode }), /-2 before and -2 after axis 0/);
    assert.throws(() => ops.pad(x, [[-3, 1]], { mode }), /1 after axis 0/);
  }
});

test("pad takes the axes that its pairs are of", async () => {
  const x = tensor(device(), [1, 2, 3, 4, 5, 6], [2, 3]);
  const pairs = [
    [0, 1],
    [1, 0],
  ] as const;
  const y = ops.pad(x, pairs, { axes: [-1, 0], value: 9 });
  assert.equal(y.shape, [3, 4]);
  assert.equal([...(await y.data())], [9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9]);
  assert.equal([...(await ops.pad(x, [], { axes: [] }).data())], [1, 2, 3, 4, 5, 6]);
  assert.throws(() => ops.pad(x, pairs, { axes: [1] }), /2 pairs for axes \[1\]/);
  assert.throws(() => ops.pad(x, pairs, { axes: [1, -1] }), /repeat/);
  assert.throws(() => ops.pad(x, [[1, 1]], { axes: [2] }), /axis 2 is outside/);
});

test("cast of NaN, of infinities and of what lies beyond the integers", async () => {
  const { NaN: nan, POSITIVE_INFINITY: up, NEGATIVE_INFINITY: down } = Number;
  const values = [nan, up, down, 3e9, -3e9, 5e9, -0.9, 2147483520, 2.5, -2147483648, 0, 1];
  const i32 = [0, 2147483647, -2147483648, 2147483647, -2147483648, 2147483647];
  const u32 = [0, 4294967295, 0, 3e9, 0, 4294967295, 0, 2147483520, 2, 0, 0, 1];
  for (const count of [12, 11, 7, 1]) {
    const x = tensor(device(), values.slice(0, count), [count]);
    const signed = [...i32, 0, 2147483520, 2, -2147483648, 0, 1].slice(0, count);
    assert.equal([...(await ops.cast(x, "i32").data())], signed);
    assert.equal([...(await ops.cast(x, "u32").data())], u32.slice(0, count));
  }
  if (!device().has("shader-f16")) return;
  const half = ops.cast(tensor(device(), [nan, up, down, 7.5], [4]), "f16");
  assert.equal([...(await ops.cast(half, "i32").data())], [0, 2147483647, -2147483648, 7]);
});

test("cast between element types", async () => {
  const x = tensor(device(), [-1.7, 0, 2.9, 1e6, 5], [5], { requiresGrad: true });
  const i = ops.cast(x, "i32");
  assert.equal([...(await i.data())], [-1, 0, 2, 1000000, 5]);
  assert.equal([...(await ops.cast(i, "f32").data())], [-1, 0, 2, 1000000, 5]);
  if (!device().has("shader-f16")) return;
  const half = ops.cast(x, "f16");
  const back = ops.cast(ops.add(half, half), "f32");
  back.backward(tensor(device(), [1, 2, 3, 4, 5], [5]));
  assert.equal([...(await x.grad!.data())], [2, 4, 6, 8, 10]);
  const values = [...(await back.data())];
  assert.ok(Math.abs(values[2] - 5.8) < 0.01 && values[4] === 10);
});

test.run();
