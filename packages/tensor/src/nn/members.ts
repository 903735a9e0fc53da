/** What a module holds, and under which names. */
import { TensorError } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import { Buffer, Parameter } from "./parameter.js";

/** A tensor of a module's state. */
export type StateTensor = Parameter | Buffer;

const NOTHING: ReadonlySet<unknown> = new Set();

/**
 * Parameters, buffers and modules among a module's own properties, with PyTorch's names. They may lie in arrays,
 * plain objects and Maps, to any depth: `heads.cls`, `blocks.0.1`.
 *
 * @throws TensorError `ARGUMENT` for a leaf among them that requires a gradient and is no parameter
 */
export function* membersOf<M extends object>(
  module: M,
  isModule: (value: unknown) => value is M,
): Generator<[name: string, member: StateTensor | M]> {
  for (const [name, value] of Object.entries(module)) {
    if (typeof value !== "object" || value === null) continue;
    yield* membersIn(name, value, isModule, NOTHING);
  }
}

function* membersIn<M>(
  name: string,
  value: unknown,
  isModule: (value: unknown) => value is M,
  around: ReadonlySet<unknown>,
): Generator<[string, StateTensor | M]> {
  if (value instanceof Parameter || value instanceof Buffer || isModule(value)) yield [name, value];
  else if (value instanceof Tensor) refuseLeaf(name, value);
  else if (!around.has(value)) {
    const inside = new Set(around).add(value);
    for (const [key, item] of itemsOf(value)) {
      if (typeof item === "object" && item !== null) {
        yield* membersIn(`${name}.${key}`, item, isModule, inside);
      }
    }
  }
}

/** @throws TensorError `ARGUMENT` for a leaf that requires a gradient, which would be neither trained nor saved */
function refuseLeaf(name: string, tensor: Tensor): void {
  if (!tensor.requiresGrad || tensor.node || tensor.isDisposed) return;
  throw new TensorError(
    "ARGUMENT",
    `${name} is no Parameter, so it is neither trained nor saved: write() into the old one, or use Parameter.from().`,
  );
}

function itemsOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (Array.isArray(value) || value instanceof Map) return value.entries();
  if (value !== null && typeof value === "object") {
    if (Object.getPrototypeOf(value) === Object.prototype) return Object.entries(value);
  }
  return [];
}
