/** The face's template: made as it says, meshes that hold together, matrices that are what they are called. */
import { readFileSync } from "node:fs";
import path from "node:path";
import {
  type Csr,
  entriesOf,
  faceTemplate,
  landmarksOf,
  parseObj,
  simplify,
} from "@retinaface-webgpu/mesh";
import { TensorError } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { run } from "../support/tools.node.js";

const template = faceTemplate();

test("face-data.ts is made from the model's file as it is", async () => {
  const tool = path.join(repository, "tools/mesh-template.mjs");
  const { code, output } = await run(process.execPath, [tool, "--check"], { timeoutMs: 120_000 });
  assert.is(code, 0, output);
});

test("the finest mesh is the model's, moved", () => {
  const file = path.join(repository, "packages/mesh/assets/canonical_face_model.obj");
  const mesh = parseObj(readFileSync(file, "utf8"));
  const [{ positions, triangles }] = template.levels;
  assert.equal([...triangles], [...mesh.triangles]);
  const shift = [0, 1, 2].map((k) => mesh.positions[k] - positions[k]);
  for (const [i, v] of mesh.positions.entries()) {
    assert.ok(Math.abs(v - positions[i] - shift[i % 3]) < 1.1e-3, `coordinate ${i}`);
  }
  for (const [i, v] of mesh.uv.entries()) assert.ok(Math.abs(v - template.uv[i]) < 1e-4);
  const x = positions.filter((_, i) => i % 3 === 0);
  assert.ok(Math.abs(Math.min(...x) + Math.max(...x)) < 1e-3);
});

test("the landmarks are where a face has them", () => {
  const [left, right, nose, ...mouth] = landmarksOf(template.levels[0].positions);
  assert.ok(
    left[0] < -2.5 && Math.abs(left[0] + right[0]) < 2e-3 && Math.abs(left[1] - right[1]) < 2e-3,
  );
  const { positions } = template.levels[0];
  assert.is(nose[2], Math.max(...positions.filter((_, i) => i % 3 === 2)));
  assert.ok(Math.abs(mouth[0][0] + mouth[1][0]) < 2e-3 && mouth[0][0] < -2);
  assert.ok(left[1] > nose[1] && nose[1] > mouth[0][1]);
});

/** How many triangles each side has, and whether neighbours go along it in opposite ways. */
function sidesOf(triangles: Int32Array): Map<string, number> {
  const directed = new Set<string>();
  const sides = new Map<string, number>();
  for (let t = 0; t < triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const [a, b] = [triangles[t + k], triangles[t + ((k + 1) % 3)]];
      assert.not.ok(directed.has(`${a} ${b}`), `side ${a} ${b} has two triangles on one side`);
      directed.add(`${a} ${b}`);
      const side = `${Math.min(a, b)} ${Math.max(a, b)}`;
      sides.set(side, (sides.get(side) ?? 0) + 1);
    }
  }
  return sides;
}

test("every mesh is one sheet with one outline, and all its vertices are used", () => {
  assert.equal(
    template.levels.map(({ vertices }) => vertices),
    [468, 234, 117, 58, 29],
  );
  for (const { triangles, vertices } of template.levels) {
    const sides = sidesOf(triangles);
    assert.ok([...sides.values()].every((count) => count <= 2));
    assert.is(new Set(triangles).size, vertices);
    assert.is(vertices - sides.size + triangles.length / 3, 1);
  }
});

/** A matrix by rows of three. */
function applied(matrix: Csr, positions: Float32Array): Float64Array {
  const result = new Float64Array(matrix.size[0] * 3);
  for (const [row, column, value] of entriesOf(matrix)) {
    for (let k = 0; k < 3; k++) result[3 * row + k] += value * positions[3 * column + k];
  }
  return result;
}

test("down takes the coarser mesh's vertices, up gives back what lies on its surface", () => {
  for (const [i, finer] of template.levels.slice(0, -1).entries()) {
    const coarser = template.levels[i + 1];
    assert.equal([...applied(coarser.down!, finer.positions)], [...coarser.positions]);
    const sums = new Float64Array(finer.vertices);
    for (const [row, , value] of entriesOf(finer.up!)) {
      assert.ok(value > 0 && value <= 1);
      sums[row] += value;
    }
    assert.ok(sums.every((sum) => Math.abs(sum - 1) < 1e-6));
    const back = applied(finer.up!, coarser.positions);
    const off = Array.from({ length: finer.vertices }, (_, v) =>
      Math.hypot(...[0, 1, 2].map((k) => back[3 * v + k] - finer.positions[3 * v + k])),
    );
    const mean = off.reduce((a, b) => a + b, 0) / off.length;
    console.log(`${finer.vertices} from ${coarser.vertices}: ${mean.toFixed(3)} cm off on average`);
    assert.ok(mean < 0.1 * 2 ** i, `${mean} cm`);
  }
});

/** Eigenvalues of a symmetric matrix by Jacobi's rotations. */
function eigenvalues(matrix: Csr): number[] {
  const [n] = matrix.size;
  const a = Array.from({ length: n }, () => new Float64Array(n));
  for (const [row, column, value] of entriesOf(matrix)) a[row][column] = value;
  for (let sweep = 0; sweep < 12; sweep++) {
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, p, q);
  }
  return a.map((row, i) => row[i]);
}

function rotate(a: Float64Array[], p: number, q: number): void {
  if (Math.abs(a[p][q]) < 1e-15) return;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < a.length; k++) {
    const [kp, kq] = [a[k][p], a[k][q]];
    a[k][p] = c * kp - s * kq;
    a[k][q] = s * kp + c * kq;
  }
  for (let k = 0; k < a.length; k++) {
    const [pk, qk] = [a[p][k], a[q][k]];
    a[p][k] = c * pk - s * qk;
    a[q][k] = s * pk + c * qk;
  }
}

test("the scaled Laplacians' eigenvalues go from -1 to 1", () => {
  for (const { laplacian, adjacency } of template.levels.slice(2)) {
    const values = eigenvalues(laplacian);
    assert.ok(Math.abs(Math.min(...values) + 1) < 1e-5, `least ${Math.min(...values)}`);
    assert.ok(Math.abs(Math.max(...values) - 1) < 1e-5, `largest ${Math.max(...values)}`);
    assert.is(laplacian.values.length, adjacency.values.length + adjacency.size[0]);
  }
});

test("a file that is no mesh, and a mesh that can get no coarser, are errors that say so", () => {
  const fails = (run: () => unknown, code: string, message: RegExp) =>
    assert.throws(
      run,
      (e: unknown) => e instanceof TensorError && e.code === code && message.test(e.message),
    );
  const corner = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
  fails(() => parseObj("v 1 2 x\n"), "MESH_FILE", /Line 1.*3 numbers/);
  fails(() => parseObj(`${corner}f 1 2 3\n`), "MESH_FILE", /3 vertices, 0 texture coordinates/);
  fails(() => parseObj(`${corner}f 1/2 2/1 3/3\n`), "MESH_FILE", /Line 4.*triangle/);
  fails(() => parseObj(`${corner}f 1 2 3 1\n`), "MESH_FILE", /Line 4.*triangle/);
  const positions = [0, 0, 0, 1, 0, 0, 0, 1, 0];
  const triangle = { positions, triangles: [0, 1, 2] };
  fails(() => simplify(triangle, 2), "ARGUMENT", /3 vertices/);
});

test.run();
