import { defineKernel, type Kernel } from "./kernel.js";
import { SampleAxis, SampledResize, SampleKind } from "./line-records.js";
import { Opcode } from "./records.js";

/** One axis: extents, and source = (step · destination + origin) / denominator, all integers. */
export interface SampledAxis {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly origin: number;
  readonly denominator: number;
}

/** A resize of [batch, y.from, x.from, channels] to [batch, y.to, x.to, channels], of any coordinates. */
export interface SampledResizeSpec {
  readonly batch: number;
  readonly channels: number;
  readonly y: SampledAxis;
  readonly x: SampledAxis;
  /** Bilinear, or how the nearest pixel is found. */
  readonly sampling: Exclude<keyof typeof SampleKind, number>;
}

function axisWords(first: number, axis: SampledAxis): Record<number, number> {
  return {
    [first + SampleAxis.from]: axis.from,
    [first + SampleAxis.to]: axis.to,
    [first + SampleAxis.step]: axis.step,
    [first + SampleAxis.origin]: axis.origin,
    [first + SampleAxis.denominator]: axis.denominator,
  };
}

function resizeKernel(name: string, opcode: Opcode, spec: SampledResizeSpec, rows: number): Kernel {
  const { batch, channels, y, x, sampling } = spec;
  return defineKernel({
    name,
    opcode,
    size: SampledResize.size,
    chunks: batch * rows,
    integers: {
      [SampledResize.channels]: channels,
      [SampledResize.kind]: SampleKind[sampling],
      ...axisWords(SampledResize.y, y),
      ...axisWords(SampledResize.x, x),
    },
    operands: [
      { operand: "input", field: SampledResize.input, offset: 0 },
      { operand: "output", field: SampledResize.output, offset: 0 },
    ],
    flops: batch * y.to * x.to * channels * (sampling === "bilinear" ? 8 : 1),
  });
}

/** Operands `input`, `output`. */
export function sampledResize(spec: SampledResizeSpec): Kernel {
  return resizeKernel("sampled-resize", Opcode.SampledResize, spec, spec.y.to);
}

/** Operands `input` (the gradient of the result), `output`. */
export function sampledResizeGradient(spec: SampledResizeSpec): Kernel {
  return resizeKernel("sampled-resize-gradient", Opcode.SampledResizeGradient, spec, spec.y.from);
}
