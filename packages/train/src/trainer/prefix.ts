import {
  compile,
  contiguous,
  type Device,
  type Plan,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import type { NetworkPart } from "retinaface-webgpu";
import type { BatchImages } from "./images.js";

/**
 * The frozen start of a network as a compiled plan: batch norm folded, nothing recorded for `backward()`.
 * It reads the weights once, which is right because they do not change.
 */
export class FrozenPrefix {
  readonly #plan: Plan;

  private constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** @param shape of the images, `[n, h, w, 3]` */
  static async compile(
    device: Device,
    parts: readonly NetworkPart[],
    shape: readonly number[],
  ): Promise<FrozenPrefix> {
    const forward = (image: Tensor) => {
      let maps = [image];
      for (const part of parts) maps = part.run(maps);
      return maps;
    };
    return new FrozenPrefix(await compile(device, forward, [{ shape, dtype: "f32" }]));
  }

  /** Computes the feature maps at the end of the prefix. */
  run(images: BatchImages): void {
    images.fill(this.#plan.inputs[0]);
    this.#plan.run();
  }

  /** The feature maps of the last run. */
  maps(): Tensor[] {
    return this.#plan.outputs.map(contiguous);
  }

  dispose(): void {
    this.#plan.dispose();
  }
}
