import type { Storage } from "../core/storage.js";
import type { Tensor } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import { type ConvNode, type Graph, type Node, rootOf, type Value } from "./graph.js";
import { type FusedConvolutions, NOTHING_FUSED } from "./join-convolutions.js";
import {
  convSteps,
  type Operand,
  opSteps,
  type PlannedConv,
  pairSteps,
  type Scratch,
  type Step,
  severalSteps,
  type VariantChooser,
} from "./steps.js";

/** A graph as dispatches. */
export interface Lowered {
  /** Those that depend on nothing but constants: they run when the constants' values are taken over. */
  readonly settled: readonly Step[];
  /** Those of every run. */
  readonly running: readonly Step[];
  readonly convs: readonly PlannedConv[];
  /** Constants whose values the plan copies. */
  readonly constants: readonly Tensor[];
  /** Constants that the steps themselves change, like running statistics: the plan works on their own memory. */
  readonly state: readonly Tensor[];
}

/** Turns a graph into dispatches. */
export function lower(
  device: Device,
  graph: Graph,
  choose: VariantChooser,
  { pairs, several }: FusedConvolutions = NOTHING_FUSED,
): Lowered {
  const steps: Step[] = [];
  const convs: PlannedConv[] = [];
  // What stands alone is computed where it stands, several at the place of the last.
  const lasts = new Map<Node, readonly ConvNode[]>(several.map((nodes) => [nodes.at(-1)!, nodes]));
  const absorbed = new Set<Node>([
    ...pairs.values(),
    ...several.flatMap((nodes) => nodes.slice(0, -1)),
  ]);
  for (const node of graph.nodes) {
    if (absorbed.has(node)) continue;
    if (node.kind === "op") {
      steps.push(...opSteps(device, node));
      continue;
    }
    const [depthwise, all] = [pairs.get(node), lasts.get(node)];
    const single = () => (depthwise ? pairSteps(depthwise, node) : convSteps(device, node, choose));
    const conv = all ? severalSteps(all) : single();
    steps.push(...conv.steps);
    convs.push(...conv.planned);
  }
  const written = new Set<Storage>();
  for (const step of steps) {
    for (const tensor of constantsOf(step, "read_write")) written.add(tensor.storage);
  }
  const all = [...new Set(steps.flatMap((step) => constantsOf(step)))];
  const isState = (tensor: Tensor) => written.has(tensor.storage);
  return {
    ...split(steps, graph.inputs, isState),
    convs,
    constants: all.filter((tensor) => !isState(tensor)),
    state: all.filter(isState),
  };
}

/** What an operand lies in: a value, a temporary buffer, or nothing of the plan's arena. */
export function placeOf(operand: Operand): Value | Scratch | undefined {
  if ("conv" in operand) return undefined;
  return "scratch" in operand ? operand.scratch : rootOf(operand).root;
}

function constantsOf({ kernel, operands }: Step, access?: string): Tensor[] {
  return operands.flatMap((operand, i) => {
    const place = placeOf(operand);
    const constant = place && "info" in place ? place.constant : undefined;
    return constant && (!access || kernel.bindings[i] === access) ? [constant] : [];
  });
}

/** Steps that vary, or touch what an input or another running step changes, run every time; the others are settled. */
function split(
  steps: readonly Step[],
  inputs: readonly Value[],
  isState: (tensor: Tensor) => boolean,
): Pick<Lowered, "settled" | "running"> {
  const changing = new Set<Value | Scratch | undefined>(inputs.map((value) => rootOf(value).root));
  const running = new Set<Step>();
  const changes = (operand: Operand): boolean => {
    const place = placeOf(operand);
    const constant = place && "info" in place ? place.constant : undefined;
    return constant ? isState(constant) : changing.has(place);
  };
  for (let before = -1; before < running.size; ) {
    before = running.size;
    for (const step of steps) {
      if (running.has(step) || !(step.varies || step.operands.some(changes))) continue;
      running.add(step);
      for (const [i, operand] of step.operands.entries()) {
        if (step.kernel.bindings[i] === "read_write") changing.add(placeOf(operand));
      }
    }
  }
  return {
    settled: steps.filter((step) => !running.has(step)),
    running: steps.filter((step) => running.has(step)),
  };
}
