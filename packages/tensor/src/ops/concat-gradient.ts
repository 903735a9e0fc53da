/** The gradient of joining, apart from it so that a program that only runs networks does not carry slices. */
import { concatOp, narrow } from "./movement.js";

concatOp.spec.backward = ([g], inputs, _, { axis }, needs) => {
  let start = 0;
  return inputs.map((x, k) => {
    const end = start + x.shape[axis];
    const part = g && needs[k] ? narrow(g, axis, start, x.shape[axis]) : undefined;
    start = end;
    return part;
  });
};
