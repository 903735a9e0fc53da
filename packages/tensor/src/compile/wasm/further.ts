/** Nodes of a graph by the kernels that training steps have: all that networks of convolutions have no use for. */
import type { OpNode, Value } from "../graph.js";
import type { StepNode } from "../step/graph.js";
import type { LoweredStep } from "./lowered.js";
import { operandsOf, type StepOperand } from "./step/kernels.js";
import { kernelsOf } from "./step/lower.js";

/** What training steps do the same operation with. */
export function furtherSteps(node: OpNode): LoweredStep[] | undefined {
  const { op, attrs, inputs, outputs } = node;
  if (op.updates?.some((k) => k < inputs.length)) return undefined;
  const rooms = new Map<StepOperand, Value>();
  const placed = (operand: StepOperand): Value => {
    if ("info" in operand) return operand as unknown as Value;
    const room = rooms.get(operand) ?? roomOf(operand.scratchBytes / 4);
    rooms.set(operand, room);
    return room;
  };
  const step = { op, attrs, inputs, outputs, updates: [], varies: false } as unknown as StepNode;
  return kernelsOf(step)?.map((each, k) => ({
    kernel: each.kernel,
    operands: Object.fromEntries(
      operandsOf(each).map(([name, operand]) => [name, placed(operand)]),
    ),
    ...(op.varies ? { renewed: () => kernelsOf(step)![k].kernel } : {}),
  }));
}

/** Memory of one node. */
function roomOf(floats: number): Value {
  const info = { shape: [floats], dtype: "f32" as const };
  return { info, producer: undefined, users: [], isOutput: false };
}
