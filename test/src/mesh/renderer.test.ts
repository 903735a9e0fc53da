/** Camera, light and renderer on both engines, against float64. */
import {
  cameraFor,
  cameraRotation,
  MeshRenderer,
  poseOfCamera,
  project,
  type Rendering,
} from "@retinaface-webgpu/mesh";
import {
  compile,
  mul,
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
import { projected, shaded, vertexNormals } from "../reference/mesh.js";
import { barycentrics, interpolated, type PixelMap, pixelMap } from "../reference/raster.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { eagerGradients, stepGradients, type Values } from "../support/step-gradients.js";
import { useWasmHost } from "../support/wasm-host.js";
import { WasmPlans } from "../support/wasm-plans.js";

const device = useDevice(test);
const host = useWasmHost(test);
const plans = new WasmPlans(test);

const SIZE = [20, 18] as const;
const ROWS = 7;
const BATCH = 2;

/** The front of a bumpy ball: a disc of rings. */
const triangles = (() => {
  const rows = Array.from({ length: ROWS - 1 }, (_, i) => i);
  return rows.flatMap((y) =>
    rows.flatMap((x) => {
      const first = y * ROWS + x;
      return [
        [first, first + ROWS, first + 1],
        [first + ROWS + 1, first + 1, first + ROWS],
      ];
    }),
  );
})();
const VERTICES = ROWS * ROWS;

/** Vertices, colours, cameras and lights of two images. */
const scene: readonly Values[] = (() => {
  const random = new Random(11);
  const vertices = Array.from({ length: BATCH * VERTICES }, (_, i) => {
    const [x, y] = [i % ROWS, Math.floor(i / ROWS) % ROWS].map((v) => (v / (ROWS - 1)) * 2 - 1);
    return [x * 5, -y * 6, 4 * (1 - (x * x + y * y) / 2) + random.uniform(-0.2, 0.2)];
  }).flat();
  const cameras = [
    cameraFor({ pose: { yaw: 30, pitch: -12, roll: 17 }, distance: 40, focal: 5 }),
    cameraFor({ pose: { yaw: -50, pitch: 6, roll: -6 }, distance: 30, focal: 4 }),
  ];
  const lights = [
    [20, 30, 60, 0.7, 0.6, 0.5, 0.3, 0.35, 0.4],
    [-30, 10, 40, 0.4, 0.5, 0.6, 0.5, 0.4, 0.3],
  ];
  return [
    { shape: [BATCH, VERTICES, 3], data: Float32Array.from(vertices) },
    { shape: [BATCH, VERTICES, 3], data: random.uniforms(BATCH * VERTICES * 3, 0.2, 0.9) },
    { shape: [BATCH, 7], data: Float32Array.from(cameras.flat()) },
    { shape: [BATCH, 9], data: Float32Array.from(lights.flat()) },
  ];
})();

const exact = scene.map(({ shape, data }) => ({ shape, data: Float64Array.from(data) }));

const rowOf = ({ data }: NdArray, row: number, length: number): number[] => [
  ...data.subarray(row * length, (row + 1) * length),
];

function projectedOf([vertices, , cameras]: readonly NdArray[]): NdArray {
  const points = Array.from({ length: BATCH * VERTICES }, (_, i) =>
    projected(rowOf(vertices, i, 3), rowOf(cameras, Math.floor(i / VERTICES), 7), SIZE),
  );
  return { shape: vertices.shape, data: Float64Array.from(points.flat()) };
}

/** The image where each pixel shows the triangle that a map names. */
function rendered(arrays: readonly NdArray[], map: PixelMap): Float64Array {
  const [vertices, colours, , lights] = arrays;
  const meshes = Array.from({ length: BATCH }, (_, n) =>
    Array.from({ length: VERTICES }, (_, v) => rowOf(vertices, n * VERTICES + v, 3)),
  );
  const normals = meshes.flatMap((points) => vertexNormals(points, triangles));
  const weights = barycentrics(projectedOf(arrays), triangles, map);
  const at = (data: Float64Array) =>
    interpolated({ shape: vertices.shape, data }, triangles, map, weights);
  const [colour, normal, point] = [
    colours.data,
    Float64Array.from(normals.flat()),
    vertices.data,
  ].map(at);
  const image = new Float64Array(map.triangle.length * 3);
  for (const [pixel, t] of map.triangle.entries()) {
    if (t < 0) continue;
    const [c, n, p] = [colour, normal, point].map((each) => rowOf(each, pixel, 3));
    const light = rowOf(lights, Math.floor(pixel / SIZE[0] / SIZE[1]), 9);
    image.set(shaded(c, n, p, light), pixel * 3);
  }
  return image;
}

const map = pixelMap(projectedOf(exact), triangles, SIZE);
/** 1 for the numbers of pixels that are out of question. */
const sure = Float32Array.from(
  { length: map.sure.length * 3 },
  (_, i) => map.sure[Math.floor(i / 3)],
);
const shown = [...map.triangle].filter((t) => t >= 0).length;

const flat = Int32Array.from(triangles.flat());
const rendererOn = (own: Parameters<typeof project>[0]["device"]) =>
  new MeshRenderer(own, flat, { vertices: VERTICES, size: SIZE });

const drawing =
  (renderer: MeshRenderer) =>
  (vertices: Tensor, colours: Tensor, camera: Tensor, light: Tensor): Rendering =>
    renderer.render({ vertices, colours, camera, light });

test("what is drawn is what projection, light and shade say: eager, compiled, on processors", async () => {
  assert.ok(shown > 250, `${shown} pixels show the mesh`);
  const expected = rendered(exact, map);
  const check = (image: ArrayLike<number>, what: string) =>
    assertClose(
      Array.from(image, (v, i) => v * sure[i]),
      Array.from(expected, (v, i) => v * sure[i]),
      { atol: 1e-4, what },
    );
  const renderer = rendererOn(device());
  const inputs = scene.map(({ shape, data }) => tensor(device(), data, shape));
  const draw = drawing(renderer);
  const eager = tidy(() => {
    const { image, mask } = draw(inputs[0], inputs[1], inputs[2], inputs[3]);
    return [image, mask];
  });
  const image = (await eager[0].data()) as Float32Array;
  check(image, "eager");
  const covered = [...(await eager[1].data())].map(Math.round);
  for (const [pixel, t] of map.triangle.entries()) {
    if (map.sure[pixel]) assert.is(covered[pixel], t < 0 ? 0 : 1);
  }
  const plan = await compile(device(), (...x) => [draw(x[0], x[1], x[2], x[3]).image], inputs);
  for (const [k, { data }] of scene.entries()) plan.inputs[k].write(data);
  plan.run();
  check(await plan.outputs[0].tensor.data(), "compiled");
  plan.dispose();
  const other = rendererOn(plans.host);
  const infos = scene.map(({ shape, data }) => ({ shape, values: data }));
  const [values] = await plans.outputs(infos, (...x) => [
    drawing(other)(x[0], x[1], x[2], x[3]).image,
  ]);
  check(values, "on processors");
  const differ = image.reduce((n, v, i) => n + (Math.abs(v - values[i]) > 1e-4 ? 1 : 0), 0);
  assert.ok(differ <= image.length / 100, `${differ} numbers differ at edges`);
  for (const each of [...inputs, ...eager, renderer, other]) each.dispose();
});

test("gradients to vertices, colours, camera and light, eagerly and in steps of both engines", async () => {
  const factors = new Random(5).normals(sure.length).map((v, i) => v * sure[i]);
  const loss = (renderer: MeshRenderer) => (a: Tensor, b: Tensor, c: Tensor, d: Tensor) => {
    const { image } = drawing(renderer)(a, b, c, d);
    return sum(mul(image, tensor(image.device, factors, image.shape)));
  };
  const random = new Random(3);
  const probes = exact.flatMap(({ data }, k) => {
    const all = Array.from({ length: data.length }, (_, i) => ({ k, i }));
    return data.length < 20 ? all : random.shuffled(all).slice(0, 8);
  });
  const slopes = probes.map(({ k, i }) => {
    const at = (delta: number) => {
      const moved = exact.map((each, j) => (j === k ? { ...each, data: each.data.slice() } : each));
      moved[k].data[i] += delta;
      return rendered(moved, map).reduce((total, v, j) => total + v * factors[j], 0);
    };
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  });
  const processors = host();
  const renderers = [device(), ...(processors ? [processors] : [])].map(rendererOn);
  const losses = renderers.map(loss);
  const ways = [
    await eagerGradients(device(), scene, losses[0] as (...x: Tensor[]) => Tensor),
    await stepGradients(device(), scene, losses[0] as (...x: Tensor[]) => Tensor),
  ];
  if (processors) {
    ways.push(await stepGradients(processors, scene, losses[1] as (...x: Tensor[]) => Tensor));
  }
  for (const [way, gradients] of ways.entries()) {
    const found = probes.map(({ k, i }) => gradients[k][i]);
    assertClose(found, slopes, { atol: 2e-3, rtol: 2e-3, what: `gradients ${way}` });
  }
  for (const each of renderers) each.dispose();
});

test("cameras: angles, their inverse, and where a turned head is seen", async () => {
  const pose = { yaw: 40, pitch: -25, roll: 15 };
  const numbers = cameraFor({ pose });
  const back = poseOfCamera(numbers);
  for (const name of ["yaw", "pitch", "roll"] as const) {
    assert.ok(Math.abs(back[name] - pose[name]) < 1e-9);
  }
  const camera = tensor(device(), numbers, [1, 7]);
  const rotation = tidy(() => cameraRotation(camera));
  const w = await rotation.data();
  for (const [i, j] of [
    [0, 0],
    [0, 1],
    [1, 2],
    [2, 2],
  ]) {
    const inner = [0, 1, 2].reduce((total, k) => total + w[3 * k + i] * w[3 * k + j], 0);
    assert.ok(Math.abs(inner - (i === j ? 1 : 0)) < 1e-6);
  }
  const seen = async (point: readonly number[], own: Parameters<typeof cameraFor>[0]) => {
    const positions = tidy(() =>
      project(
        tensor(device(), point, [1, 1, 3]),
        tensor(device(), cameraFor(own), [1, 7]),
        [64, 64],
      ),
    );
    const [x, y, depth] = await positions.data();
    positions.dispose();
    return { x, y, depth };
  };
  const nose = [0, 0, 5];
  const straight = await seen(nose, {});
  assert.ok(Math.abs(straight.x - 32) < 1e-4 && Math.abs(straight.y - 32) < 1e-4);
  assert.ok(Math.abs(straight.depth - 55) < 1e-3);
  assert.ok((await seen(nose, { pose: { yaw: 30 } })).x > 33, "looks to the right of the image");
  assert.ok((await seen(nose, { pose: { pitch: 30 } })).y > 33, "looks down");
  const top = await seen([0, 5, 0], { pose: { roll: 30 } });
  assert.ok(top.x > 33 && top.y < 32, "tilted clockwise");
  const beside = await seen([0, 0, 0], { pose: { yaw: 40, pitch: 10, roll: 50 }, shift: [3, 2] });
  // At 60 cm 5 half heights of 32 pixels.
  const scale = (5 * 32) / 60;
  assert.ok(
    Math.abs(beside.x - 32 - 3 * scale) < 1e-3 && Math.abs(32 - beside.y - 2 * scale) < 1e-3,
  );
  for (const each of [camera, rotation]) each.dispose();
});

test("what does not fit is an error that says what would", () => {
  const renderer = rendererOn(device());
  const of = (...shape: number[]) =>
    tensor(device(), new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const [vertices, camera, light] = [of(1, VERTICES, 3), of(1, 7), of(1, 9)];
  const fails = (part: object, message: RegExp) =>
    assert.throws(
      () => renderer.render({ vertices, colours: vertices, camera, light, ...part }),
      (e: unknown) => e instanceof ShapeError && message.test(e.message),
    );
  fails({ colours: of(1, 5, 3) }, /colours \[1, 5, 3\]/);
  fails({ camera: of(1, 6) }, /must be \[1, 7\]/);
  fails({ light: of(2, 9) }, /must be \[1, 9\]/);
  assert.throws(
    () => new MeshRenderer(device(), Int32Array.of(0, 1, 3), { vertices: 3 }),
    (e: unknown) => e instanceof TensorError && /from 0 to 2/.test(e.message),
  );
  renderer.dispose();
});

test.run();
