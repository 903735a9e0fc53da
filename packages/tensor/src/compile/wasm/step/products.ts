/** Products of matrices, rows by index and triangles, as kernels for processors. */
import {
  gather,
  map,
  matmul,
  panels,
  panelsLength,
  triangle,
} from "@retinaface-webgpu/kernels-wasm";
import { broadcastStrides, contiguousStrides } from "@retinaface-webgpu/kernels-wgsl";
import { sizeOf } from "../../../core/shape.js";
import { dimensions, type GatherAttrs } from "../../../ops/gather/forward.js";
import type { MatmulAttrs } from "../../../ops/matmul/forward.js";
import type { TriangleAttrs } from "../../../ops/triangle/forward.js";
import type { StepValue } from "../../step/graph.js";
import { type NodeLowering, one, type StepKernel, type StepOperand, scratchOf } from "./kernels.js";

/** Matrices one after the other. */
interface Matrices {
  /** What puts them so. */
  readonly kernels: StepKernel[];
  readonly operand: StepOperand;
  /** One serves all products. */
  readonly shared: boolean;
}

/** An operand of a product whose leading axes are `lead`: as it lies where it can be, else copied. */
function matrices(value: StepValue, lead: readonly number[], transposed: boolean): Matrices {
  const { shape } = value.info;
  const [rows, columns] = shape.slice(-2);
  const count = sizeOf(shape.slice(0, -2));
  const shared = count === 1;
  if (!transposed && (shared || count === sizeOf(lead))) {
    return { kernels: [], operand: value, shared };
  }
  const outer = shared ? [] : lead;
  const strides = shared
    ? contiguousStrides([rows, columns])
    : broadcastStrides(shape, [...outer, rows, columns]);
  const [down, across] = strides.splice(-2);
  strides.push(...(transposed ? [across, down] : [down, across]));
  const to = [...outer, ...(transposed ? [columns, rows] : [rows, columns])];
  const output = { strides: contiguousStrides(to) };
  const kernel = map({ kind: "copy", shape: to, output, operands: [{ strides }] });
  const scratch = scratchOf(sizeOf(to));
  return { kernels: one(kernel, { x: value, output: scratch }), operand: scratch, shared };
}

const product: NodeLowering = ({ inputs: [a, b], outputs: [y], attrs }) => {
  const { transposeA, transposeB } = attrs as MatmulAttrs;
  const { shape } = y.info;
  const [rows, columns] = shape.slice(-2);
  const [depth] = a.info.shape.slice(transposeA ? -2 : -1);
  if (y.info.dtype !== "f32" || depth === 0) return undefined;
  const lead = shape.slice(0, -2);
  const batch = sizeOf(lead);
  const left = matrices(a, lead, transposeA);
  const right = matrices(b, lead, false);
  const spec = {
    batch: right.shared ? 1 : batch,
    rows: depth,
    columns,
    transposed: transposeB,
  };
  const packed = scratchOf(panelsLength(spec));
  const shared = { sharedA: left.shared, sharedB: right.shared };
  return [
    ...left.kernels,
    ...right.kernels,
    ...one(panels(spec), { input: right.operand, output: packed }),
    ...one(matmul({ batch, rows, depth, columns, ...shared }), {
      a: left.operand,
      panels: packed,
      output: y,
    }),
  ];
};

const byIndex: NodeLowering = ({ inputs: [input, index], outputs: [output], attrs }) => {
  if (input.info.dtype === "f16") return undefined;
  const { axis } = attrs as GatherAttrs;
  const spec = { ...dimensions(input.info.shape, axis), indices: sizeOf(index.info.shape) };
  return one(gather(spec), { input, index, output });
};

const partOfMatrix: NodeLowering = ({ inputs: [input], outputs: [output], attrs }) => {
  if (input.info.dtype === "f16") return undefined;
  const { shape } = input.info;
  const [rows, columns] = shape.slice(-2);
  const batch = sizeOf(shape.slice(0, -2));
  const kernel = triangle({ ...(attrs as TriangleAttrs), batch, rows, columns });
  return one(kernel, { input, output });
};

/** By the operations' names. */
export const PRODUCTS: Readonly<Record<string, NodeLowering>> = {
  matmul: product,
  gather: byIndex,
  triangle: partOfMatrix,
};
