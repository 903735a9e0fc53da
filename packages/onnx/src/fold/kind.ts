import type { NodeContext } from "../import/context.js";
import type { HostValue } from "../model/elements.js";

/** Computes a node's outputs of its inputs, those that are left out excepted; `undefined` where it cannot. */
export type Fold = (c: NodeContext, inputs: readonly HostValue[]) => HostValue[] | undefined;
