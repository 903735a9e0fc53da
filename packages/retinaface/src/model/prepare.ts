import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { isForeign, isRetinaNet } from "./marks.js";

/** Loads the code that a checkpoint's network needs. @returns its tensors under the names that networks have here */
export async function prepareFor(tensors: StateDict): Promise<StateDict> {
  const foreign = isForeign(tensors) ? await import("./foreign-names.js") : undefined;
  const state = foreign?.houseNames(tensors) ?? tensors;
  if (isRetinaNet(state)) {
    const { registerRetinaNet } = await import("./retinanet/index.js");
    registerRetinaNet();
  }
  return state;
}
