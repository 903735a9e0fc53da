import type { Storage } from "../core/storage.js";
import type { Tensor, TraceValue } from "../core/tensor.js";
import { drawn, isRerun } from "./rerun.js";
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
  /** Tensors with memory that operations use, and that memory: kept, as they may be gone after the trace. */
  readonly held = new Map<Tensor, Storage>();
  /** What happens on the host at each run. */
  readonly effects: (() => void)[] = [];

  /** Appends an operation. */
  add(node: TraceNode): void {
    this.nodes.push(node);
    for (const tensor of node.inputs) {
      if (tensor.traced || this.held.has(tensor)) continue;
      tensor.storage.retain();
      this.held.set(tensor, tensor.storage);
    }
  }

  /** Lets go of the memory it held. */
  release(): void {
    for (const storage of this.held.values()) storage.release();
    this.held.clear();
  }
}

let active: Trace | undefined;

/** The trace being recorded, if any. */
export function activeTrace(): Trace | undefined {
  return active;
}

/** Runs `fn` with all operations appended to a new trace, also those on tensors with memory. */
export function recordTrace<R>(fn: (trace: Trace) => R): { trace: Trace; result: R } {
  const before = active;
  const trace = new Trace();
  active = trace;
  try {
    return { result: fn(trace), trace };
  } finally {
    active = before;
  }
}

/**
 * Does something on the host now, or while a plan or a training step is traced, at each of its runs. What a checkpoint
 * runs again has done it before.
 */
export function eachRun(effect: () => void): void {
  if (isRerun()) return;
  if (active) active.effects.push(effect);
  else effect();
}

/** An object whose `value` is drawn now, or at each run of what is traced; the same where a checkpoint runs again. */
export function eachRunDraws(draw: () => number): { value: number } {
  return drawn(() => {
    const holder = { value: 0 };
    eachRun(() => {
      holder.value = draw();
    });
    return holder;
  });
}
