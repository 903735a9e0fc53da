import { Deform } from "./deform-records.js";
import { defineKernel, type Kernel, type OperandSlot, rowsFor } from "./kernel.js";
import { Opcode } from "./records.js";

/** Floats that a chunk touches, about. */
const CHUNK = 16 * 1024;
/** Channels of a chunk of the gradient of the input: a line of a processor's cache. */
const CHANNELS = 16;

/** Where a deformable convolution reads NHWC images. */
export interface DeformSpec {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Top and left; below 0 where the output begins inside. */
  readonly padding: readonly [number, number];
  /** Groups of channels with offsets of their own. */
  readonly offsetGroups: number;
  readonly modulated: boolean;
}

function geometry(spec: DeformSpec): Record<number, number> {
  return {
    [Deform.batch]: spec.batch,
    [Deform.inHeight]: spec.inHeight,
    [Deform.inWidth]: spec.inWidth,
    [Deform.channels]: spec.channels,
    [Deform.outHeight]: spec.outHeight,
    [Deform.outWidth]: spec.outWidth,
    [Deform.kernelHeight]: spec.kernelSize[0],
    [Deform.kernelWidth]: spec.kernelSize[1],
    [Deform.strideY]: spec.stride[0],
    [Deform.strideX]: spec.stride[1],
    [Deform.padTop]: spec.padding[0],
    [Deform.padLeft]: spec.padding[1],
    [Deform.dilationY]: spec.dilation[0],
    [Deform.dilationX]: spec.dilation[1],
    [Deform.groups]: spec.offsetGroups,
  };
}

interface Parts {
  readonly name: string;
  readonly opcode: Opcode;
  readonly chunks: number;
  readonly chunkSize: number;
  readonly operands: readonly (readonly [operand: string, field: Deform])[];
  /** Of each sample of a channel. */
  readonly flops: number;
}

function kernel(spec: DeformSpec, parts: Parts): Kernel {
  const { name, opcode, chunks, chunkSize, operands, flops } = parts;
  const slots = operands.map(([operand, field]): OperandSlot => ({ operand, field, offset: 0 }));
  const mask = { operand: "mask", field: Deform.mask, offset: 0 };
  return defineKernel({
    name,
    opcode,
    size: Deform.size,
    chunks,
    integers: { ...geometry(spec), [Deform.chunkSize]: chunkSize },
    operands: spec.modulated ? [...slots, mask] : slots,
    flops: flops * pixelsOf(spec) * samplesOf(spec),
  });
}

function pixelsOf({ batch, outHeight, outWidth }: DeformSpec): number {
  return batch * outHeight * outWidth;
}

/** Of a pixel, all channels. */
function samplesOf({ kernelSize, channels }: DeformSpec): number {
  return kernelSize[0] * kernelSize[1] * channels;
}

function byPixels(spec: DeformSpec) {
  const chunkSize = rowsFor(CHUNK, samplesOf(spec));
  return { chunkSize, chunks: Math.ceil(pixelsOf(spec) / chunkSize) };
}

/** Operands `input`, `offset`, `mask` where modulated, `samples`. */
export function deformSample(spec: DeformSpec): Kernel {
  return kernel(spec, {
    name: "deform-sample",
    opcode: Opcode.DeformSample,
    ...byPixels(spec),
    operands: [
      ["input", Deform.input],
      ["offset", Deform.offset],
      ["samples", Deform.samples],
    ],
    flops: 10,
  });
}

/** Operands `gradient` (of the samples), `offset`, `mask` where modulated, `output`. */
export function deformInputGradient(spec: DeformSpec): Kernel {
  const { batch, channels, offsetGroups } = spec;
  return kernel(spec, {
    name: "deform-input-gradient",
    opcode: Opcode.DeformInputGradient,
    chunkSize: CHANNELS,
    chunks: batch * offsetGroups * Math.ceil(channels / offsetGroups / CHANNELS),
    operands: [
      ["gradient", Deform.samples],
      ["offset", Deform.offset],
      ["output", Deform.input],
    ],
    flops: 12,
  });
}

/**
 * Operands `gradient` (of the samples), `input`, `offset`, `gradOffset`, and where modulated `mask` and `gradMask`.
 */
export function deformOffsetGradient(spec: DeformSpec): Kernel {
  return kernel(spec, {
    name: "deform-offset-gradient",
    opcode: Opcode.DeformOffsetGradient,
    ...byPixels(spec),
    operands: [
      ["gradient", Deform.samples],
      ["input", Deform.input],
      ["offset", Deform.offset],
      ["gradOffset", Deform.gradOffset],
      ...(spec.modulated ? [["gradMask", Deform.gradMask] as const] : []),
    ],
    flops: 20,
  });
}
