import {
  candidateSort,
  candidates,
  framePixels,
  greedyNms,
  imageInput,
  type Kernel,
} from "@retinaface-webgpu/kernels-wgsl";
import type { CompiledKernel, Device } from "@retinaface-webgpu/tensor/inference";

/** The compiled kernels around the network. They depend on no size: a device compiles them once. */
export interface DetectionPipelines {
  readonly imageInput: CompiledKernel;
  readonly candidates: CompiledKernel;
  readonly candidateSort: CompiledKernel;
  readonly greedyNms: CompiledKernel;
}

const HEAD = { stride: 2, offset: 0 };
const KERNELS: readonly Kernel[] = [
  imageInput({
    sourceWidth: 1,
    sourceHeight: 1,
    width: 1,
    height: 1,
    targetWidth: 1,
    targetHeight: 1,
    targetOffset: 0,
    mean: [0, 0, 0],
  }),
  candidates({
    batch: 1,
    cells: 1,
    anchorsPerCell: 1,
    conf: HEAD,
    loc: HEAD,
    landms: HEAD,
    firstPrior: 0,
    priors: 1,
    threshold: 0,
  }),
  candidateSort({ batch: 1, priors: 1 }),
  greedyNms({
    batch: 1,
    priors: 1,
    topK: 1,
    keepTopK: 1,
    nmsThreshold: 1,
    variances: [1, 1],
  }),
];

/** Compiles the kernels, in parallel with each other and with whatever else is compiled. */
export async function detectionPipelines(device: Device): Promise<DetectionPipelines> {
  const compiled = await Promise.all(KERNELS.map((kernel) => device.prepare(kernel)));
  const [input, candidate, sort, nms] = compiled;
  return { imageInput: input, candidates: candidate, candidateSort: sort, greedyNms: nms };
}

const FRAME_KERNEL = framePixels({ width: 1, height: 1 });

/** Compiles what takes frames of a video. */
export function framePipeline(device: Device): Promise<CompiledKernel> {
  return device.prepare(FRAME_KERNEL);
}

const POSTPROCESS = new Set(KERNELS.slice(1).map(({ name }) => name));

/** Which part of a run a kernel belongs to, by its name. */
export function stageOf(kernel: string): "preprocess" | "network" | "postprocess" {
  if (kernel === KERNELS[0].name || kernel === FRAME_KERNEL.name) return "preprocess";
  return POSTPROCESS.has(kernel) ? "postprocess" : "network";
}
