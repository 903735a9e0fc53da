import type { Device, WeightStore } from "@retinaface-webgpu/tensor/inference";
import type { WasmEngine, WasmWeights } from "@retinaface-webgpu/tensor/wasm";
import { OptionError } from "../errors.js";
import type { LoadedNetwork } from "../model/load.js";
import type { CpuMeshes } from "./on-cpu.js";
import type { GpuMeshes } from "./on-gpu.js";

/** What gives faces their meshes, on each engine. */
export interface MeshStages {
  /** @param stride of the map that the branch looks at */
  onGpu(
    device: Device,
    network: LoadedNetwork,
    stride: number,
    weights: WeightStore,
  ): Promise<GpuMeshes>;
  onCpu(
    device: Device,
    engine: WasmEngine,
    network: LoadedNetwork,
    stride: number,
    weights: WasmWeights,
  ): Promise<CpuMeshes>;
}

let stages: MeshStages | undefined;

/** Makes them known. */
export function registerMeshStages(made: MeshStages): void {
  stages = made;
}

/** @throws OptionError where the code was not loaded */
export function meshStages(): MeshStages {
  if (stages) return stages;
  throw new OptionError(
    "the code of meshes is not loaded: call registerMesh() of retinaface-webgpu/mesh before load",
  );
}
