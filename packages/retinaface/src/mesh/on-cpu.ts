import type { Device } from "@retinaface-webgpu/tensor/inference";
import {
  compileWasm,
  outputValues,
  type WasmEngine,
  type WasmOutput,
  type WasmWeights,
} from "@retinaface-webgpu/tensor/wasm";
import type { Frame } from "../decode/rows.js";
import type { LoadedNetwork } from "../model/load.js";
import type { Face } from "../types.js";
import { type BranchCompiler, FaceMeshes } from "./face-meshes.js";

/** Compiles the branch for WebAssembly. */
function compiler(device: Device, engine: WasmEngine, weights: WasmWeights): BranchCompiler {
  return async (forward, inputs) => {
    const plan = await compileWasm(device, engine, forward, inputs, { weights });
    return {
      run: async (values) => {
        const results = await plan.run(values);
        return plan.outputs.map((output) => outputValues(output, results));
      },
      dispose: () => plan.dispose(),
    };
  };
}

/** Meshes of what an engine on the processors finds. */
export class CpuMeshes {
  readonly #meshes: FaceMeshes;

  constructor(
    device: Device,
    engine: WasmEngine,
    { mesh }: LoadedNetwork,
    stride: number,
    weights: WasmWeights,
  ) {
    this.#meshes = new FaceMeshes(mesh!, stride, compiler(device, engine, weights));
  }

  /** Gives an image's faces their meshes. */
  async give(
    faces: Face[],
    { shape, stride, offset, result }: WasmOutput,
    results: readonly Float32Array[],
    frame: Frame,
  ): Promise<void> {
    const [, rows, columns, channels] = shape;
    const values = results[result];
    const map = { values, rows, columns, channels, stride, offset, first: 0 };
    await this.#meshes.give(faces, map, frame);
  }

  dispose(): void {
    this.#meshes.dispose();
  }
}
