import { buildNetwork, embedderConfig, writeEmbedder } from "@retinaface-webgpu/identify";
import { nn } from "@retinaface-webgpu/tensor";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";

/** Weights of a small embedding network that learned nothing: pictures that are alike have vectors that are. */
export async function tinyEmbedder(seed: number): Promise<Uint8Array> {
  const device = await createHostDevice();
  const config = embedderConfig({ size: 32, width: 1 / 8, dimension: 16, blocks: [1, 1, 1, 1] });
  const network = buildNetwork(nn.Init.seeded(device, seed), config);
  const state = await network.stateDict();
  device.destroy();
  return writeEmbedder({ config, state });
}
