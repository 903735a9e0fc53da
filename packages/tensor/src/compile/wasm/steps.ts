/**
 * Nodes of a graph as WebAssembly kernels: the lowering that stands beside `compile/steps.ts`. What an operation
 * computes is asked of its traits where it has some; the rest goes by name.
 */
import {
  type Activation,
  copy,
  pointwise,
  resizeNearest,
  softmax,
} from "@retinaface-webgpu/kernels-wasm";
import { sameShape, showShape, sizeOf } from "../../core/shape.js";
import type { FusionKind } from "../../ops/fusion.js";
import { computes, type Graph, type OpNode, type Value } from "../graph.js";
import { absorbedConvolutions, convStep } from "./convolutions.js";
import type { LoweredStep } from "./lowered.js";
import { HALF_REMEDY, isHalf, WasmUnsupportedError } from "./unsupported.js";
import type { Constants } from "./weights.js";

/** How nodes are lowered that have no kernels here; `undefined` where they have none there either. */
export type FurtherSteps = (node: OpNode) => LoweredStep[] | undefined;

/** @throws WasmUnsupportedError naming all operations that have no kernel */
export function lowerGraph(graph: Graph, further: FurtherSteps): LoweredStep[] {
  const { steps, lacking } = lowered(graph, further);
  if (lacking.size > 0) {
    const remedy = [...lacking.values()].every(isHalf) ? HALF_REMEDY : undefined;
    throw new WasmUnsupportedError([...lacking.keys()].join(", "), remedy);
  }
  return steps;
}

/** The steps of a graph that takes no kernels but those of networks of convolutions; `undefined` for others. */
export function lowerConvolutional(graph: Graph): LoweredStep[] | undefined {
  const { steps, lacking } = lowered(graph, () => undefined);
  return lacking.size > 0 ? undefined : steps;
}

/** The steps of nodes that have some, and the other nodes by what is said of them. */
function lowered(graph: Graph, further: FurtherSteps) {
  for (const { info } of graph.inputs) {
    if (info.dtype === "f16") {
      throw new WasmUnsupportedError(`an input ${showShape(info.shape)} f16`, "give it as f32");
    }
  }
  const absorbed = absorbedConvolutions(graph);
  const gone = new Set(absorbed.values());
  const lacking = new Map<string, OpNode>();
  const steps = graph.nodes.flatMap((node) => {
    if (node.kind === "conv") return gone.has(node) ? [] : [convStep(node, absorbed.get(node))];
    const own = opSteps(node, further);
    if (!own) lacking.set(described(node), node);
    return own ?? [];
  });
  return { steps, lacking };
}

function opSteps(node: OpNode, further: FurtherSteps): LoweredStep[] | undefined {
  const isEmpty = node.outputs.every(({ info }) => sizeOf(info.shape) === 0);
  if (node.op.alias || isEmpty) return [];
  return special(node) ?? further(node);
}

function described({ op, inputs }: OpNode): string {
  const shapes = inputs.map(({ info: { shape, dtype } }) => `${showShape(shape)} ${dtype}`);
  return `${op.name} of ${shapes.join(" and ")}`;
}

/** Kernels that networks of convolutions spend their time in. */
function special(node: OpNode): LoweredStep[] | undefined {
  const wanted = node.outputs.filter(({ isOutput, users }) => isOutput || users.length > 0);
  const values = [...node.inputs, ...wanted];
  if (values.some(({ info }) => info.dtype !== "f32" || sizeOf(info.shape) === 0)) return undefined;
  const kind = computes(node);
  return (kind && byKind(node, kind)) ?? byName(node);
}

function byKind(node: OpNode, kind: FusionKind): LoweredStep[] | undefined {
  const [output] = node.outputs;
  const [a, b] = node.inputs;
  switch (kind.kind) {
    case "activation":
      return [tail(a, output, leaky(kind.slope))];
    case "sum":
      return binary("add", a, b, output) ?? binary("add", b, a, output);
    case "norm":
      return norm(node, kind.eps, kind.slope);
    case "nearest":
      return [nearest(a, output)];
    case "join":
      return join(node.inputs, output, kind.axis);
    default:
      return undefined;
  }
}

function byName({ op, attrs, inputs, outputs: [output] }: OpNode): LoweredStep[] | undefined {
  const [a, b] = inputs;
  const { a: scalar = 0 } = (attrs ?? {}) as { a?: number };
  switch (op.name) {
    case "sigmoid":
      return [tail(a, output, { kind: "sigmoid" })];
    case "softmax": {
      const width = lastOf(a);
      const kernel = softmax({ rows: sizeOf(a.info.shape) / width, width });
      return [{ kernel, operands: { input: a, output } }];
    }
    case "mul":
      return binary("multiply", a, b, output) ?? binary("multiply", b, a, output);
    case "sub":
      return binary("subtract", a, b, output);
    case "mulScalar":
      return [affine(a, output, filled(lastOf(a), scalar, 0))];
    case "addScalar":
      return [affine(a, output, filled(lastOf(a), 1, scalar))];
    default:
      return undefined;
  }
}

const lastOf = ({ info: { shape } }: Value): number => shape[shape.length - 1] ?? 1;

function leaky(slope: number): Activation {
  return { kind: "leaky_relu", slope };
}

function tail(a: Value, output: Value, activation: Activation): LoweredStep {
  const width = lastOf(a);
  const rows = sizeOf(a.info.shape) / width;
  return { kernel: pointwise({ rows, width, kind: "tail", activation }), operands: { a, output } };
}

/** Operands of one shape, or a second that is one row (a number a channel) for all. */
function binary(
  kind: "add" | "multiply" | "subtract",
  a: Value,
  b: Value,
  output: Value,
): LoweredStep[] | undefined {
  const width = lastOf(a);
  const same = sameShape(a.info.shape, b.info.shape);
  const row = sizeOf(b.info.shape) === width && lastOf(b) === width;
  if (!sameShape(a.info.shape, output.info.shape) || !(same || row)) return undefined;
  const rows = sizeOf(a.info.shape) / width;
  return [{ kernel: pointwise({ rows, width, kind, shared: !same }), operands: { a, b, output } }];
}

function affine(
  a: Value,
  output: Value,
  b: Constants,
  activation: Activation = { kind: "none" },
): LoweredStep {
  const width = lastOf(a);
  const rows = sizeOf(a.info.shape) / width;
  const kernel = pointwise({ rows, width, kind: "affine", activation });
  return { kernel, operands: { a, b, output } };
}

/** Constants of an `affine` step: one scale and one shift for all. */
function filled(width: number, scale: number, shift: number): Constants {
  return {
    layout: ["affine", width, scale, shift].join(),
    tensors: [],
    make: () => Float32Array.from({ length: width * 2 }, (_, i) => (i < width ? scale : shift)),
  };
}

/**
 * Batch norm that follows no convolution, with given statistics: γ/√(σ² + ε) and β − μ·γ/√(σ² + ε), in double
 * precision.
 */
function norm(node: OpNode, eps: number, slope: number | undefined): LoweredStep[] | undefined {
  const [x, ...statistics] = node.inputs;
  const tensors = statistics.map(({ constant }) => constant);
  const [mean, variance, gamma, beta] = tensors;
  if (!mean || !variance || !gamma || !beta) return undefined;
  const width = lastOf(x);
  const constants: Constants = {
    layout: ["norm", width, eps].join(),
    tensors: [mean, variance, gamma, beta],
    make: (host) => {
      const values = new Float32Array(width * 2);
      for (let c = 0; c < width; c++) {
        const scale = host.get(gamma)![c] / Math.sqrt(host.get(variance)![c] + eps);
        values[c] = scale;
        values[width + c] = host.get(beta)![c] - host.get(mean)![c] * scale;
      }
      return values;
    },
  };
  return [affine(x, node.outputs[0], constants, slope === undefined ? undefined : leaky(slope))];
}

function nearest(input: Value, output: Value): LoweredStep {
  const [batch, inHeight, inWidth, channels] = input.info.shape;
  const [, outHeight, outWidth] = output.info.shape;
  const kernel = resizeNearest({ batch, inHeight, inWidth, outHeight, outWidth, channels });
  return { kernel, operands: { input, output } };
}

/** Copies each part to its place; convolutions that wrote theirs there already are no operands any more. */
function join(parts: readonly Value[], output: Value, axis: number): LoweredStep[] {
  const { shape } = output.info;
  const rows = sizeOf(shape.slice(0, axis));
  const outStride = sizeOf(shape.slice(axis));
  let outOffset = 0;
  return parts.map((input) => {
    const width = sizeOf(input.info.shape.slice(axis));
    const kernel = copy({ rows, width, outStride, outOffset });
    outOffset += width;
    return { kernel, operands: { input, output } };
  });
}
