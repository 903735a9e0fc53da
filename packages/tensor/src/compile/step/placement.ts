/** Puts what a step leaves behind into memory of its own: parameters' gradients side by side, losses. */
import { Storage } from "../../core/storage.js";
import { Tensor } from "../../core/tensor.js";
import { sliceOf } from "../../optim/flat.js";
import type { FlatParameters } from "../../optim/index.js";
import { assignOp } from "../../optim/updates.js";
import { type GraphBuilder, rootOf, type StepNode, type StepValue } from "./graph.js";

/** Keeps a tensor until the step is disposed of. */
export type Own = (tensor: Tensor) => Tensor;

/**
 * Lets every parameter's gradient be computed straight into its place in a flat tensor, or copies it there: where
 * it is needed elsewhere too, or is no result of a node but, say, the gradient of a sum.
 *
 * @param targets a flat tensor for each of `flats`
 * @returns the copies, to be appended to the graph
 */
export function placeGradients(
  builder: GraphBuilder,
  gradients: ReadonlyMap<Tensor, Tensor>,
  flats: readonly FlatParameters[],
  targets: readonly Tensor[],
  own: Own,
): StepNode[] {
  const wanted = flats.flatMap(({ parameters, offsets }, k) =>
    parameters.map((parameter, i) => {
      const storage = sliceOf(targets[k], offsets[i], parameter.size);
      const slice = own(new Tensor(parameter.device, parameter, storage));
      return { value: builder.valueOf(gradients.get(parameter)!), slice };
    }),
  );
  const uses = new Map<StepValue, number>();
  for (const { value } of wanted) uses.set(rootOf(value), (uses.get(rootOf(value)) ?? 0) + 1);
  return wanted.flatMap(({ value, slice }) => {
    const once = uses.get(rootOf(value)) === 1;
    return once && settle(value, slice) ? [] : [assign(builder, value, slice)];
  });
}

/** Memory for each loss; copies that are needed are appended to the nodes. */
export function placeLosses(
  builder: GraphBuilder,
  losses: Readonly<Record<string, Tensor>>,
  nodes: StepNode[],
  own: Own,
): Record<string, Tensor> {
  const placed = new Map<StepValue, Tensor>();
  const entries = Object.entries(losses).map(([name, loss]) => {
    const value = builder.valueOf(loss);
    const known = placed.get(rootOf(value));
    if (known) return [name, known];
    const memory = own(new Tensor(loss.device, loss, new Storage(loss.device, 4, "a loss")));
    if (!occupy(value, memory)) nodes.push(assign(builder, value, memory));
    placed.set(rootOf(value), memory);
    return [name, memory];
  });
  return Object.fromEntries(entries);
}

/** Lets a value that nobody reads lie in `memory`, if a node makes it and it fills that. */
function settle(value: StepValue, memory: Tensor): boolean {
  const isRead = ({ users }: StepValue) => users.some(({ op }) => !op.alias);
  for (let at: StepValue | undefined = value; at; at = at.alias) if (isRead(at)) return false;
  return occupy(value, memory);
}

function occupy(value: StepValue, memory: Tensor): boolean {
  const root = rootOf(value);
  if (root.memory || !root.producer) return false;
  root.memory = memory;
  return true;
}

function assign(builder: GraphBuilder, value: StepValue, memory: Tensor): StepNode {
  const inputs = [value, builder.valueOf(memory)];
  const node: StepNode = {
    op: assignOp.spec,
    attrs: null,
    inputs,
    outputs: [],
    updates: [1],
    varies: false,
  };
  for (const input of inputs) input.users.push(node);
  return node;
}
