import {
  type Fragments,
  interpolateVertices,
  mul,
  rasterize,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../../reference/array.js";
import {
  barycentrics,
  interpolated,
  type PixelMap,
  pixelMap,
  type Triangle,
} from "../../reference/raster.js";
import { assertClose } from "../../support/close.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";
import { array, integers, numbers, WasmPlans, whole } from "../../support/wasm-plans.js";

const device = useDevice(test);
const plans = new WasmPlans(test);

const list = (triangles: readonly Triangle[]) =>
  tensor(device(), triangles.flat(), [triangles.length, 3], { dtype: "i32" });

/** Triangles over an image, and beyond it, at depths of their own: two images of them. */
function scene(seed: number, count: number, [height, width]: readonly [number, number]) {
  const random = new Random(seed);
  const vertices = count + 2;
  const positions = Array.from({ length: 2 * vertices }, () => [
    random.uniform(-3, width + 3),
    random.uniform(-3, height + 3),
    random.uniform(1, 4),
  ]).flat();
  const triangles = Array.from({ length: count }, (_, t) => [t, t + 2, t + 1]);
  return { shape: [2, vertices, 3], positions: Float32Array.from(positions), triangles };
}

/** 1 where what a pixel shows is out of question, for each channel. */
function sureness({ sure, size }: PixelMap, channels: number): NdArray {
  const data = Float64Array.from(
    { length: sure.length * channels },
    (_, i) => sure[Math.floor(i / channels)],
  );
  return { shape: [sure.length / size[0] / size[1], ...size, channels], data };
}

const times = (a: NdArray, b: NdArray): NdArray => ({
  shape: a.shape,
  data: a.data.map((v, i) => v * b.data[i]),
});

const SIZE = [11, 13] as const;

for (const [name, count] of [
  ["few large triangles", 5],
  ["more than a workgroup lists at once", 90],
] as const) {
  test(`${name}: barycentrics, values and their gradients, compiled too`, async () => {
    const { shape, positions, triangles } = scene(count, count, SIZE);
    const map = pixelMap({ shape, data: Float64Array.from(positions) }, triangles, SIZE);
    const shown = map.sure.filter((sure, i) => sure && map.triangle[i] >= 0).length;
    assert.ok(shown > 100, `${shown} pixels tell something`);
    const channels = 5;
    const sure = sureness(map, channels);
    const op = (x: Tensor, values: Tensor) => {
      const seen = interpolateVertices(values, rasterize(x, list(triangles), { size: SIZE }));
      return mul(seen, tensor(device(), sure.data, sure.shape));
    };
    const values = { shape: [2, shape[1], channels] };
    // What a pixel shows is the same wherever the vertices move: no gradient flows through that.
    await checkOp(device(), {
      name,
      inputs: [{ shape, values: positions }, values],
      op,
      reference: (x, v) =>
        times(interpolated(v, triangles, map, barycentrics(x, triangles, map)), sure),
      tolerance: { atol: 1e-4, rtol: 1e-4 },
      gradientTolerance: { atol: 2e-3, rtol: 2e-3 },
    });
    const random = new Random(8);
    const inputs = [
      tensor(device(), positions, shape),
      tensor(device(), random.normals(2 * shape[1] * channels), values.shape),
    ];
    await checkCompiled(device(), name, op, inputs);
  });

  test(`${name}: the engine for processors draws them too`, async () => {
    const { shape, positions, triangles } = scene(count, count, SIZE);
    const x = { shape, values: positions };
    const t = whole([count, 3], triangles.flat());
    const v = numbers(4, [2, shape[1], 3]);
    const map = pixelMap(array(x), triangles, SIZE);
    const [weights, triangle, values] = await plans.outputs([x, t, v], (positions, own, each) => {
      const fragments = rasterize(positions, own, { size: SIZE });
      return [fragments.barycentrics, fragments.triangle, interpolateVertices(each, fragments)];
    });
    const found = integers(triangle);
    for (const [pixel, sure] of map.sure.entries()) {
      if (sure) assert.is(found[pixel], map.triangle[pixel], `pixel ${pixel}`);
    }
    const parts = barycentrics(array(x), triangles, map);
    const expected = interpolated(array(v), triangles, map, parts);
    const tolerance = { atol: 1e-4, rtol: 1e-4 };
    const of = (actual: Float32Array) => {
      const sure = sureness(map, 3);
      return actual.map((each, i) => each * sure.data[i]);
    };
    assertClose(of(weights), times(parts, sureness(map, 3)).data, tolerance);
    assertClose(of(values), times(expected, sureness(map, 3)).data, tolerance);
  });
}

/** What the pixels of one image show, on both engines. */
async function shown(
  positions: readonly number[],
  triangles: readonly Triangle[],
  size: [number, number],
) {
  const vertices = positions.length / 3;
  const x = { shape: [1, vertices, 3], values: Float32Array.from(positions) };
  const t = whole([triangles.length, 3], triangles.flat());
  const [own] = await plans.outputs([x, t], (a, b) => [rasterize(a, b, { size }).triangle]);
  const drawn = tidy(
    () => rasterize(tensor(device(), x.values, x.shape), list(triangles), { size }).triangle,
  );
  const pixels = [...(await drawn.data())];
  drawn.dispose();
  assert.equal(integers(own), pixels, "the engines differ");
  return pixels;
}

test("the nearer covers the farther, the first one of its equal; others are not drawn", async () => {
  const square = (z: number) => [0, 0, z, 4, 0, z, 0, 4, z, 4, 4, z];
  const faces = (first: number) => [
    [first, first + 1, first + 2],
    [first + 2, first + 1, first + 3],
  ];
  const positions = [...square(2), ...square(1), ...square(1), ...square(-1), ...square(0)];
  const triangles = [
    ...faces(0),
    ...faces(4).map((t) => [...t].reverse()),
    ...faces(8),
    ...faces(12),
    ...faces(16),
    [0, 0, 1],
    [0, 1, 99],
    [-1, 0, 1],
  ];
  const pixels = await shown(positions, triangles, [5, 6]);
  for (const [i, t] of pixels.entries()) {
    const [x, y] = [i % 6, Math.floor(i / 6)];
    const expected = x >= 4 || y >= 4 ? -1 : x + y < 4 ? 2 : 3;
    // The diagonal is in both triangles.
    if (x + y === 3) assert.ok(t === 2 || t === 3);
    else assert.is(t, expected, `${x}, ${y}`);
  }
  assert.equal([...new Set(await shown(positions, triangles.slice(6), [5, 6]))], [-1]);
});

test("a mesh has no gaps between its triangles", async () => {
  const random = new Random(2);
  const side = 8;
  const positions = Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    const jitter = () => random.uniform(-0.9, 0.9);
    return [x * 3 - 2 + jitter(), y * 3 - 2 + jitter(), random.uniform(2, 3)];
  }).flat();
  const triangles = Array.from({ length: (side - 1) ** 2 }, (_, i) => {
    const first = Math.floor(i / (side - 1)) * side + (i % (side - 1));
    return [
      [first, first + 1, first + side],
      [first + side + 1, first + side, first + 1],
    ];
  }).flat();
  const pixels = await shown(positions, triangles, [16, 16]);
  assert.is(pixels.filter((t) => t < 0).length, 0);
});

test("what does not fit is an error that says what would", () => {
  const of = (...shape: number[]) =>
    tensor(device(), new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const triangles = list([[0, 1, 2]]);
  const size = [4, 4] as const;
  const flat = list([[0, 1, 2]]);
  throwsCode(() => rasterize(of(3, 3), flat, { size }), "SHAPE", /\[n, v, 3\]/);
  throwsCode(() => rasterize(of(1, 3, 3), of(1, 3), { size }), "DTYPE", /i32/);
  const none = tensor(device(), [], [0, 3], { dtype: "i32" });
  throwsCode(() => rasterize(of(1, 3, 3), none, { size }), "SHAPE", /one at least/);
  throwsCode(() => rasterize(of(1, 3, 3), triangles, { size: [4, 0] }), "ARGUMENT", /at least 1/);
  throwsCode(
    () => rasterize(of(1, 3, 3), triangles, { sizes: [4, 4] } as never),
    "ARGUMENT",
    /"sizes"/,
  );
  const fragments: Fragments = rasterize(of(1, 3, 3), triangles, { size });
  throwsCode(() => interpolateVertices(of(2, 3, 3), fragments), "SHAPE", /\[1, v, c\]/);
  throwsCode(
    () =>
      interpolateVertices(of(1, 3, 3), {
        ...fragments,
        triangles: list([
          [0, 1, 2],
          [2, 1, 0],
        ]),
      }),
    "SHAPE",
    /one call of rasterize/,
  );
});

test.run();
