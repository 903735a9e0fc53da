import { Outputs } from "retinaface-webgpu/node";
import type { Dataset } from "../data/load.node.js";

/** The results of a run: whole, and never in the place of a file that is there or that the run reads. */
export function resultsOf(
  { overwrite }: { readonly overwrite?: boolean },
  inputs: readonly (string | undefined)[],
  data?: Dataset,
): Outputs {
  const outputs = new Outputs({ overwrite, inputs });
  if (data) outputs.protect([...data.files, ...data.records.map(({ image }) => image)]);
  return outputs;
}
