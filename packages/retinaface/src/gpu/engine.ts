import {
  compile,
  type Device,
  type KernelTiming,
  type Plan,
  type PlanOutput,
  type PlanOutputs,
  type Precision,
  type Tensor,
  type WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import { priorBoxes } from "../decode/anchors.js";
import type { Frame } from "../decode/rows.js";
import type { DetectionEngine } from "../detect/backend.js";
import { addTimings, noTimings, type StageTimings, type Timings } from "../detect/timings.js";
import { type PixelSource, shownSize } from "../image/source.js";

import type { GpuMeshes } from "../mesh/on-gpu.js";
import { MESH_MAP } from "../model/mesh-branch.js";
import type { HeadOutput } from "../model/network.js";
import type { KernelTuner } from "../tune/measure-kernels.js";
import type { DetectorConfig, Face, HeadSpec, Thresholds } from "../types.js";
import { FaceFinder, type HeadLevel } from "./face-finder.js";
import { ImageFeed } from "./image-feed.js";
import type { ObjectFinder } from "./object-finder.js";
import { stageOf } from "./pipelines.js";
import type { UploadBuffer } from "./upload.js";

/** What an engine is made for: batches of images that the network sees at one size. */
export interface EngineSpec {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

/** What engines of one detector share. */
export interface EngineParts {
  readonly device: Device;
  readonly heads: (image: Tensor) => HeadOutput;
  readonly headSpecs: readonly HeadSpec[];
  readonly weights: WeightStore;
  readonly upload: UploadBuffer;
  readonly config: DetectorConfig;
  readonly precision: Precision;
  /** Chooses convolution kernels; default the kernels' own choice. */
  readonly tuner: KernelTuner | undefined;
  /** Gives faces their meshes: `heads` then has the map for it. */
  readonly meshes?: GpuMeshes | undefined;
}

/** What gives faces their meshes, and what it looks at. */
interface MeshStage {
  readonly meshes: GpuMeshes;
  readonly map: PlanOutput;
}

/** From pixels to faces for one input size: everything is prepared, a run records and reads back once. */
export class Engine implements DetectionEngine {
  readonly #spec: EngineSpec;
  readonly #plan: Plan<unknown>;
  readonly #feed: ImageFeed;
  readonly #finder: FaceFinder | ObjectFinder;
  readonly #mesh: MeshStage | undefined;

  private constructor(
    spec: EngineSpec,
    plan: Plan<unknown>,
    feed: ImageFeed,
    finder: FaceFinder | ObjectFinder,
    mesh: MeshStage | undefined,
  ) {
    this.#spec = spec;
    this.#plan = plan;
    this.#feed = feed;
    this.#finder = finder;
    this.#mesh = mesh;
  }

  /** Compiles the network for a size; kernels compile in parallel. */
  static async create(parts: EngineParts, spec: EngineSpec): Promise<Engine> {
    const { device, heads, weights, precision, tuner, meshes } = parts;
    const { batch, height, width } = spec;
    const input = { shape: [batch, height, width, 3], dtype: "f32" as const };
    await tuner?.measure(heads, [input], precision);
    const plan = await compile(device, heads, [input], {
      weights,
      precision,
      choose: tuner?.choose,
    });
    let feed: ImageFeed | undefined;
    try {
      const target = { binding: plan.inputs[0].binding, height, width };
      feed = await ImageFeed.create(device, target, parts.upload);
      const { [MESH_MAP]: maps, ...outputs } = plan.outputs;
      const finder = await createFinder(parts, levelsOf(outputs), spec);
      const mesh = meshes && { meshes, map: maps[0] };
      return new Engine(spec, plan, feed, finder, mesh);
    } catch (error) {
      feed?.dispose();
      plan.dispose();
      throw error;
    }
  }

  /** Compiles what these images need beyond the others: call it before `run`. */
  prepare(images: readonly PixelSource[]): Promise<void> {
    return this.#feed.prepare(images);
  }

  /**
   * Records everything from upload to suppression and submits it with one read-back. What concerns the GPU's queue is
   * done when this returns, so that runs may overlap: the next may be started at once.
   *
   * @returns the faces of each image scoring at least `visThreshold`, best first, in its own pixels.
   */
  run(images: readonly PixelSource[], thresholds: Thresholds, timings: Timings): Promise<Face[][]> {
    const { width, height } = this.#spec;
    const frames = images.map((image): Frame => {
      const shown = shownSize(image);
      return { width, height, scaleX: width / shown.width, scaleY: height / shown.height };
    });
    const start = performance.now();
    this.#finder.configure(thresholds, frames);
    this.#feed.feed(images);
    this.#plan.run();
    this.#finder.record();
    const faces = this.#finder.read(frames, timings, start);
    return this.#mesh ? this.#mesh.meshes.after(faces, this.#mesh.map, frames) : faces;
  }

  /** As `run`, with the GPU's stages timed by its own clock where it has one. */
  async profile(
    images: readonly PixelSource[],
    thresholds: Thresholds,
    timings: Timings,
  ): Promise<Face[][]> {
    const own = noTimings();
    const run: { faces?: Promise<Face[][]> } = {};
    const work = async () => {
      run.faces = this.run(images, thresholds, own);
      await run.faces.catch(() => undefined);
    };
    const kernels = await this.#plan.device.profile(work).catch((error: unknown) => {
      // Where the run failed too, its own error tells more.
      if (!run.faces) throw error;
      return [];
    });
    const faces = (await run.faces) ?? [];
    if (kernels.length > 0) own.stages = stagesOf(kernels, own.gpu);
    addTimings(timings, own);
    return faces;
  }

  dispose(): void {
    this.#plan.dispose();
    this.#feed.dispose();
    this.#finder.dispose();
  }
}

/** What finds faces, or objects of several classes, in the outputs. */
async function createFinder(
  { device, headSpecs: heads, config }: EngineParts,
  levels: readonly HeadLevel[],
  { batch, height, width }: EngineSpec,
): Promise<FaceFinder | ObjectFinder> {
  const { variances, suppression, anchors } = config;
  const priors = priorBoxes(height, width, anchors);
  if (suppression !== "by-class") {
    return FaceFinder.create(device, { batch, levels, heads, priors, variances });
  }
  // Loaded only here: a page that finds faces has no use for it.
  const { ObjectFinder } = await import("./object-finder.js");
  return new ObjectFinder(levels, { heads, priors, variances });
}

function stagesOf(kernels: readonly KernelTiming[], gpu: number): StageTimings {
  const stages = { preprocess: 0, network: 0, postprocess: 0, readback: gpu };
  for (const { name, milliseconds } of kernels) {
    stages[stageOf(name)] += milliseconds;
    stages.readback -= milliseconds;
  }
  return stages;
}

/** The outputs of each level, fine to coarse. */
function levelsOf(outputs: PlanOutputs<HeadOutput>): HeadLevel[] {
  const heads = Object.entries(outputs);
  return heads[0][1].map((_, level) =>
    Object.fromEntries(heads.map(([name, levels]) => [name, levels[level]])),
  );
}
