/**
 * Nodes of a training step as kernels for processors, by the operations' names. What has no kernel is told before
 * anything runs.
 */
import { TensorError } from "../../../core/errors.js";
import { sizeOf } from "../../../core/shape.js";
import type { StepNode } from "../../step/graph.js";
import { DEFORM } from "./deform.js";
import { ELEMENTWISE } from "./elementwise.js";
import { kernelsOfIntegers } from "./integers.js";
import { type StepKernel, unsupported } from "./kernels.js";
import { LINES } from "./lines.js";
import { NETWORKS } from "./networks.js";
import { OTHERS } from "./others.js";
import { POOLS } from "./pools.js";
import { PRODUCTS } from "./products.js";
import { RASTER } from "./raster.js";

const LOWERINGS = {
  ...ELEMENTWISE,
  ...OTHERS,
  ...NETWORKS,
  ...POOLS,
  ...PRODUCTS,
  ...LINES,
  ...DEFORM,
  ...RASTER,
};

/** The kernels of a node; `undefined` where there are none for it. */
export function kernelsOf(node: StepNode): StepKernel[] | undefined {
  return kernelsOfIntegers(node) ?? LOWERINGS[node.op.name]?.(node);
}

/** @throws WasmUnsupportedError naming the operation that has no kernel */
export function lowerNode(node: StepNode): StepKernel[] {
  if (node.op.alias) return [];
  const { outputs, updates } = node;
  const isEmpty = outputs.length > 0 && outputs.every(({ info }) => sizeOf(info.shape) === 0);
  if (isEmpty && updates.length === 0) return [];
  const kernels = kernelsOf(node);
  if (!kernels) throw unsupported(node);
  return kernels;
}

/** The kernels of a node as its attributes are now, in place of those that it had. */
export function lowerAgain(node: StepNode, before: readonly StepKernel[]): StepKernel[] {
  const kernels = lowerNode(node);
  const shape = ({ kernel: { words, operands } }: StepKernel) =>
    [words.length, ...operands.map(({ operand }) => operand)].join();
  const fits = kernels.every((each, i) => i < before.length && shape(each) === shape(before[i]));
  if (fits && kernels.length === before.length) return kernels;
  throw new TensorError(
    "STALE_STEP",
    `${node.op.name} takes another kernel than when the step was compiled (an option of the optimizer changed, such ` +
      "as momentum from 0): call compileStep() again.",
  );
}
