import { TensorError } from "../core/errors.js";
import { Tensor } from "../core/tensor.js";
import { narrow } from "../ops/movement/forward.js";

/** Where an output of a plan lies: channels `offset …` of the `stride` channels of `tensor`'s pixels. */
export interface PlanOutput {
  /** The memory, as the tensor that holds it; for a dense output, the output itself. */
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly stride: number;
  readonly offset: number;
}

/**
 * An output as a tensor of its own shape: the plan's own memory where it is dense, valid as the output is, else a packed
 * copy made now.
 */
export function contiguous({ tensor, shape, stride, offset }: PlanOutput): Tensor {
  const width = shape[shape.length - 1];
  return stride === width ? tensor : narrow(tensor, -1, offset, width);
}

/** What a forward pass returns, with each tensor's place in the plan where the tensor was. */
export type PlanOutputs<R> = R extends Tensor
  ? PlanOutput
  : R extends undefined
    ? undefined
    : { readonly [K in keyof R]: PlanOutputs<R[K]> };

/** The tensors of a result in the order they stand in, and how others are put in their places. */
export interface OutputTree {
  readonly tensors: readonly Tensor[];
  /** Path of each tensor, for messages: `heads[0].conf`. */
  readonly paths: readonly string[];
  rebuild(outputs: readonly unknown[]): unknown;
}

type Rebuild = OutputTree["rebuild"];

/**
 * Takes apart what a forward pass returned: a tensor, or arrays and plain objects of tensors. Members that are undefined
 * stay so.
 * @throws TensorError `FORWARD_RESULT` for anything else, and where there is no tensor at all
 */
export function outputTree(result: unknown): OutputTree {
  const tensors: Tensor[] = [];
  const paths: string[] = [];
  const visit = (value: unknown, path: string): Rebuild => {
    if (value instanceof Tensor) {
      const at = tensors.push(value) - 1;
      paths.push(path || "the output");
      return (outputs) => outputs[at];
    }
    if (value === undefined && path !== "") return () => undefined;
    if (Array.isArray(value)) {
      const parts = value.map((item, i) => visit(item, `${path}[${i}]`));
      return (outputs) => parts.map((part) => part(outputs));
    }
    if (!isRecord(value)) throw unsuitable(value, path);
    const parts = Object.entries(value).map(
      ([name, item]) => [name, visit(item, path ? `${path}.${name}` : name)] as const,
    );
    return (outputs) => Object.fromEntries(parts.map(([name, part]) => [name, part(outputs)]));
  };
  const rebuild = visit(result, "");
  if (tensors.length === 0) throw unsuitable(undefined, "");
  return { tensors, paths, rebuild };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function unsuitable(value: unknown, path: string): TensorError {
  const object = typeof value === "object" ? `a ${value?.constructor?.name}` : `a ${typeof value}`;
  const what = value === undefined || value === null ? "nothing" : object;
  const remedy =
    value instanceof Promise ? "it must be synchronous and return tensors" : "return tensors";
  const place = path && ` as ${path}`;
  return new TensorError(
    "FORWARD_RESULT",
    `compile: forward() returned ${what}${place}: ${remedy}, also in arrays and objects.`,
  );
}
