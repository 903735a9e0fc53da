import type { MeshBranch } from "@retinaface-webgpu/mesh";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import { OptionError } from "../errors.js";

/** Makes the branch of a network. */
export type MeshBranchMaker = (
  init: nn.Init,
  options: { readonly channels: number; readonly width: number },
) => MeshBranch;

/** The name, among a network's outputs, of the map that its branch for meshes looks at: that of the finest heads. */
export const MESH_MAP = "mesh.map";
/** A weight that only checkpoints with the branch have, of whatever heads besides. */
export const MESH_MARK = "decoder.fc.weight";

let maker: MeshBranchMaker | undefined;

/** Makes the branch's code known. */
export function registerMeshMaker(made: MeshBranchMaker): void {
  maker = made;
}

/** Whether the branch's code is there. */
export function hasMeshMaker(): boolean {
  return maker !== undefined;
}

/** The branch's code, which programs that only find faces go without. @throws OptionError where it was not loaded */
export function meshBranchMaker(): MeshBranchMaker {
  if (maker) return maker;
  throw new OptionError(
    "the code of meshes is not loaded: call registerMesh() of retinaface-webgpu/mesh first",
  );
}
