/** The losses of meshes, against float64. */
import { edgeLoss, MeshRenderer, pixelLoss, Topology, vertexLoss } from "@retinaface-webgpu/mesh";
import { ShapeError, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../reference/array.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

const TRIANGLES = [
  [0, 1, 2],
  [2, 1, 3],
  [3, 1, 4],
];
const topologyOf = () => new Topology(device(), Int32Array.from(TRIANGLES.flat()), 5);

const scalar = (value: number): NdArray => ({ shape: [], data: Float64Array.of(value) });

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test("vertexLoss is the mean distance of coordinates", async () => {
  await checkOp(device(), {
    name: "vertexLoss",
    inputs: [{ shape: [2, 5, 3] }, { shape: [2, 5, 3] }],
    op: vertexLoss,
    reference: (a, b) => scalar(mean([...a.data].map((v, i) => Math.abs(v - b.data[i])))),
  });
});

test("edgeLoss is the mean difference of the sides' lengths", async () => {
  const topology = topologyOf();
  const lengths = ({ data }: NdArray) =>
    [0, 1].flatMap((n) =>
      TRIANGLES.flatMap((corners) =>
        corners.map((from, k) => {
          const [a, b] = [from, corners[(k + 1) % 3]].map((v) => (n * 5 + v) * 3);
          return Math.hypot(...[0, 1, 2].map((i) => data[a + i] - data[b + i]));
        }),
      ),
    );
  await checkOp(device(), {
    name: "edgeLoss",
    inputs: [{ shape: [2, 5, 3] }, { shape: [2, 5, 3] }],
    op: (a: Tensor, b: Tensor) => edgeLoss(a, b, topology),
    reference: (a, b) => {
      const known = lengths(b);
      return scalar(mean(lengths(a).map((v, i) => Math.abs(v - known[i]))));
    },
  });
  topology.dispose();
});

test("pixelLoss is the mean over what shows the mesh, and 0 where nothing does", async () => {
  const random = new Random(2);
  const shape = [2, 3, 4, 3];
  const photo = tensor(device(), random.uniforms(72), shape);
  const own = Float64Array.from(await photo.data());
  for (const share of [0.5, 0]) {
    const seen = Array.from({ length: 24 }, () => (random.uniform() < share ? 1 : 0));
    const mask = tensor(device(), seen, [2, 3, 4, 1]);
    const rest = { mask, positions: mask, fragments: undefined as never };
    await checkOp(device(), {
      name: "pixelLoss",
      inputs: [{ shape }],
      op: (image) => pixelLoss({ image, ...rest }, photo),
      reference: ({ data }) => {
        const off = [...data]
          .map((v, i) => Math.abs(v - own[i]))
          .filter((_, i) => seen[Math.floor(i / 3)] === 1);
        return scalar(off.length > 0 ? mean(off) : 0);
      },
    });
  }
});

test("shapes that differ are an error", () => {
  const of = (...shape: number[]) =>
    tensor(device(), new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  const fails = (run: () => unknown) =>
    assert.throws(run, (e: unknown) => e instanceof ShapeError && /one shape/.test(e.message));
  const topology = topologyOf();
  fails(() => vertexLoss(of(1, 5, 3), of(2, 5, 3)));
  fails(() => edgeLoss(of(1, 5, 3), of(2, 5, 3), topology));
  const renderer = new MeshRenderer(device(), Int32Array.of(0, 1, 2), {
    vertices: 3,
    size: [4, 4],
  });
  const vertices = of(1, 3, 3);
  const scene = { vertices, colours: vertices, camera: of(1, 7), light: of(1, 9) };
  fails(() => pixelLoss(renderer.render(scene), of(1, 4, 5, 3)));
  for (const each of [topology, renderer]) each.dispose();
});

test.run();
