/**
 * The graph of a training step: what every backend lowers, to WGSL dispatches (`webgpu.ts`) or to anything else.
 *
 * The contract, for whoever writes a lowering:
 *
 * - A node is an operation by its declaration (`op.name`, `op.outputs`), its attributes, the values that it reads
 *   and the values that it makes. `gradient` holds forward, losses and backward of one batch, `update` what
 *   follows the last batch of a step: clipping, optimizer, moving average. Both run in the order of the array, and
 *   nothing may be moved over a node that writes what the other reads.
 * - A value is in exactly one of four places. `memory`: in that tensor, which outlives the run: parameters, moments,
 *   running statistics, the inputs, the losses, tensors that the traced function captured, and values computed
 *   straight into one of these (a parameter's gradient). `alias`: in the memory of another value, under another
 *   shape. Else in memory that the lowering finds for it, from its producer to its last user. A plan's memory may
 *   hold anything before a run: what a node reads, another has written.
 * - Tensors may be slices of one another's memory (`Storage.slice`): all parameters of a group lie side by side, and
 *   the update takes them as one. Slices of one buffer start at multiples of 256 bytes.
 * - `updates` are the positions of inputs that the node writes too, in place; everything else it only reads. A node
 *   without outputs is there for these.
 * - `varies` tells that the attributes are live: read them anew at each run (learning rate, number of the step).
 *   All else may be prepared once.
 * - Element types are those of the tensors. Sums follow the operations' own rules, so that two lowerings agree to
 *   rounding.
 */
import { TensorError } from "../../core/errors.js";
import type { Storage } from "../../core/storage.js";
import { Tensor, type TensorInfo, type TraceValue } from "../../core/tensor.js";
import type { OpSpec } from "../../ops/spec.js";
import type { Trace, TraceNode } from "../../ops/trace.js";

/** A value of a step. */
export interface StepValue {
  readonly info: TensorInfo;
  /** The node that makes it; absent for what is there before the run. */
  producer?: StepNode;
  /** Nodes that read it; one that reads it twice stands twice. */
  readonly users: StepNode[];
  /** Lies in the memory of this value, under another shape. */
  readonly alias?: StepValue;
  /** Lies in this tensor's memory. */
  memory?: Tensor;
}

/** An operation of a step. */
export interface StepNode {
  // biome-ignore lint/suspicious/noExplicitAny: a graph holds ops of every attribute type
  readonly op: OpSpec<any>;
  readonly attrs: unknown;
  readonly inputs: StepValue[];
  readonly outputs: StepValue[];
  /** Positions of inputs that it writes in place. */
  readonly updates: readonly number[];
  /** Its attributes are read at each run. */
  readonly varies: boolean;
}

/** A step as data. */
export interface StepGraph {
  /** Forward, losses and backward of one batch. */
  readonly gradient: StepNode[];
  /** What follows the last batch of a step. */
  readonly update: StepNode[];
}

/** The value in whose memory `value` lies. */
export function rootOf(value: StepValue): StepValue {
  let root = value;
  while (root.alias) root = root.alias;
  return root;
}

/** Turns traces into graphs, of which later ones may use the values of earlier ones. */
export class GraphBuilder {
  readonly #values = new Map<TraceValue | Tensor, StepValue>();
  /** Tensors that outlive the trace, and their memory. */
  readonly #alive = new Map<Tensor, Storage>();

  /** The value that a tensor of a trace, or one with memory, stands for. */
  valueOf(tensor: Tensor): StepValue {
    const key = tensor.traced ?? tensor;
    const known = this.#values.get(key);
    if (known) return known;
    if (tensor.traced) {
      throw new TensorError(
        "TRACED",
        "compileStep: a traced tensor of another trace was used; make it an input of the step.",
      );
    }
    const value: StepValue = { info: infoOf(tensor), users: [], memory: tensor };
    this.#values.set(key, value);
    return value;
  }

  /** Says where a traced tensor is before the run: the inputs of a step. */
  place(tensor: Tensor, memory: Tensor): void {
    this.#values.set(tensor.traced!, { info: infoOf(tensor), users: [], memory });
  }

  /**
   * Holds on to the memory of every tensor that the nodes use: one that is gone since the trace was a constant made
   * there, and parameters may have moved.
   */
  settle(traces: readonly Trace[], own: (tensor: Tensor) => Tensor): void {
    const held = new Map(traces.flatMap((trace) => [...trace.held]));
    for (const [key, value] of this.#values) {
      if (!(key instanceof Tensor)) continue;
      let storage = key.isDisposed ? held.get(key)! : key.storage;
      if (!key.isDisposed) this.#alive.set(key, storage);
      while (storage.movedTo) storage = storage.movedTo;
      value.memory = own(new Tensor(key.device, key, storage));
    }
  }

  /** Whether the tensors from outside are where they were. */
  isCurrent(): boolean {
    for (const [tensor, storage] of this.#alive) {
      if (tensor.isDisposed || tensor.storage !== storage) return false;
    }
    return true;
  }

  /** The nodes of a trace, in order. */
  nodes(trace: Trace): StepNode[] {
    return trace.nodes.map((traced) => this.#node(traced));
  }

  #node({ op, attrs, inputs, outputs }: TraceNode): StepNode {
    const read = inputs.map((tensor) => this.valueOf(tensor));
    const node: StepNode = {
      op,
      attrs,
      inputs: read,
      outputs: [],
      updates: (op.updates ?? []).filter((k) => k < inputs.length),
      varies: op.varies ?? false,
    };
    for (const output of outputs) {
      const alias = op.alias ? { alias: read[0] } : {};
      const value: StepValue = { info: output.info, producer: node, users: [], ...alias };
      node.outputs.push(value);
      this.#values.set(output, value);
    }
    for (const value of read) value.users.push(node);
    return node;
  }
}

function infoOf({ shape, dtype }: TensorInfo): TensorInfo {
  return { shape, dtype };
}

/** Removes nodes whose results nobody reads and that write nothing that stays. */
export function dropDeadNodes(nodes: StepNode[]): void {
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    const needed = node.outputs.some(({ users, memory }) => users.length > 0 || memory);
    if (needed || node.updates.length > 0) continue;
    nodes.splice(i, 1);
    for (const value of node.inputs) value.users.splice(value.users.indexOf(node), 1);
  }
}
