/** What a module holds, and under which names. */
import { TensorError } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import { Buffer, Parameter } from "./parameter.js";

/** A tensor of a module's state. */
export type StateTensor = Parameter | Buffer;

/**
 * Parameters, buffers and modules among a module's own properties, with PyTorch's names. They may lie in arrays,
 * plain objects and Maps, to any depth: `heads.cls`, `blocks.0.1`.
 *
 * @throws TensorError `ARGUMENT` for a leaf among them that requires a gradient and is no parameter
 */
export function membersOf<M extends object>(
  module: M,
  isModule: (value: unknown) => value is M,
): [name: string, member: StateTensor | M][] {
  const members: [string, StateTensor | M][] = [];
  const around: unknown[] = [];
  const gather = (name: string, value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (value instanceof Parameter || value instanceof Buffer || isModule(value)) {
      members.push([name, value]);
    } else if (value instanceof Tensor) refuseLeaf(name, value);
    else if (!around.includes(value)) {
      around.push(value);
      for (const [key, item] of itemsOf(value)) gather(`${name}.${key}`, item);
      around.pop();
    }
  };
  for (const [name, value] of Object.entries(module)) gather(name, value);
  return members;
}

/** @throws TensorError `ARGUMENT` for a leaf that requires a gradient, which would be neither trained nor saved */
function refuseLeaf(name: string, tensor: Tensor): void {
  if (!tensor.requiresGrad || tensor.node || tensor.isDisposed) return;
  throw new TensorError(
    "ARGUMENT",
    `${name} is no Parameter, so it is neither trained nor saved: write() into the old one, or use Parameter.from().`,
  );
}

function itemsOf(value: object): Iterable<readonly [unknown, unknown]> {
  if (Array.isArray(value) || value instanceof Map) return value.entries();
  return Object.getPrototypeOf(value) === Object.prototype ? Object.entries(value) : [];
}
