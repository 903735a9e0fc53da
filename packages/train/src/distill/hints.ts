/**
 * Hints (Romero et al., "FitNets: Hints for Thin Deep Nets", 2015): a student's feature maps shall be its teacher's on the
 * same view. Where both have the same widths no regressor is needed between them.
 */
import {
  add,
  addScalar,
  div,
  mul,
  mulScalar,
  sub,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import { type NetworkOutput, OptionError } from "retinaface-webgpu";
import { MAP } from "../objective/maps.js";

/** The squared error of a map as a share of the squared map. */
function relativeError(student: Tensor, teacher: Tensor): Tensor {
  const difference = sub(student, teacher);
  const squares = (map: Tensor) => sum(mul(map, map));
  return div(squares(difference), addScalar(squares(teacher), 1e-6));
}

/**
 * Mean, over the maps that the teacher tells, of the squared error relative to its map.
 * @throws OptionError where shapes differ
 */
export function hintLoss(student: NetworkOutput, teacher: NetworkOutput): Tensor {
  const names = Object.keys(teacher).filter((name) => name.startsWith(MAP));
  const errors = names.map((name) => {
    const [own, taught] = [student[name], teacher[name]];
    if (own?.shape.join() === taught.shape.join()) return relativeError(own, taught.detach());
    throw new OptionError(
      `hints of "${name.slice(MAP.length)}" need maps of equal shapes, but the teacher's is [${taught.shape}] and the ` +
        `student's [${own?.shape ?? "absent"}]: give the student the teacher's width and channels, or hint other parts`,
    );
  });
  return mulScalar(errors.reduce(add), 1 / errors.length);
}
