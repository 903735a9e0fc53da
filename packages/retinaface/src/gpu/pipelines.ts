import {
  allCandidates,
  candidateSort,
  candidates,
  greedyNms,
  imageInput,
  type Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import type { CompiledKernel, Device } from "@retinaface-webgpu/tensor/inference";
import { RETINAFACE_HEADS, regressionHeads } from "../model/heads.js";
import type { HeadSpec } from "../types.js";
import { BufferSet, whole } from "./buffer-set.js";
import { recordSpec } from "./record.js";

/** The compiled kernels around the network. They depend on no size: a device compiles them once. */
export interface DetectionPipelines {
  readonly imageInput: CompiledKernel;
  /** Of a level, or of all. */
  readonly candidates: CompiledKernel;
  readonly candidateSort: CompiledKernel;
  readonly greedyNms: CompiledKernel;
}

const VIEW = { stride: 1, offset: 0 };
const IMAGE_KERNEL = imageInput({
  sourceWidth: 1,
  sourceHeight: 1,
  width: 1,
  height: 1,
  targetWidth: 1,
  targetHeight: 1,
  targetOffset: 0,
  mean: [0, 0, 0],
});

/**
 * What makes faces of the outputs of a table's heads.
 * @param levels whose candidates one dispatch finds; absent: one of its own for each
 */
function postprocessKernels(
  table: readonly HeadSpec[],
  levels: number | undefined,
): [Kernel, Kernel, Kernel] {
  const record = recordSpec(table);
  const heads = regressionHeads(table).map(() => VIEW);
  const spec = { batch: 1, anchorsPerCell: 1, record, logits: VIEW, heads };
  const all = { ...spec, priors: 1, threshold: 0 };
  return [
    levels === undefined
      ? candidates({ ...all, cells: 1, firstPrior: 0 })
      : allCandidates({ ...all, cells: Array(levels).fill(1) }),
    candidateSort({ batch: 1, priors: 1 }),
    greedyNms({
      batch: 1,
      record,
      priors: 1,
      topK: 1,
      keepTopK: 1,
      nmsThreshold: 1,
      variances: [1, 1],
    }),
  ];
}

/**
 * Compiles the kernels, in parallel with each other and with whatever else is compiled.
 * @param levels as of `postprocessKernels`
 */
export async function detectionPipelines(
  device: Device,
  heads: readonly HeadSpec[] = RETINAFACE_HEADS,
  levels?: number,
): Promise<DetectionPipelines> {
  const kernels = [IMAGE_KERNEL, ...postprocessKernels(heads, levels)];
  const compiled = await Promise.all(kernels.map((kernel) => device.prepare(kernel)));
  const [input, candidate, sort, nms] = compiled;
  return { imageInput: input, candidates: candidate, candidateSort: sort, greedyNms: nms };
}

/** Enough for one element of any of the buffers. */
const SCRATCH_WORDS = 64;

/**
 * Compiles the kernels ahead of their use and, on a CPU adapter, runs each of them once on nothing. Such an adapter
 * translates a kernel to machine code when it first runs, one after another, 1.1 s on llvmpipe (2026-11-26): this way
 * it does so beside decoding, and while the network's kernels are compiled.
 */
export async function warmUp(
  device: Device,
  heads: readonly HeadSpec[],
  levels: number | undefined,
): Promise<void> {
  await Promise.all(
    [IMAGE_KERNEL, ...postprocessKernels(heads, levels)].map(async (kernel) => {
      const compiled = await device.prepare(kernel);
      if (device.adapter.software) runOnNothing(device, kernel, compiled);
    }),
  );
}

/** A kernel whose count is 0 returns at once. */
function runOnNothing(device: Device, kernel: Kernel, compiled: CompiledKernel): void {
  const scratch = new BufferSet(device);
  const zeros = () => {
    const buffer = scratch.allocate(SCRATCH_WORDS, "warm-up");
    device.clear(buffer);
    return whole(buffer);
  };
  const group = device.bind(compiled, kernel.bindings.map(zeros), zeros());
  device.runPrepared(compiled, kernel, group, [0]);
  device.flush();
  scratch.dispose();
}

/** The kernel of `frame-copy.ts`, which pages without videos go without. */
export const FRAME_KERNEL = "frame-pixels";

const POSTPROCESS = new Set(
  [undefined, 1].flatMap((levels) =>
    postprocessKernels(RETINAFACE_HEADS, levels).map(({ name }) => name),
  ),
);

/** Which part of a run a kernel belongs to, by its name. */
export function stageOf(kernel: string): "preprocess" | "network" | "postprocess" {
  if (kernel === IMAGE_KERNEL.name || kernel === FRAME_KERNEL) return "preprocess";
  return POSTPROCESS.has(kernel) ? "postprocess" : "network";
}
