import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  compile,
  type Device,
  type Plan,
  type StateDict,
  type Tensor,
  type WeightStore,
  writeSafetensors,
} from "@retinaface-webgpu/tensor";
import * as nn from "@retinaface-webgpu/tensor/nn";
import {
  inferNetwork,
  type NetworkConfig,
  RetinaFaceNetwork,
  readCheckpoint,
} from "retinaface-webgpu";
import { root } from "./environment.js";

/** The weights that the model is measured with. */
export interface BenchWeights {
  readonly bytes: Uint8Array;
  /** Where they are from: a file, or `seeded` for a random network of the same shape. */
  readonly origin: string;
}

const SEED = 20190502;

/**
 * The weights of `RETINAFACE_WEIGHTS`, else the official ones beside the repository, else random ones:
 * the time does not depend on them, what is found does.
 */
export async function findBenchWeights(device: Device): Promise<BenchWeights> {
  const shared = process.env.RETINAFACE_SHARED || path.join(root, "../shared");
  const official = path.join(shared, "weights/mobilenet0.25_Final.pth");
  const file = process.env.RETINAFACE_WEIGHTS || official;
  if (process.env.RETINAFACE_WEIGHTS || existsSync(official)) {
    return { bytes: await readFile(file), origin: path.basename(file) };
  }
  return { bytes: await seededWeights(device), origin: "seeded" };
}

/** A RetinaFace of random weights as safetensors. */
export async function seededWeights(
  device: Device,
  config: NetworkConfig = { backbone: "mobilenet0.25" },
): Promise<Uint8Array> {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, SEED), config);
  const bytes = writeSafetensors(await network.stateDict());
  network.dispose();
  return bytes;
}

/** The network of a checkpoint. */
export function makeNetwork(device: Device, bytes: Uint8Array): RetinaFaceNetwork {
  const state: StateDict = readCheckpoint(bytes);
  const network = new RetinaFaceNetwork(nn.Init.empty(device), inferNetwork(state));
  network.loadStateDict(state, { strict: false });
  return network;
}

/** A plan of the network's raw heads for one input size, as the detector runs it. */
export function compileNetwork(
  device: Device,
  network: RetinaFaceNetwork,
  [batch, height, width]: readonly [number, number, number],
  weights: WeightStore,
): Promise<Plan> {
  const forward = (image: Tensor) => {
    const { conf, loc, landms } = network.heads(image);
    return [...conf, ...loc, ...landms];
  };
  const input = { shape: [batch, height, width, 3], dtype: "f32" as const };
  return compile(device, forward, [input], { weights });
}

/** Multiply-adds of the network's convolutions, counted twice, for a plan that was profiled. */
export function sumFlops(timings: readonly { readonly flops: number }[]): number {
  return timings.reduce((total, { flops }) => total + flops, 0);
}
