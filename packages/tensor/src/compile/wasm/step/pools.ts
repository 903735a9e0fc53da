/**
 * Pools as kernels for processors. A volume is pooled as images, plane by plane, and then along its depth: the largest of
 * the largest, the mean of the means. So windows have the first of equal values where one pass would.
 */
import {
  gatherElements,
  map,
  maxPoolPositions,
  pool,
  poolGradient,
  type SizedPool,
} from "@retinaface-webgpu/kernels-wasm";
import { sizeOf } from "../../../core/shape.js";
import type { AverageAttrs, PoolAttrs } from "../../../ops/pool/forward.js";
import type { StepValue } from "../../step/graph.js";
import {
  isRead,
  type NodeLowering,
  one,
  type StepKernel,
  type StepOperand,
  scratchOf,
} from "./kernels.js";

type Volume = readonly [
  batch: number,
  depth: number,
  height: number,
  width: number,
  channels: number,
];

/** A shape as that of volumes: images are one deep, sequences one high too. */
function asVolume(shape: readonly number[]): Volume {
  const ones = new Array<number>(5 - shape.length).fill(1);
  return [shape[0], ...ones, ...shape.slice(1)] as unknown as Volume;
}

interface Passes {
  /** Of planes, all that there are. */
  readonly planes: SizedPool;
  /** Of columns of planes as large as those that the first gives; none where windows are one deep. */
  readonly depths: SizedPool | undefined;
}

/** Whether every window has a number that is no padding. */
function meetsAll({ kernel, dilation, before, after }: PoolAttrs): boolean {
  return kernel.every((taps, k) => Math.max(before[k], after[k]) <= dilation[k] * (taps - 1));
}

/**
 * Pools of images that together pool `x` into `y`; `undefined` for the largest in volumes where some window is empty.
 *
 * @param places whether places in the whole volume are asked for
 */
function passesOf(
  x: StepValue,
  y: StepValue,
  attrs: Partial<AverageAttrs> & PoolAttrs,
  kind: "max" | "average",
  places = false,
): Passes | undefined {
  const [batch, depth, inHeight, inWidth, channels] = asVolume(x.info.shape);
  const [, outDepth, outHeight, outWidth] = asVolume(y.info.shape);
  const { kernel, stride, dilation, before, after, countPadding = false } = attrs;
  const plane = (axes: readonly number[]) => [axes[1], axes[2]] as const;
  const planes: SizedPool = {
    ...{ batch: batch * depth, inHeight, inWidth, channels, outHeight, outWidth },
    kernelSize: plane(kernel),
    stride: plane(stride),
    dilation: plane(dilation),
    padding: [before[1], after[1], before[2], after[2]],
    ...{ kind, countPadding },
  };
  const isFlat = kernel[0] === 1 && stride[0] === 1 && before[0] + after[0] === 0;
  if (isFlat && (!places || depth === 1)) return { planes, depths: undefined };
  if (kind === "max" && !meetsAll(attrs)) return undefined;
  const width = outHeight * outWidth;
  const depths: SizedPool = {
    ...{ batch, inHeight: depth, inWidth: width, channels, outHeight: outDepth, outWidth: width },
    kernelSize: [kernel[0], 1],
    stride: [stride[0], 1],
    dilation: [dilation[0], 1],
    padding: [before[0], after[0], 0, 0],
    ...{ kind, countPadding },
  };
  return { planes, depths };
}

/** Numbers of what the first pass gives. */
function between({ planes }: Passes): number {
  return planes.batch * planes.outHeight * planes.outWidth * planes.channels;
}

function pooled(passes: Passes, input: StepOperand, output: StepOperand): StepKernel[] {
  const { planes, depths } = passes;
  if (!depths) return one(pool(planes), { input, output });
  const middle = scratchOf(between(passes));
  return [
    ...one(pool(planes), { input, output: middle }),
    ...one(pool(depths), { input: middle, output }),
  ];
}

/** The largest, and where in its volume each was. */
function largest(
  passes: Passes,
  input: StepValue,
  output: StepValue,
  positions: StepValue,
): StepKernel[] {
  const { planes, depths } = passes;
  if (!depths) return one(maxPoolPositions(planes), { input, output, positions });
  const { batch, inHeight: depth, inWidth, outHeight, channels } = depths;
  const [middle, inPlane] = [0, 1].map(() => scratchOf(between(passes)));
  const count = sizeOf(output.info.shape);
  const [inColumns, starts] = [0, 1].map(() => scratchOf(count));
  const inPlanes = {
    ...{ outer: batch, extent: depth * inWidth, inner: channels },
    indices: outHeight * inWidth,
  };
  return [
    ...one(maxPoolPositions(planes), { input, output: middle, positions: inPlane }),
    ...one(maxPoolPositions(depths), { input: middle, output, positions: inColumns }),
    ...one(gatherElements(inPlanes), { input: inPlane, index: inColumns, output: positions }),
    ...byNumber("divideIntegers", count, inColumns, inWidth, starts),
    ...byNumber("multiplyIntegers", count, starts, planes.inHeight * planes.inWidth, starts),
    ...one(flat("addIntegers", count, 2), { x: positions, y: starts, output: positions }),
  ];
}

type IntegerFunction = "addIntegers" | "multiplyIntegers" | "divideIntegers";

/** A function of integers that lie one behind the other; of one operand, with the number p. */
function flat(kind: IntegerFunction, count: number, operands: 1 | 2, p = 0) {
  const dense = { strides: [1] };
  const second = operands === 2 ? dense : undefined;
  return map({ kind, shape: [count], output: dense, operands: [dense, second], p });
}

function byNumber(
  kind: IntegerFunction,
  count: number,
  x: StepOperand,
  p: number,
  output: StepOperand,
): StepKernel[] {
  return one(flat(kind, count, 1, p), { x, output });
}

const maxPool: NodeLowering = ({ inputs: [x], outputs: [y, positions], attrs }) => {
  const places = isRead(positions);
  const passes = passesOf(x, y, attrs as PoolAttrs, "max", places);
  if (!passes) return undefined;
  return places ? largest(passes, x, y, positions) : pooled(passes, x, y);
};

const avgPool: NodeLowering = ({ inputs: [x], outputs: [y], attrs }) => {
  const passes = passesOf(x, y, attrs as AverageAttrs, "average");
  return passes && pooled(passes, x, y);
};

/** By the places of the largest, whatever their windows were. */
const maxPoolGradient: NodeLowering = ({
  inputs: [gradient, positions],
  outputs: [output],
  attrs,
}) => {
  const passes = passesOf(output, gradient, attrs as PoolAttrs, "max");
  if (!passes) return undefined;
  const [batch, depth, height] = asVolume(output.info.shape);
  const [, outDepth, outHeight] = asVolume(gradient.info.shape);
  const spec = {
    ...passes.planes,
    batch,
    inHeight: depth * height,
    outHeight: outDepth * outHeight,
  };
  return one(poolGradient(spec), { gradient, positions, output });
};

const avgPoolGradient: NodeLowering = ({ inputs: [gradient], outputs: [output], attrs }) => {
  const passes = passesOf(output, gradient, attrs as AverageAttrs, "average");
  if (!passes) return undefined;
  const { planes, depths } = passes;
  if (!depths) return one(poolGradient(planes), { gradient, output });
  const middle = scratchOf(between(passes));
  return [
    ...one(poolGradient(depths), { gradient, output: middle }),
    ...one(poolGradient(planes), { gradient: middle, output }),
  ];
};

/** By the operations' names. */
export const POOLS: Readonly<Record<string, NodeLowering>> = {
  maxPool,
  avgPool,
  maxPoolBackward: maxPoolGradient,
  avgPoolBackward: avgPoolGradient,
};
