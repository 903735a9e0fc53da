import type { PlanOutput } from "@retinaface-webgpu/tensor/inference";
import type { FinderSpec, HeadValues } from "../cpu/face-finder.js";
import { findObjects } from "../cpu/object-finder.js";
import type { Frame } from "../decode/rows.js";
import { lap, noTimings, type Timings } from "../detect/timings.js";
import type { Face, Thresholds } from "../types.js";
import type { HeadLevel } from "./face-finder.js";

/**
 * Post-processing class by class of what a GPU computed: the heads' outputs are read back whole, 4 bytes a number, and the
 * host finds the objects. With 91 classes that is 29 MB for an image of 640×640; candidates of every class on the GPU would
 * need 28 bytes each.
 */
export class ObjectFinder {
  readonly #levels: readonly HeadLevel[];
  readonly #spec: FinderSpec;
  #thresholds: Thresholds | undefined;

  constructor(levels: readonly HeadLevel[], spec: FinderSpec) {
    this.#levels = levels;
    this.#spec = spec;
  }

  /** Says how the next runs decide. */
  configure(thresholds: Thresholds): void {
    this.#thresholds = thresholds;
  }

  /** There is nothing to record. */
  record(): void {}

  /**
   * Submits what is recorded and finds the objects of each image, best first.
   * @throws NumericError when a score or a box is not finite
   */
  async read(
    frames: readonly Frame[],
    timings: Timings = noTimings(),
    started = performance.now(),
  ): Promise<Face[][]> {
    const thresholds = this.#thresholds!;
    const outputs = this.#levels.flatMap((level) => Object.values(level));
    const tensors = [...new Set(outputs.map(({ tensor }) => tensor))];
    const reading = Promise.all(tensors.map((tensor) => tensor.data()));
    const submitted = lap(timings, "upload", started);
    const read = await reading;
    const ready = lap(timings, "gpu", submitted);
    const valuesOf = ({ tensor, shape, stride, offset }: PlanOutput, image: number): HeadValues => {
      const floats = shape[1] * shape[2] * stride;
      const values = read[tensors.indexOf(tensor)].subarray(image * floats, (image + 1) * floats);
      return { values: values as Float32Array, shape, stride, offset };
    };
    const found = frames.map((frame, image) => {
      const levels = this.#levels.map((level) => {
        const heads = Object.entries(level);
        return Object.fromEntries(heads.map(([name, output]) => [name, valuesOf(output, image)]));
      });
      return findObjects(levels, this.#spec, frame, thresholds);
    });
    lap(timings, "faces", ready);
    return found;
  }

  dispose(): void {}
}
