/**
 * What a checkpoint without a configuration is, by its names and shapes. The names are those of insightface's
 * `arcface_torch` (`backbones/iresnet.py`, `backbones/mobilefacenet.py`), which the networks here have too:
 *
 *     MobileFaceNet   layers.0.layers.{0,1,2}          first convolution, batch norm, PReLU
 *                     layers.1 … layers.7              bottlenecks, each layers.{0,1,2}.layers.{0,1,2}
 *                     conv_sep.layers.{0,1,2}          1×1 to 512
 *                     features.layers.{0,2,3}          global depthwise convolution, full connection, batch norm
 *     ResNet          conv1, bn1, prelu                first convolution
 *                     layerN.B.{bn1,conv1,bn2,prelu,conv2,bn3}, layerN.0.downsample.{0,1}
 *                     bn2, fc, features                head
 */
import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "retinaface-webgpu";
import { type Architecture, type EmbedderConfig, embedderConfig, RESNET_BLOCKS } from "./config.js";

const unknown = () =>
  new RetinaFaceError(
    "CHECKPOINT_UNSUPPORTED",
    "This is no embedding network: give weights of the command train, or insightface's arcface_torch names " +
      "(MobileFaceNet or ResNet-18, -34, -50, -100).",
  );

/** Prefixes that wrappers of training put before all names. */
const WRAPPED = /^(?:module\.|backbone\.)+/;

/** The tensors without what wrappers put before their names. */
export function plainNames(tensors: StateDict): StateDict {
  return new Map([...tensors].map(([name, tensor]) => [name.replace(WRAPPED, ""), tensor]));
}

/** The configuration of a network by its tensors. @throws {RetinaFaceError} `CHECKPOINT_UNSUPPORTED` */
export function recogniseConfig(state: StateDict): EmbedderConfig {
  const shape = (name: string): readonly number[] => {
    const found = state.get(name)?.shape;
    if (!found || found.length === 0) throw unknown();
    return found;
  };
  if (state.has("conv_sep.layers.0.weight")) {
    const kernel = shape("features.layers.0.layers.0.weight")[2];
    const blocks = [1, 3, 5, 7].map((n) => countBlocks(state, `layers.${n}.layers`));
    const isPlain = state.has("layers.1.layers.0.weight");
    return embedderConfig({
      architecture: "mobilefacenet",
      dimension: shape("features.layers.2.weight")[0],
      size: kernel * 16,
      width: shape("layers.0.layers.0.weight")[0] / 64,
      blocks: isPlain ? [1, ...blocks.slice(1)] : blocks,
    });
  }
  const blocks = [1, 2, 3, 4].map((n) => countBlocks(state, `layer${n}`));
  const found = Object.entries(RESNET_BLOCKS).find(([, known]) => known.join() === blocks.join());
  if (!found || !state.has("layer1.0.prelu.weight")) throw unknown();
  const [dimension, inputs] = shape("fc.weight");
  const channels = shape("bn2.weight")[0];
  return embedderConfig({
    architecture: found[0] as Architecture,
    dimension,
    size: Math.sqrt(inputs / channels) * 16,
    width: channels / 512,
  });
}

/** How many numbered members there are. */
function countBlocks(state: StateDict, prefix: string): number {
  const numbers = [...state.keys()]
    .filter((name) => name.startsWith(`${prefix}.`))
    .map((name) => Number(name.slice(prefix.length + 1).split(".", 1)[0]));
  return numbers.reduce((most, n) => Math.max(most, n + 1), 0);
}
