/** What tests of the demo's meshes need: weights with the branch, and another reader of glTF. */
import { readFileSync } from "node:fs";
import { WebIO } from "@gltf-transform/core";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { initialiseNetwork, writeModel } from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG, MESH_HEAD, RETINAFACE_HEADS, readWeights } from "retinaface-webgpu";
import * as assert from "uvu/assert";

/** Weights with an untrained branch for meshes. */
export async function withBranch(weights: string): Promise<Uint8Array> {
  const device = await createHostDevice();
  const pretrained = readWeights(readFileSync(weights));
  const { heads = RETINAFACE_HEADS } = pretrained.config ?? {};
  const config = { ...(pretrained.config ?? DEFAULT_CONFIG), heads: [...heads, MESH_HEAD] };
  const network = initialiseNetwork(device, { config, pretrained, seed: 1 });
  const model = writeModel(await network.stateDict(), config);
  network.dispose();
  device.destroy();
  return model;
}

/** Holds a binary glTF to be meshes of so many faces, inside their picture. */
export async function checkMeshFile(bytes: Uint8Array, faces: number): Promise<void> {
  const document = await new WebIO().readBinary(bytes);
  const meshes = document.getRoot().listMeshes();
  const names = meshes.map((mesh) => mesh.getName());
  assert.equal(
    names,
    Array.from({ length: faces }, (_, i) => `face${i + 1}`),
  );
  for (const mesh of meshes) {
    const [primitive] = mesh.listPrimitives();
    const of = (name: string) => primitive.getAttribute(name)!;
    assert.is(primitive.getIndices()!.getCount(), 898 * 3);
    for (const name of ["POSITION", "COLOR_0", "TEXCOORD_0"]) assert.is(of(name).getCount(), 468);
    const [[left, below], [right, above]] = [of("POSITION").getMin([]), of("POSITION").getMax([])];
    assert.ok(left > 0 && left < right && below < above && above < 0, "in the picture, y up");
  }
}
