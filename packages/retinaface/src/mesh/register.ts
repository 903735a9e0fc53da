import { MeshBranch } from "@retinaface-webgpu/mesh";
import { registerMeshMaker } from "../model/mesh-branch.js";
import { registerMeshStages } from "./code.js";

/**
 * Makes the branch for meshes known to detectors and networks. In Node `RetinaFace.load` does so for weights that have it, and
 * so does training; a page calls it before `load`, and pages that only find faces go without its code.
 */
export function registerMesh(): void {
  registerMeshMaker((init, options) => new MeshBranch(init, options));
  registerMeshStages({
    onGpu: async (...parts) => {
      const { GpuMeshes } = await import("./on-gpu.js");
      return new GpuMeshes(...parts);
    },
    onCpu: async (...parts) => {
      const { CpuMeshes } = await import("./on-cpu.js");
      return new CpuMeshes(...parts);
    },
  });
}
