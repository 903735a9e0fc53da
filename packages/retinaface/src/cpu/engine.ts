import { imageInput, packTaps, tentTaps } from "@retinaface-webgpu/kernels-wasm";
import type { Device, Tensor } from "@retinaface-webgpu/tensor/inference";
import {
  compileWasm,
  type Prologue,
  type WasmEngine,
  type WasmOutputs,
  type WasmPlan,
  type WasmWeights,
} from "@retinaface-webgpu/tensor/wasm";
import { priorBoxesAt } from "../decode/anchors.js";
import type { Frame } from "../decode/rows.js";
import type { DetectionEngine } from "../detect/backend.js";
import { addTimings, lap, noTimings, type Timings } from "../detect/timings.js";
import { isLive, type PixelSource, shownSize } from "../image/source.js";
import type { CpuMeshes } from "../mesh/on-cpu.js";
import { MEAN_BGR } from "../model/mean.js";
import { MESH_MAP } from "../model/mesh-branch.js";
import type { HeadOutput } from "../model/network.js";
import type { DetectorConfig, Face, HeadSpec, RawImage, Thresholds } from "../types.js";
import { findFaces, type LevelValues } from "./face-finder.js";
import { findObjects } from "./object-finder.js";

/** What engines of one detector share. */
export interface CpuEngineParts {
  readonly device: Device;
  readonly engine: WasmEngine;
  readonly heads: (image: Tensor) => HeadOutput;
  readonly headSpecs: readonly HeadSpec[];
  readonly weights: WasmWeights;
  readonly config: DetectorConfig;
  /** Gives faces their meshes: `heads` then has the map for it. */
  readonly meshes?: CpuMeshes | undefined;
  /** An engine for another size. Networks do the same whatever the size. */
  readonly like?: CpuEngine | undefined;
}

/** From pixels to faces for one input size, on the processors: images of a batch go through one after the other. */
export class CpuEngine implements DetectionEngine {
  readonly #parts: CpuEngineParts;
  readonly #plan: WasmPlan<WasmOutputs<HeadOutput>>;
  readonly #height: number;
  readonly #width: number;
  #taps: { readonly key: string; readonly words: Int32Array } | undefined;

  private constructor(
    parts: CpuEngineParts,
    plan: WasmPlan<WasmOutputs<HeadOutput>>,
    height: number,
    width: number,
  ) {
    this.#parts = parts;
    this.#plan = plan;
    this.#height = height;
    this.#width = width;
  }

  /** Prepares the network for a size. */
  static async create(parts: CpuEngineParts, height: number, width: number): Promise<CpuEngine> {
    const { device, engine, heads, weights } = parts;
    const input = { shape: [1, height, width, 3], dtype: "f32" as const };
    const like = parts.like ? parts.like.#plan : undefined;
    const options = { weights, like };
    const plan = await compileWasm(device, engine, heads, [input], options);
    return new CpuEngine({ ...parts, like: undefined }, plan, height, width);
  }

  async prepare(): Promise<void> {}

  async run(
    sources: readonly PixelSource[],
    thresholds: Thresholds,
    timings: Timings,
  ): Promise<Face[][]> {
    const started = performance.now();
    const images = sources.map((source) => (isLive(source) ? source.read() : source));
    lap(timings, "upload", started);
    // All are asked for at once: while one is computed, the faces of the one before are found.
    const own = images.map(() => noTimings());
    const faces = await Promise.all(
      images.map((image, i) => this.#find(image, thresholds, own[i])),
    );
    for (const each of own) addTimings(timings, each);
    return faces;
  }

  profile(
    images: readonly PixelSource[],
    thresholds: Thresholds,
    timings: Timings,
  ): Promise<Face[][]> {
    return this.run(images, thresholds, timings);
  }

  dispose(): void {
    this.#plan.dispose();
  }

  async #find(image: RawImage, thresholds: Thresholds, timings: Timings): Promise<Face[]> {
    const start = performance.now();
    const results = await this.#plan.runAfter(this.#feed(image));
    const ready = lap(timings, "gpu", start);
    const shown = shownSize(image);
    const frame: Frame = {
      width: this.#width,
      height: this.#height,
      scaleX: this.#width / shown.width,
      scaleY: this.#height / shown.height,
    };
    const { headSpecs: heads, config, meshes } = this.#parts;
    const { [MESH_MAP]: maps, ...outputs } = this.#plan.outputs;
    const priors = (indices: readonly number[]) =>
      priorBoxesAt(this.#height, this.#width, config.anchors, indices);
    const spec = { heads, priors, variances: config.variances };
    const find = config.suppression === "by-class" ? findObjects : findFaces;
    const faces = find(levelsOf(outputs, results), spec, frame, thresholds);
    if (meshes) await meshes.give(faces, maps[0], results, frame);
    lap(timings, "faces", ready);
    return faces;
  }

  /** The step that makes the network's input of an image. */
  #feed({ data, width, height }: RawImage): Prologue {
    const kernel = imageInput({
      sourceWidth: width,
      sourceHeight: height,
      width: this.#width,
      height: this.#height,
      mean: MEAN_BGR,
    });
    const taps = this.#tapsFor(width, height);
    const source = { offset: this.#plan.stats.arenaBytes };
    const at = { offset: source.offset + Math.ceil(data.byteLength / 64) * 64 };
    return {
      steps: [{ kernel, places: { source, taps: at, output: this.#plan.inputs[0] } }],
      bytes: at.offset - source.offset + taps.byteLength,
      writes: [
        { place: source, data },
        { place: at, data: taps },
      ],
    };
  }

  #tapsFor(width: number, height: number): Int32Array {
    const key = `${width}x${height}`;
    if (this.#taps?.key !== key) {
      const words = packTaps(tentTaps(width, this.#width), tentTaps(height, this.#height));
      this.#taps = { key, words };
    }
    return this.#taps.words;
  }
}

/** The outputs of each level, fine to coarse. */
function levelsOf(
  outputs: WasmOutputs<HeadOutput>,
  results: readonly Float32Array[],
): LevelValues[] {
  const heads = Object.entries(outputs);
  return heads[0][1].map((_, level) =>
    Object.fromEntries(
      heads.map(([name, levels]) => {
        const { shape, stride, offset, result } = levels[level];
        return [name, { shape, stride, offset, values: results[result] }];
      }),
    ),
  );
}
