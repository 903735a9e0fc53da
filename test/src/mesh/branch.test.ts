/** What the branch for meshes looks at, cameras of what it says, and the picture that is drawn on the host. */
import {
  cameraFor,
  cameraOfNumbers,
  drawOnHost,
  faceTemplate,
  HeadGenerator,
  HINT_LENGTH,
  hintOf,
  landmarksOf,
  MeshBranch,
  MeshRenderer,
  PATCH_POINTS,
  patchesOf,
  patchOnHost,
  samplesOf,
  squareAround,
} from "@retinaface-webgpu/mesh";
import { nn, ShapeError, TensorError, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../reference/array.js";
import { projected, turn } from "../reference/mesh.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

const MAP = { rows: 5, columns: 7, stride: 8 };
const CHANNELS = 3;
/** One inside, one that reaches out on two sides. */
const SQUARES = [
  { x: 9, y: 4, side: 27 },
  { x: 30, y: -11, side: 44 },
];

/** Bilinear between cells whose centres are half a stride in, the edge going on. */
function valueAt(map: NdArray, image: number, x: number, y: number, channel: number): number {
  const clamped = (v: number, count: number) =>
    Math.min(count - 1, Math.max(0, v / MAP.stride - 0.5));
  const [u, v] = [clamped(x, MAP.columns), clamped(y, MAP.rows)];
  let sum = 0;
  for (let row = 0; row < MAP.rows; row++) {
    for (let column = 0; column < MAP.columns; column++) {
      const weight = Math.max(0, 1 - Math.abs(u - column)) * Math.max(0, 1 - Math.abs(v - row));
      const at = ((image * MAP.rows + row) * MAP.columns + column) * CHANNELS + channel;
      sum += weight * map.data[at];
    }
  }
  return sum;
}

function patches(map: NdArray): NdArray {
  const values = SQUARES.flatMap(({ x, y, side }, f) =>
    Array.from({ length: PATCH_POINTS * CHANNELS }, (_, i) => {
      const point = Math.floor(i / CHANNELS);
      const [column, row] = [point % 8, Math.floor(point / 8)];
      const [px, py] = [x + ((column + 0.5) * side) / 8, y + ((row + 0.5) * side) / 8];
      return valueAt(map, f, px, py, i % CHANNELS);
    }),
  );
  return { shape: [SQUARES.length, PATCH_POINTS, CHANNELS], data: Float64Array.from(values) };
}

test("patches are the map at the points of squares, with gradients, and the same on the host", async () => {
  const samples = SQUARES.map((square) => samplesOf(square, MAP));
  const perImage = MAP.rows * MAP.columns;
  const rows = samples.flatMap(({ cells }, f) => [...cells].map((cell) => cell + f * perImage));
  const shape = [SQUARES.length, PATCH_POINTS, 4];
  const cells = tensor(device(), Int32Array.from(rows), shape, { dtype: "i32" });
  const shares = tensor(
    device(),
    samples.flatMap(({ weights }) => [...weights]),
    shape,
  );
  await checkOp(device(), {
    name: "patchesOf",
    inputs: [{ shape: [SQUARES.length, MAP.rows, MAP.columns, CHANNELS] }],
    op: (map) => patchesOf(map, cells, shares),
    reference: patches,
  });
  const random = new Random(3);
  const data = random.uniforms(SQUARES.length * perImage * CHANNELS);
  const expected = patches({ shape: [], data: Float64Array.from(data) }).data;
  // Among four channels, of which the last is another's.
  const wide = Float32Array.from({ length: (data.length / CHANNELS) * 4 }, (_, i) =>
    i % 4 === 0 ? 9 : data[Math.floor(i / 4) * CHANNELS + (i % 4) - 1],
  );
  for (const [f, own] of samples.entries()) {
    const host = { values: wide, offset: 1, stride: 4, channels: CHANNELS, first: f * perImage };
    const length = PATCH_POINTS * CHANNELS;
    const part = expected.subarray(f * length, (f + 1) * length);
    assertClose(patchOnHost(host, own), part, { atol: 1e-6 });
  }
  const few = tensor(device(), [0], [1, 1, 1]);
  assert.throws(
    () => patchesOf(few, cells, few),
    (e: unknown) => e instanceof ShapeError,
  );
});

test("squares are around boxes, a quarter longer than their longer side", () => {
  assert.equal(squareAround([10, 20, 30, 60]), { x: -5, y: 15, side: 50 });
});

test("a hint is 0 for a head that looks into the camera, and for none", () => {
  const camera = cameraFor({ distance: 70, focal: (0.78 * 70) / 9.5 });
  const [{ positions }] = faceTemplate().levels;
  const seen = landmarksOf(positions).flatMap((at) => projected(at, camera, [1, 1]).slice(0, 2));
  assertClose(hintOf(seen), new Float32Array(HINT_LENGTH), { atol: 2e-2 });
  const moved = hintOf(seen.map((v, i) => v + (i === 3 ? 0.05 : 0)));
  assertClose([moved[3] - hintOf(seen)[3]], [0.5], { atol: 1e-5 });
  for (const unknown of [[], [1, 2], seen.map(() => Number.NaN)]) {
    assert.equal([...hintOf(unknown)], Array(HINT_LENGTH).fill(0));
  }
});

test("cameras of numbers are turned about the head, and go to it in their own direction", async () => {
  await checkOp(device(), {
    name: "cameraOfNumbers",
    inputs: [{ shape: [3, 7], values: { low: -0.8, high: 0.8 } }],
    op: cameraOfNumbers,
    reference: ({ data }) => {
      const rows = [0, 1, 2].flatMap((n) => {
        const [right, up, far, pitch, yaw, roll, filled] = data.subarray(n * 7, n * 7 + 7);
        const distance = 70 * Math.exp(far);
        const seen = turn(2, roll, [-right, -up, distance]);
        const place = turn(1, yaw, turn(0, pitch, seen));
        return [...place, pitch, yaw, roll, (0.78 * Math.exp(filled) * distance) / 9.5];
      });
      return { shape: [3, 7], data: Float64Array.from(rows) };
    },
    tolerance: { atol: 1e-4, rtol: 1e-5 },
    gradientTolerance: { atol: 1e-3, rtol: 1e-3 },
  });
});

test("what is drawn on the host is what the renderer draws", async () => {
  const [{ vertices: count, triangles }] = faceTemplate().levels;
  const size = [40, 36] as const;
  const { vertices, colours, camera, light } = new HeadGenerator().head(5);
  const renderer = new MeshRenderer(device(), triangles, { vertices: count, size });
  const up = (values: Float32Array, width: number) =>
    tensor(device(), values, width === 3 ? [1, count, 3] : [1, width]);
  const drawn = tidy(() =>
    renderer.render({
      vertices: up(vertices, 3),
      colours: up(colours, 3),
      camera: up(camera, 7),
      light: up(light, 9),
    }),
  );
  const [image, mask, positions] = [drawn.image, drawn.mask, drawn.positions];
  const host = drawOnHost({ vertices, colours, camera, light }, triangles, size);
  assertClose(await positions.data(), host.positions, { atol: 1e-3 });
  const covered = [...host.mask].filter((m) => m === 1).length;
  assert.ok(covered > 400, `${covered} pixels`);
  const [theirs, seen] = [await image.data(), await mask.data()];
  const differ = [...theirs].filter((v, i) => Math.abs(v - host.image[i]) > 1e-4).length;
  const outlines = [...seen].filter((m, i) => Math.abs(m - host.mask[i]) > 1e-4).length;
  assert.ok(differ <= theirs.length / 100, `${differ} numbers differ`);
  assert.ok(outlines <= seen.length / 200, `${outlines} pixels of the outline differ`);
  renderer.dispose();
});

test("a branch of no code, and patches of another shape, are errors", () => {
  const init = nn.Init.seeded(device(), 1);
  assert.throws(
    () => new MeshBranch(init, { channels: 4, width: 16 }),
    (e: unknown) => e instanceof TensorError && /leave no code/.test(e.message),
  );
  const branch = new MeshBranch(init, { channels: 4, width: 20 });
  const wrong = tensor(device(), new Float32Array(PATCH_POINTS * 3), [1, PATCH_POINTS, 3]);
  const hints = tensor(device(), hintOf([]), [1, HINT_LENGTH]);
  assert.throws(
    () => branch.forward(wrong, hints),
    (e: unknown) => e instanceof ShapeError && /\[n, 64, 4\]/.test(e.message),
  );
  const right = tensor(device(), new Float32Array(PATCH_POINTS * 4), [1, PATCH_POINTS, 4]);
  assert.throws(
    () => branch.forward(right, tensor(device(), new Float32Array(4), [1, 4])),
    (e: unknown) => e instanceof ShapeError && /hints \[1, 10\]/.test(e.message),
  );
  branch.dispose();
});

test.run();
