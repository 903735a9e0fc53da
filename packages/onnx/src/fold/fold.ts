/**
 * Constant folding: nodes whose inputs are all known are computed on the host before anything runs, mostly the shapes that
 * exporters compute in the graph, and weights that they rearrange. What has no fold here runs on the device as any node.
 */
import type { NodeContext } from "../import/context.js";
import { isHost } from "../import/value.js";
import type { HostValue } from "../model/elements.js";
import { elementwiseFolds } from "./elementwise.js";
import type { Fold } from "./kind.js";
import { movementFolds } from "./movement.js";

const FOLDS: Readonly<Record<string, Fold>> = { ...elementwiseFolds, ...movementFolds };

/** Operators that are only for constants: what they make has a shape that depends on numbers. */
export const ONLY_CONSTANT: ReadonlySet<string> = new Set([
  "ConstantOfShape",
  "Mod",
  "NonZero",
  "Range",
]);

/** The outputs of a node whose inputs are all known, where it can be folded. */
export function fold(c: NodeContext): HostValue[] | undefined {
  const { op } = c.node;
  if (!Object.hasOwn(FOLDS, op) || (c.opset < 7 && c.node.attributes.has("broadcast"))) {
    return undefined;
  }
  const given = c.node.inputs.map((_, i) => i).filter((i) => c.has(i));
  const values = given.map((i) => (ONLY_CONSTANT.has(op) ? c.knownOf(i) : hostOf(c, i)));
  if (values.length === 0 || !values.every((value) => value !== undefined)) return undefined;
  return FOLDS[op](c, values);
}

function hostOf(c: NodeContext, index: number): HostValue | undefined {
  const value = c.value(index);
  return isHost(value) ? value : undefined;
}
