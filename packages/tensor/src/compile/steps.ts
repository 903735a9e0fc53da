import {
  bindConv2d,
  type Conv2dLaunch,
  type Conv2dParts,
  type Conv2dSpec,
  conv2d,
  depthwisePoint,
  type Kernel,
  type StorageType,
  severalPoints,
} from "@retinaface-webgpu/kernels-wgsl";
import { bytesPerElement } from "../core/dtype.js";
import { TensorError } from "../core/errors.js";
import { tidy } from "../core/scope.js";
import { sizeOf } from "../core/shape.js";
import { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { conv2dSpec, conv2dTraits } from "../ops/conv2d/forward.js";
import { forStorage } from "../ops/half.js";
import type { OpRun } from "../ops/spec.js";
import { type ConvNode, type OpNode, rootOf, type Value } from "./graph.js";

/** A temporary buffer of one node. */
export interface Scratch {
  readonly scratchBytes: number;
}

/** A part of a temporary buffer, in bytes. */
export interface ScratchSlice {
  readonly scratch: Scratch;
  readonly offset: number;
  readonly size: number;
}

/** A slice of a convolution's packed weights, in elements. */
export interface PackedSlice {
  readonly conv: ConvNode;
  readonly offset: number;
  readonly size: number;
}

export type Operand = Value | ScratchSlice | PackedSlice;

/** One dispatch, its operands not yet in memory. */
export interface Step {
  readonly kernel: Kernel;
  readonly operands: readonly Operand[];
  /** Where its parameters may differ at each run: the node, and which of its dispatches this is. */
  readonly varies?: { readonly node: OpNode; readonly index: number };
}

/** A convolution's kernels and what its weights are packed with. */
export interface PlannedConv {
  readonly node: ConvNode;
  readonly launch: Conv2dLaunch;
}

/** Which variant runs a convolution; undefined for the kernels' own choice. */
export type VariantChooser = (spec: Conv2dSpec) => string | undefined;

/** The dispatches of a convolution. */
export function convSteps(
  device: Device,
  node: ConvNode,
  choose: VariantChooser,
): { steps: Step[]; planned: PlannedConv[] } {
  const spec = fusedSpec(node);
  const launch = conv2d(spec, conv2dTraits(device), choose(spec));
  return { steps: launchSteps(launch, node, node.inputs[0]), planned: [{ node, launch }] };
}

/** The dispatch of a depthwise convolution and of the 1×1 that reads it. */
export function pairSteps(
  depthwise: ConvNode,
  node: ConvNode,
): { steps: Step[]; planned: PlannedConv[] } {
  const own = depthwisePoint(fusedSpec(depthwise), fusedSpec(node));
  const packed = { conv: depthwise, offset: 0, size: own.depthwise.packedLength };
  return {
    steps: launchSteps(own.pair, node, depthwise.inputs[0], packed),
    planned: [
      { node: depthwise, launch: own.depthwise },
      { node, launch: own.pair },
    ],
  };
}

/** The dispatch of 1×1 convolutions of several maps. */
export function severalSteps(nodes: readonly ConvNode[]): {
  steps: Step[];
  planned: PlannedConv[];
} {
  const { kernel, packing } = severalPoints(nodes.map(fusedSpec));
  const all: ConvNode = { ...nodes[0], parts: nodes.flatMap(({ parts }) => parts) };
  const packed = { conv: all, offset: 0, size: packing.packedLength };
  const operands = [packed, ...nodes.map(({ inputs }) => inputs[0])];
  const outputs = nodes.map(({ output }) => output);
  return {
    steps: [{ kernel, operands: [...operands, ...outputs] }],
    planned: [{ node: all, launch: packing }],
  };
}

function launchSteps(
  launch: Conv2dLaunch,
  node: ConvNode,
  input: Value,
  depthwise?: PackedSlice,
): Step[] {
  const parts: Conv2dParts<Operand> = {
    input,
    output: node.output,
    residual: node.residual?.value,
    second: node.second?.output,
    depthwise,
    packed: (offset, size) => ({ conv: node, offset, size }),
  };
  return launch.dispatches.map((dispatch) => ({
    kernel: dispatch.kernel,
    operands: bindConv2d(dispatch, parts),
  }));
}

function storageOf(value: Value): StorageType {
  return rootOf(value).root.info.dtype === "f16" ? "f16" : "f32";
}

/** Where in its tensor's pixels a value lies. */
function placeIn(value: Value): { outStride: number; outOffset: number } {
  const { root, channel } = rootOf(value);
  return { outStride: root.info.shape[root.info.shape.length - 1], outOffset: channel };
}

/** A convolution with everything fused into it, as the kernels see it. */
export function fusedSpec(node: ConvNode): Conv2dSpec {
  const outChannels = node.parts.reduce((n, { weight }) => n + weight.shape[0], 0);
  const [, perGroup, kh, kw] = node.parts[0].weight.shape;
  const weight = { shape: [outChannels, perGroup, kh, kw], dtype: "f32" as const };
  const { second } = node;
  const residual = node.residual && {
    order: node.residual.order,
    height: node.residual.value.info.shape[1],
    width: node.residual.value.info.shape[2],
    type: storageOf(node.residual.value),
  };
  return {
    ...conv2dSpec(node.inputs[0].info, weight, node.attrs),
    activation: node.activation,
    ...placeIn(node.output),
    residual,
    ...(second && {
      second: {
        from: outChannels - second.output.info.shape[3],
        activation: second.activation,
        ...placeIn(second.output),
      },
    }),
    inType: storageOf(node.inputs[0]),
    outType: storageOf(node.output),
  };
}

/** The dispatches of any other operation, taken down from its own `forward`. */
export function opSteps(device: Device, node: OpNode): Step[] {
  if (node.op.alias || node.outputs.every(({ info }) => sizeOf(info.shape) === 0)) return [];
  const steps: Step[] = [];
  const values = new Map<Tensor, Value>();
  const standIn = (value: Value): Tensor => {
    const tensor = new Tensor(device, value.info, { info: value.info });
    values.set(tensor, value);
    return tensor;
  };
  // A scratch buffer is known by the object that stands for its GPUBuffer: forward() may bind parts of it.
  const scratches = new Map<GPUBuffer, Scratch>();
  const operandOf = (arg: Tensor | BufferBinding): Operand => {
    if (arg instanceof Tensor) return values.get(arg) ?? ownTable(arg);
    const scratch = scratches.get(arg.buffer) ?? foreign(node);
    const { offset = 0, size = scratch.scratchBytes - offset } = arg;
    return { scratch, offset, size };
  };
  const run: OpRun = {
    device,
    kernel: (kernel, args) => {
      steps.push({ kernel: forStorage(kernel, args), operands: args.map(operandOf) });
    },
    scratch: (elements, dtype = "f32") => {
      const scratchBytes = roundUp(elements * bytesPerElement(dtype));
      const buffer = { size: scratchBytes } as GPUBuffer;
      scratches.set(buffer, { scratchBytes });
      return { buffer, offset: 0, size: scratchBytes };
    },
  };
  tidy(() => node.op.forward(run, node.inputs.map(standIn), node.outputs.map(standIn), node.attrs));
  return node.op.varies
    ? steps.map((step, index) => ({ ...step, varies: { node, index } }))
    : steps;
}

/** A tensor that an operation keeps, as a constant. */
function ownTable(tensor: Tensor): Value {
  return { info: tensor, producer: undefined, constant: tensor, users: [], isOutput: false };
}

function foreign({ op }: OpNode): never {
  throw new TensorError(
    "FOREIGN_OPERAND",
    `compile: ${op.name} binds memory of its own: make it an input, or take run.scratch().`,
  );
}

/** Bytes of a value, rounded up as buffers are. */
export function bytesOf(value: Value): number {
  return roundUp(sizeOf(value.info.shape) * bytesPerElement(value.info.dtype));
}

/** Bytes as buffers are made of them. */
export function roundUp(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}
