import {
  compile,
  contiguous,
  type Device,
  decodeHalf,
  type PlanOutput,
  type WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import type { Frame } from "../decode/rows.js";
import type { LoadedNetwork } from "../model/load.js";
import type { Face } from "../types.js";
import { type BranchCompiler, FaceMeshes, type ImageMap } from "./face-meshes.js";

/** Compiles the branch for WebGPU. */
function compiler(device: Device, weights: WeightStore): BranchCompiler {
  return async (forward, inputs) => {
    const plan = await compile(device, forward, inputs, { weights });
    return {
      run: (given) => {
        // Written, run and asked for at once: runs may overlap.
        for (const [i, input] of plan.inputs.entries()) input.write(given[i]);
        plan.run();
        const read = plan.outputs.map(async (output) => {
          const dense = contiguous(output);
          const values = (await dense.data()) as Float32Array;
          if (dense !== output.tensor) dense.dispose();
          return values;
        });
        return Promise.all(read);
      },
      dispose: () => plan.dispose(),
    };
  };
}

/** Meshes of what an engine on WebGPU finds. */
export class GpuMeshes {
  readonly #meshes: FaceMeshes;

  constructor(device: Device, { mesh }: LoadedNetwork, stride: number, weights: WeightStore) {
    this.#meshes = new FaceMeshes(mesh!, stride, compiler(device, weights));
  }

  /**
   * Gives the faces of a batch their meshes.
   *
   * @param output the map, which is asked for before this returns
   * @param finding of each image
   */
  async after(
    finding: Promise<Face[][]>,
    output: PlanOutput,
    frames: readonly Frame[],
  ): Promise<Face[][]> {
    const { tensor, shape, stride, offset } = output;
    const [, rows, columns, channels] = shape;
    const [found, numbers] = await Promise.all([finding, tensor.data()]);
    const values = numbers instanceof Uint16Array ? decodeHalf(numbers) : (numbers as Float32Array);
    for (const [image, faces] of found.entries()) {
      const first = image * rows * columns;
      const map: ImageMap = { values, rows, columns, channels, stride, offset, first };
      await this.#meshes.give(faces, map, frames[image]);
    }
    return found;
  }

  dispose(): void {
    this.#meshes.dispose();
  }
}
