/** Maps of values of a step: what operations element by element are made of. */
import { type MapFunction, type MapOperand, map } from "@retinaface-webgpu/kernels-wasm";
import { broadcastStrides, contiguousStrides } from "@retinaface-webgpu/kernels-wgsl";
import { sizeOf } from "../../../core/shape.js";
import type { StepValue } from "../../step/graph.js";
import { one, type StepKernel } from "./kernels.js";

export interface Constants {
  readonly p?: number;
  readonly q?: number;
}

export interface Part extends MapOperand {
  readonly value: StepValue;
}

const NAMES = ["x", "y", "z"];

/** A map of parts of values to a part of another; an operand that is left out is the constant p, of integers. */
export function mapped(
  kind: MapFunction,
  shape: readonly number[],
  output: Part,
  operands: readonly (Part | undefined)[],
  constants: Constants = {},
): StepKernel[] {
  if (sizeOf(shape) === 0) return [];
  const kernel = map({ kind, shape, output, operands, ...constants });
  const named = operands.map((part, i) => [NAMES[i], part?.value]);
  return one(kernel, { ...Object.fromEntries(named), output: output.value });
}

/** A value as it lies. */
export const dense = (value: StepValue): Part => ({
  value,
  strides: contiguousStrides(value.info.shape),
});

/** An operand as it is read for a result of a shape. */
export const broadcast = (value: StepValue, shape: readonly number[]): Part => ({
  value,
  strides: broadcastStrides(value.info.shape, shape),
});
