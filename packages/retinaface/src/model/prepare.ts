import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { isRetinaNet, isTorchvisionRetinaNet } from "./retinanet/names.js";

/** Loads the code that a checkpoint's network needs. */
export async function prepareFor(state: StateDict): Promise<void> {
  if (!isRetinaNet(state) && !isTorchvisionRetinaNet(state)) return;
  const { registerRetinaNet } = await import("./retinanet/index.js");
  registerRetinaNet();
}
