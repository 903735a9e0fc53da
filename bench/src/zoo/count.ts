import { type Device, nn } from "@retinaface-webgpu/tensor";
import { foldNorms, traceForward } from "@retinaface-webgpu/tensor/graph";
import { type NetworkConfig, RetinaFaceNetwork } from "retinaface-webgpu";

/** How large a network is. */
export interface NetworkSize {
  /** Trainable numbers: weights, biases, scales and shifts; not batch norm's statistics. */
  readonly parameters: number;
  /** Multiply-adds of its convolutions for an image of 640×640 pixels, in millions. */
  readonly mmac: number;
}

/** The side of the image, in pixels. */
const SIDE = 640;

/**
 * Counts parameters and multiply-adds of a network with random weights; nothing runs. A convolution takes, for each pixel of
 * its output, as many multiply-adds as it has weights. What is interpolated, by deformable convolutions too, is not counted.
 */
export function countNetwork(device: Device, config: NetworkConfig): NetworkSize {
  const network = new RetinaFaceNetwork(nn.Init.empty(device), config);
  network.eval();
  const info = { shape: [1, SIDE, SIDE, 3], dtype: "f32" } as const;
  const { graph, made } = traceForward(device, (x) => network.forward(x), [info], foldNorms);
  let macs = 0;
  for (const node of graph.nodes) {
    if (node.kind !== "conv") continue;
    const [batch, height, width] = node.output.info.shape;
    for (const { weight } of node.parts) macs += batch * height * width * weight.size;
  }
  let parameters = 0;
  for (const parameter of network.parameters()) parameters += parameter.size;
  for (const tensor of made) tensor.dispose();
  network.dispose();
  return { parameters, mmac: macs / 1e6 };
}
