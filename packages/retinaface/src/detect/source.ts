import { type Device, loadCheckpoint, type StateDict } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { loadMesh, openOnnx } from "#platform";
import { checkCascade } from "../model/cascade.js";
import { anchorHeads, checkClassNames, meshHead, RETINAFACE_HEADS } from "../model/heads.js";
import { inferNetwork } from "../model/infer.js";
import { fillNetwork, type NetworkSource } from "../model/load.js";
import { loadCode } from "../model/load-code.js";
import { hasMeshMaker } from "../model/mesh-branch.js";
import { type NetworkConfig, NetworkOnBackbone } from "../model/network.js";
import { prepareFor } from "../model/prepare.js";
import type { DetectorConfig } from "../types.js";
import { looksLikeOnnx, weightsIn } from "../weights/weights.js";

/** A detector's network, from the bytes of a checkpoint or of an ONNX model. */
export async function sourceOf(
  bytes: Uint8Array,
  overrides: Partial<DetectorConfig>,
): Promise<NetworkSource> {
  if (looksLikeOnnx(bytes)) return openOnnx(bytes, overrides);
  const { state: all, config: own } = weightsIn(
    await prepareFor(await loadCheckpoint(bytes)),
    bytes,
  );
  const config = { ...own, ...overrides };
  const { network, state } = await withBranch(inferNetwork(all, config.heads), all);
  if (network.cascade) checkCascade(config);
  checkClassNames(config.classes, network.heads ?? RETINAFACE_HEADS);
  const code = await loadCode(network);
  const load = (device: Device) => {
    const made = new NetworkOnBackbone(nn.emptyInit(device), network, code);
    return fillNetwork(made, state, config.anchors);
  };
  return { config, network, load };
}

/** A network with its branch for meshes where the code for it is there, else without. */
async function withBranch(network: NetworkConfig, state: StateDict) {
  const { heads = [], ...rest } = network;
  const branch = meshHead(heads);
  if (branch) await loadMesh();
  if (!branch || hasMeshMaker()) return { network, state };
  const kept = [...state].filter(([name]) => !name.startsWith(`${branch.module}.`));
  return { network: { ...rest, heads: anchorHeads(heads) }, state: new Map(kept) };
}
