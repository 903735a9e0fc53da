/** `detect` with meshes: on both engines, against the network itself in float64; and what it costs where nobody asks. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { hintOf, landmarksOf, patchesOf, samplesOf, squareAround } from "@retinaface-webgpu/mesh";
import { nn, tensor, tidy, writeSafetensors } from "@retinaface-webgpu/tensor";
import { PNG } from "pngjs";
import {
  type Face,
  LEAST_MESH_SIDE,
  MESH_HEAD,
  MESH_MAP,
  OptionError,
  RETINAFACE_HEADS,
  RetinaFace,
  RetinaFaceError,
  RetinaFaceNetwork,
} from "retinaface-webgpu";
import { drawMeshes, meshObj, registerMesh } from "retinaface-webgpu/mesh";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projected } from "../reference/mesh.js";
import { assertClose } from "../support/close.js";
import { start } from "../support/command.node.js";
import { useDevice } from "../support/gpu.js";
import { encodePng } from "../support/photos.node.js";
import { repository } from "../support/repository.node.js";
import { LENIENT, noiseImage } from "../support/tiny-detector.js";

const device = useDevice(test);
let folder = "";
test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-mesh-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

const SHAPE = { backbone: "mobilenet0.25", width: 0.125, channels: 16 } as const;
const HEADS = [...RETINAFACE_HEADS, MESH_HEAD];
const IMAGE = noiseImage(100, 76);
const CALL = { ...LENIENT, nmsThreshold: 0.6, keepTopK: 12, mesh: true };

registerMesh();
const networkWith = (heads: typeof HEADS | null) =>
  new RetinaFaceNetwork(nn.Init.seeded(device(), 11), { ...SHAPE, ...(heads && { heads }) });

async function weights(heads: typeof HEADS | null = HEADS): Promise<Uint8Array> {
  const network = networkWith(heads);
  const bytes = writeSafetensors(await network.stateDict());
  network.dispose();
  return bytes;
}

const isLarge = ({ box: [x1, y1, x2, y2] }: Face) => Math.min(x2 - x1, y2 - y1) >= LEAST_MESH_SIDE;

test("both engines give the meshes that the network says, and faces as without; small ones say why not", async () => {
  const bytes = await weights();
  const all: Face[][] = [];
  for (const backend of ["webgpu", "wasm"] as const) {
    const detector = await RetinaFace.load({ weights: bytes, backend });
    const faces = await detector.detect(IMAGE, CALL);
    const plain = await detector.detect(IMAGE, { ...CALL, mesh: false });
    assert.equal(
      faces.map(({ box, score }) => [box, score]),
      plain.map(({ box, score }) => [box, score]),
    );
    assert.ok(plain.every((face) => !("mesh" in face) && !("noMesh" in face)));
    const [[alone], [again]] = [
      await detector.detect(IMAGE, { ...CALL, keepTopK: 1 }),
      (await detector.detectBatch([noiseImage(100, 76, 2), IMAGE], CALL))[1],
    ];
    for (const face of [alone, again]) {
      if (face.mesh) assertClose(face.mesh.vertices, faces[0].mesh!.vertices, { atol: 1e-3 });
    }
    all.push(faces);
    detector.dispose();
  }
  const [onGpu, onCpu] = all;
  assert.is(onCpu.length, onGpu.length);
  assert.ok(onGpu.filter(isLarge).length >= 2 && !onGpu.every(isLarge), "faces of both kinds");
  for (const [i, face] of onGpu.entries()) {
    assert.is(face.noMesh, isLarge(face) ? undefined : "too-small");
    assert.is(face.mesh !== undefined, isLarge(face));
    if (!face.mesh) continue;
    const other = onCpu[i].mesh!;
    assertClose(other.vertices, face.mesh.vertices, { atol: 2e-2, rtol: 1e-4 });
    assertClose(other.camera, face.mesh.camera, { atol: 1e-3, rtol: 1e-4 });
  }
  await compareWithNetwork(onGpu.filter(isLarge));
});

/** The branch on the map of an eager forward pass, seen by the camera in float64. */
async function compareWithNetwork(faces: readonly Face[]): Promise<void> {
  const network = networkWith(HEADS).eval();
  const mean = [104, 117, 123];
  const input = Float32Array.from({ length: 100 * 76 * 3 }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    return IMAGE.data[pixel * 4 + 2 - channel] - mean[channel];
  });
  const place = { rows: Math.ceil(76 / 8), columns: Math.ceil(100 / 8), stride: 8 };
  for (const { box, landmarks, mesh } of faces.slice(0, 3)) {
    const square = squareAround(box);
    const { cells, weights: shares } = samplesOf(square, place);
    const said = tidy(() => {
      const image = tensor(device(), input, [1, 76, 100, 3]);
      const map = network.forward(image)[MESH_MAP];
      const at = tensor(device(), cells, [1, 64, 4], { dtype: "i32" });
      const patches = patchesOf(map, at, tensor(device(), shares, [1, 64, 4]));
      const { x, y, side } = square;
      const places = Object.values(landmarks).flatMap(([a, b]) => [(a - x) / side, (b - y) / side]);
      return network.mesh!.forward(patches, tensor(device(), hintOf(places), [1, 10]));
    });
    const vertices = await said.vertices.data();
    const camera = [...(await said.camera.data())];
    assertClose(mesh!.camera, camera, { atol: 1e-3, rtol: 1e-4 });
    assertClose(mesh!.colours, await said.colours.data(), { atol: 1e-4 });
    const count = vertices.length / 3;
    const seen = Array.from({ length: count }, (_, v) =>
      projected([...vertices.subarray(3 * v, 3 * v + 3)], camera, [1, 1]),
    );
    const middle = seen.reduce((sum, [, , depth]) => sum + depth / count, 0);
    const scale = ((camera[6] / 2) * square.side) / middle;
    const expected = seen.flatMap(([x, y, depth]) => [
      square.x + x * square.side,
      square.y + y * square.side,
      (depth - middle) * scale,
    ]);
    assertClose(mesh!.vertices, expected, { atol: 1e-2, rtol: 1e-4 });
    assertClose(mesh!.square, [square.x, square.y, square.side], { atol: 1e-3 });
  }
  network.dispose();
}

test("pixels are those of the image whatever size the network sees", async () => {
  const detector = await RetinaFace.load({ weights: await weights(), backend: "wasm" });
  const large = { width: 200, height: 152, data: new Uint8Array(200 * 152 * 4) };
  for (let i = 0; i < large.data.length; i++) {
    const [x, y] = [((i >> 2) % 200) >> 1, Math.floor((i >> 2) / 200) >> 1];
    large.data[i] = IMAGE.data[(y * 100 + x) * 4 + (i % 4)];
  }
  const [small] = (await detector.detect(IMAGE, CALL)).filter(isLarge);
  const faces = await detector.detect(large, { ...CALL, maxSide: 100 });
  const same = faces.find(({ score }) => Math.abs(score - small.score) < 1e-4)!;
  assertClose(
    same.mesh!.vertices,
    small.mesh!.vertices.map((v) => 2 * v),
    { atol: 0.5 },
  );
  detector.dispose();
});

test("where nobody asks for meshes the network runs the same dispatches, with the branch and without", async () => {
  const counts: number[] = [];
  for (const heads of [null, HEADS]) {
    const detector = await RetinaFace.load({ weights: await weights(heads), device: device() });
    const call = { ...CALL, mesh: false };
    await detector.detect(IMAGE, call);
    const before = device().memory().dispatches;
    await detector.detect(IMAGE, call);
    counts.push(device().memory().dispatches - before);
    detector.dispose();
  }
  assert.is(counts[1], counts[0]);
  assert.ok(counts[0] > 0);
});

test("weights without the branch, and test-time augmentation, are typed errors", async () => {
  const detector = await RetinaFace.load({ weights: await weights(null), backend: "wasm" });
  const error = await detector.detect(IMAGE, CALL).catch((e: unknown) => e);
  assert.ok(error instanceof RetinaFaceError && error.code === "NO_MESH", String(error));
  assert.match((error as Error).message, /train --mesh/);
  detector.dispose();
  const with_ = await RetinaFace.load({ weights: await weights(), backend: "wasm" });
  const both = await with_.detect(IMAGE, { ...CALL, testTime: true }).catch((e: unknown) => e);
  assert.ok(both instanceof OptionError && /testTime/.test(both.message));
  with_.dispose();
});

test("OBJ and overlay: what programs read, and lines where the mesh looks to the viewer", async () => {
  const detector = await RetinaFace.load({ weights: await weights(), backend: "wasm" });
  const faces = await detector.detect(IMAGE, CALL);
  const meshes = faces.flatMap(({ mesh }) => (mesh ? [mesh] : []));
  const lines = meshObj(meshes).split("\n");
  const of = (kind: string) => lines.filter((line) => line.startsWith(`${kind} `));
  assert.is(of("o").length, meshes.length);
  assert.is(of("v").length, 468 * meshes.length);
  assert.is(of("vt").length, 468 * meshes.length);
  assert.is(of("f").length, 898 * meshes.length);
  const [, x, y, z] = of("v")[468].split(" ").map(Number);
  const [a, b, c] = meshes[1].vertices;
  assertClose([x, y, z], [a, -b, -c], { atol: 1e-4 });
  const numbers = of("f").flatMap((line) => line.slice(2).split(/[ /]/).map(Number));
  assert.is(Math.max(...numbers), 468 * meshes.length);
  const drawn = drawMeshes(IMAGE, faces);
  const changed = drawn.data.filter((v, i) => v !== IMAGE.data[i]).length;
  assert.ok(changed > 500, `${changed} bytes`);
  assert.equal([...drawMeshes(IMAGE, []).data], [...IMAGE.data]);
  assert.is(landmarksOf(meshes[0].vertices).length, 5);
  detector.dispose();
});

test("the command writes meshes and pictures, and says what it cannot", async () => {
  const file = path.join(folder, "noise.png");
  const [own, other] = [
    path.join(folder, "mesh.safetensors"),
    path.join(folder, "plain.safetensors"),
  ];
  await writeFile(file, encodePng({ ...IMAGE, data: Buffer.from(IMAGE.data) }));
  await writeFile(own, await weights());
  await writeFile(other, await weights(null));
  const program = path.join(repository, "packages/retinaface/bin/retinaface.mjs");
  const run = (...args: string[]) =>
    start(process.execPath, [program, "detect", file, "--backend", "wasm", ...args]).ended;
  const lenient = ["--confidence-threshold", "0", "--vis-threshold", "0", "--keep-top-k", "12"];
  const out = path.join(folder, "out");
  const done = await run("--weights", own, "--mesh", "--out", out, ...lenient);
  assert.is(done.code, 0, done.stderr);
  const { faces } = JSON.parse(done.stdout) as { faces: { pose?: object; noMesh?: string }[] };
  assert.ok(faces.every(({ pose, noMesh }) => (pose === undefined) === (noMesh === "too-small")));
  const obj = await readFile(path.join(out, "noise.obj"), "utf8");
  assert.is(obj.match(/^o face/gm)!.length, faces.filter(({ pose }) => pose).length);
  const { width, height } = PNG.sync.read(await readFile(path.join(out, "noise.png")));
  assert.equal([width, height], [100, 76]);
  const refused = await run("--weights", other, "--mesh", "--out", path.join(folder, "none"));
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /no branch for meshes/);
  const nowhere = await run("--weights", own, "--mesh");
  assert.is(nowhere.code, 2);
  assert.match(nowhere.stderr, /--out DIR/);
});

test.run();
