import { type Device, nn, type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { type RawImage, RetinaFaceNetwork } from "retinaface-webgpu";
import { Random } from "./random.js";

/** The state of an untrained network an eighth of MobileNet wide: it finds faces anywhere, but soon. */
export async function tinyState(device: Device): Promise<StateDict> {
  const config = { backbone: "mobilenet0.25", width: 0.125, channels: 16 } as const;
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, 11), config);
  const state = await network.stateDict();
  network.dispose();
  return state;
}

/** A checkpoint of {@link tinyState}, its tensors changed by `edit` before. */
export async function tinyWeights(
  device: Device,
  edit: (state: StateDict) => void = () => {},
): Promise<Uint8Array> {
  const state = await tinyState(device);
  edit(state);
  return writeSafetensors(state);
}

/** Noise, the same for the same seed. */
export function noiseImage(width: number, height: number, seed = 1): RawImage {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: width * height * 4 }, () => random.integer(0, 255));
  return { data, width, height };
}

/** Thresholds that let everything through NMS but keep few. */
export const LENIENT = { confidenceThreshold: 0, visThreshold: 0, keepTopK: 20 };
