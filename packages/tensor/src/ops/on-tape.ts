import { TapeNode } from "../core/tape.js";
import { isFloat, type TapeWriter } from "./op.js";

/** Records an operation: its floating results get a node each that knows what its gradient needs. */
export const onTape: TapeWriter = (spec, inputs, outputs, attrs) => {
  const traced = outputs[0].traced !== undefined;
  const [read, written] = [inputs, outputs].map((all) => all.map((tensor) => tensor.save(traced)));
  const targets = inputs.map((input) => input.gradientTarget);
  const node = new TapeNode(spec, attrs, read, written, targets);
  for (const [k, output] of outputs.entries()) if (isFloat(output)) output.setNode(node, k);
};
