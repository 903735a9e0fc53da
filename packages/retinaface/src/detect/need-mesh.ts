import { RetinaFaceError } from "../errors.js";
import { meshHead } from "../model/heads.js";
import type { NetworkConfig } from "../model/network-config.js";

/** @throws RetinaFaceError `NO_MESH` for a network without a branch for meshes */
export function needMesh({ heads = [] }: NetworkConfig): void {
  if (meshHead(heads)) return;
  throw new RetinaFaceError(
    "NO_MESH",
    "These weights have no branch for meshes: take weights/mesh.safetensors of retinaface-webgpu, train it on these by " +
      "retinaface-train train --mesh (docs/mesh.md), or leave mesh out. A page must call registerMesh() of " +
      "retinaface-webgpu/mesh before load.",
  );
}
