import { OnnxNetwork, readOnnx } from "@retinaface-webgpu/onnx";
import { type Device, nn, type Tensor } from "@retinaface-webgpu/tensor";
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
 * Multiply-adds of a pass, in millions; nothing runs. A convolution takes, for each pixel of its output, as many as it has
 * weights. What is interpolated, by deformable convolutions too, is not counted.
 */
function countPass(
  device: Device,
  forward: (x: Tensor) => Record<string, Tensor>,
  shape: number[],
) {
  const { graph, made } = traceForward(device, forward, [{ shape, dtype: "f32" }], foldNorms);
  let macs = 0;
  for (const node of graph.nodes) {
    if (node.kind !== "conv") continue;
    const [batch, height, width] = node.output.info.shape;
    for (const { weight } of node.parts) macs += batch * height * width * weight.size;
  }
  for (const tensor of made) tensor.dispose();
  return macs / 1e6;
}

/** Counts parameters and multiply-adds of a network with random weights. */
export function countNetwork(device: Device, config: NetworkConfig): NetworkSize {
  const network = new RetinaFaceNetwork(nn.Init.empty(device), config);
  network.eval();
  const mmac = countPass(device, (x) => ({ ...network.forward(x) }), [1, SIDE, SIDE, 3]);
  let parameters = 0;
  for (const parameter of network.parameters()) parameters += parameter.size;
  network.dispose();
  return { parameters, mmac };
}

/** As {@link countNetwork}, of an ONNX model of one picture: batch norm is folded there. */
export function countOnnx(device: Device, bytes: Uint8Array): NetworkSize {
  const network = new OnnxNetwork(device, readOnnx(bytes));
  const mmac = countPass(device, (x) => network.forward(x), [1, 3, SIDE, SIDE]);
  let parameters = 0;
  for (const { size } of network.weights.values()) parameters += size;
  network.dispose();
  return { parameters, mmac };
}
