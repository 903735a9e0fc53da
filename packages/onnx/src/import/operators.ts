import { add, einsum, matmul, mulScalar, type Tensor } from "@retinaface-webgpu/tensor/inference";
import { Unsupported } from "../errors.js";
import { hostValue } from "../model/elements.js";
import type { NodeContext } from "./context.js";
import { elementwiseOperators } from "./elementwise.js";
import type { Mappings } from "./mapping.js";
import { movement } from "./movement.js";
import { reductions } from "./reductions.js";
import { spatial } from "./spatial.js";
import type { Value } from "./value.js";

function gemm(c: NodeContext): Tensor[] {
  const product = matmul(c.tensor(0), c.tensor(1), {
    transposeA: c.attribute("transA", 0) === 1,
    transposeB: c.attribute("transB", 0) === 1,
  });
  const [alpha, beta] = [c.attribute("alpha", 1), c.attribute("beta", 1)];
  const scaled = alpha === 1 ? product : mulScalar(product, alpha);
  if (!c.has(2)) return [scaled];
  return [add(scaled, beta === 1 ? c.tensor(2) : mulScalar(c.tensor(2), beta))];
}

function constant(c: NodeContext): Value[] {
  for (const [name, value] of c.node.attributes) {
    if (value === undefined || typeof value === "string") break;
    if (typeof value === "object" && !Array.isArray(value)) return [value];
    const numbers = [value].flat();
    if (!numbers.every((each) => typeof each === "number")) break;
    const shape = Array.isArray(value) ? [value.length] : [];
    const type = name.startsWith("value_float") ? "float" : "int64";
    return [hostValue(shape, type, numbers as number[])];
  }
  throw new Unsupported("Constant without numbers");
}

function shapeOf(c: NodeContext): Value[] {
  const { shape } = c.value(0);
  const part = shape.slice(c.attribute("start", 0), c.attribute("end", shape.length));
  return [hostValue([part.length], "int64", part)];
}

function sizeOf(c: NodeContext): Value[] {
  const { shape } = c.value(0);
  const size = shape.reduce((product, extent) => product * extent, 1);
  return [hostValue([], "int64", [size])];
}

function dropout(c: NodeContext): Value[] {
  const trains = c.has(2) && c.numbers(2)[0] !== 0;
  if (trains || c.node.outputs.length > 1) throw new Unsupported("Dropout in training");
  return [c.value(0)];
}

/** Every operator the library has, by ONNX's name. */
export const OPERATORS: Mappings = {
  ...reductions,
  ...elementwiseOperators,
  ...movement,
  ...spatial,
  Constant: constant,
  Dropout: dropout,
  Einsum: (c) => [einsum(c.attribute("equation", ""), c.tensors())],
  Gemm: gemm,
  Identity: (c) => [c.value(0)],
  MatMul: (c) => [matmul(c.tensor(0), c.tensor(1))],
  Shape: shapeOf,
  Size: sizeOf,
};
