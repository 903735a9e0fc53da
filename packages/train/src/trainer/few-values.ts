import { nn } from "@retinaface-webgpu/tensor";
import type { RetinaFaceNetwork } from "retinaface-webgpu";

/** Of so few values batch norm makes numbers that hardly depend on them: of one the shift, of two ±1. */
const FEW = 2;

/** What is to be said where batch norm takes statistics of hardly any values, of images `[n, h, w, 3]`. */
export function fewValuesNotice(
  network: RetinaFaceNetwork,
  [count, height, width]: readonly number[],
): string | undefined {
  const stride = Math.max(...network.levels.map((level) => level.stride));
  const values = count * Math.ceil(height / stride) * Math.ceil(width / stride);
  if (values > FEW) return undefined;
  const modules = [...network.namedModules()].map(([, module]) => module);
  if (!modules.some((module) => module instanceof nn.BatchNorm2d && module.training))
    return undefined;
  return (
    `batch norm takes its statistics of ${values === 1 ? "one value" : `${values} values`} a channel in the coarsest maps: ` +
    "what its gradients are is mostly rounding. Train on larger images or batches, or with fixedNorm (--batch-norm fixed)"
  );
}
