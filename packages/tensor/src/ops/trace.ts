import type { Tensor, TraceValue } from "../core/tensor.js";
import type { OpSpec } from "./spec.js";

/** One operation of a traced graph; `inputs` are traced tensors or constants (parameters). */
export interface TraceNode {
  // biome-ignore lint/suspicious/noExplicitAny: a graph holds ops of every attribute type
  readonly op: OpSpec<any>;
  readonly attrs: unknown;
  readonly inputs: readonly Tensor[];
  readonly outputs: TraceValue[];
}

/** Nodes in the order they were called. */
export class Trace {
  readonly nodes: TraceNode[] = [];
}

let active: Trace | undefined;

/** The trace being recorded, if any. */
export function activeTrace(): Trace | undefined {
  return active;
}

/** Runs `fn` with operations on traced tensors appended to a new trace. */
export function recordTrace<R>(fn: () => R): { trace: Trace; result: R } {
  const before = active;
  const trace = new Trace();
  active = trace;
  try {
    return { result: fn(), trace };
  } finally {
    active = before;
  }
}
