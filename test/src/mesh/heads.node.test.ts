/** Made-up heads: the same of the same seed, whole, and seen where their cameras say. */
import { faceTemplate, HeadGenerator, landmarksOf } from "@retinaface-webgpu/mesh";
import { facePose, type Landmarks, type Point } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projected, vertexNormals } from "../reference/mesh.js";

const generator = new HeadGenerator();
const heads = Array.from({ length: 60 }, (_, seed) => generator.head(seed));
const [{ positions, triangles }] = faceTemplate().levels;

test("a seed makes one head, another another", () => {
  const again = generator.head(3);
  assert.equal(again, heads[3]);
  assert.not.equal([...again.vertices], [...heads[4].vertices]);
});

test("heads differ from the template by what heads differ, and stay whole", () => {
  for (const [seed, { vertices, colours, light }] of heads.entries()) {
    const off = Math.sqrt(
      vertices.reduce((sum, v, i) => sum + (v - positions[i]) ** 2, 0) / (vertices.length / 3),
    );
    assert.ok(off > 0.1 && off < 2.5, `head ${seed}: ${off} cm`);
    assert.ok(colours.every((c) => c >= 0 && c <= 1));
    assert.ok(light.every(Number.isFinite));
  }
  const rows = (values: ArrayLike<number>) =>
    Array.from({ length: values.length / 3 }, (_, i) => [0, 1, 2].map((k) => values[3 * i + k]));
  const own = vertexNormals(rows(heads[0].vertices), rows(triangles));
  const before = vertexNormals(rows(positions), rows(triangles));
  const turned = own.filter((n, i) => n.reduce((sum, v, k) => sum + v * before[i][k], 0) < 0);
  assert.ok(turned.length < own.length / 20, `${turned.length} normals are turned around`);
});

test("cameras see the landmarks in the image, and five landmarks tell the pose about", () => {
  const errors = { yaw: [] as number[], pitch: [] as number[], roll: [] as number[] };
  for (const { vertices, camera, pose } of heads) {
    const seen = landmarksOf(vertices).map((point) => projected(point, [...camera], [64, 64]));
    for (const [x, y, depth] of seen) {
      assert.ok(x > 2 && x < 62 && y > 2 && y < 62 && depth > 0, `${x}, ${y}, ${depth}`);
    }
    const [leftEye, rightEye, nose, leftMouth, rightMouth] = seen.map(([x, y]): Point => [x, y]);
    const landmarks: Landmarks = { leftEye, rightEye, nose, leftMouth, rightMouth };
    const found = facePose(landmarks);
    for (const name of ["yaw", "pitch", "roll"] as const) {
      errors[name].push(Math.abs(found[name] - pose[name]));
    }
  }
  for (const [name, own] of Object.entries(errors)) {
    const mean = own.reduce((a, b) => a + b, 0) / own.length;
    console.log(`${name}: ${mean.toFixed(1)} degrees off on average`);
    assert.ok(mean < 12, `${name} ${mean}`);
  }
});

test.run();
