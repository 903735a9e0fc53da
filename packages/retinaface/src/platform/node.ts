import { OptionError } from "../errors.js";
import { holdsBytes } from "../image/bytes.js";
import type { BytesSource, ImageInput } from "../image/input.js";
import type { DecodeOptions } from "../image/raw.js";
import { readBytes, toRawImage } from "../image/read.node.js";
import type { PixelSource } from "../image/source.js";
import type { NetworkSource } from "../model/load.js";
import type { DetectorConfig } from "../types.js";
import { locateWeights } from "../weights/locate.node.js";

export { openDecoders } from "../image/decoders.node.js";
export { checkDecoder } from "../image/sharp.node.js";
export { kernelStore } from "../tune/store.node.js";
export { readBytes, toRawImage };

/** What a network's input is made of: pixels, as nothing in Node gives frames of a video. */
export const toPixelSource = (input: ImageInput, options?: DecodeOptions): Promise<PixelSource> =>
  toRawImage(input, options);

/**
 * The bytes of a checkpoint: the given one, else by the order of `locateWeights`.
 *
 * @throws WeightsNotFoundError when nothing is given and there is none to be found.
 */
export async function findWeights(source?: BytesSource): Promise<Uint8Array> {
  if (source !== undefined && (typeof source !== "string" || holdsBytes(source))) {
    return readBytes(source);
  }
  return (await locateWeights(source)).bytes;
}

/**
 * An ONNX model as a detector's network. What reads it is loaded only now, and need not be installed for all else.
 * @throws OptionError where it is not; what `openOnnxWeights` throws
 */
export async function openOnnx(
  bytes: Uint8Array,
  config: Partial<DetectorConfig>,
): Promise<NetworkSource> {
  const module = await loadOnnxPackage(() => import("../onnx/weights.js"));
  return module.openOnnxWeights(bytes, config);
}

/** Loads the code of meshes, for weights that have the branch for them. */
export async function loadMesh(): Promise<void> {
  const { registerMesh } = await import("../mesh/register.js");
  registerMesh();
}

/** Loads what reads or writes ONNX. @throws OptionError where its package is not installed */
export async function loadOnnxPackage<M>(load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new OptionError(
      "ONNX models need a package that is not installed: npm install @retinaface-webgpu/onnx",
    );
  }
}
