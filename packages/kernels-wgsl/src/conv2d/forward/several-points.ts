/**
 * 1×1 convolutions of several maps, each with weights of its own, in one dispatch: the heads of a pyramid's levels. For GPUs.
 *
 * Which map a workgroup belongs to is found by comparing; from there on it is a convolution of its own, whose text stands
 * there once for each map, as buffers cannot be chosen by a number. An invocation computes four channels of one
 * pixel, a workgroup 64 pixels, so that its weights' addresses are the same for all. Without tiles in workgroup memory, as there is
 * little to compute: 17 million multiply-adds for the heads of MobileNet-0.25 at 640×640, three dispatches of which
 * two were all but empty.
 *
 * Not for CPU adapters, whose `subgroup-gemm` computes five times as much in the same time; 2 dispatches, 0.2 ms on
 * llvmpipe, would not make up for that.
 */
import { defineKernel, input, output, scalarOrVector } from "../../define.js";
import type { Kernel } from "../../kernel.js";
import { type PackedLayout, packedLayout, packKernel } from "../shared/layout.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  conv2dBytes,
  conv2dFlops,
} from "../shared/spec.js";
import { lines } from "../shared/text.js";
import { forwardText, loaded, outputPixels } from "./forward.js";

const WORKGROUP = 64;
const BLOCK = 4;

/** Maps whose inputs, outputs and weights are as many buffers as every device binds. */
export const MOST_POINT_MAPS = 3;

/** What several must have in common, as text; undefined for what cannot be one of them. */
function kindOf(spec: Conv2dSpec): string | undefined {
  const { kernelSize, stride, padding, groups, activation, residual, second } = spec;
  const isPoint = [...kernelSize, ...stride, ...padding, groups].join() === "1,1,1,1,0,0,0,0,1";
  const { vec4In, wideOut, types } = forwardText(spec, BLOCK);
  if (!isPoint || !vec4In || !wideOut) return undefined;
  if (activation.kind !== "none" || residual || second) return undefined;
  return [spec.inChannels, spec.outChannels, types.input, types.output].join();
}

/** Whether one dispatch had better compute them all. */
export function suitsSeveralPoints(specs: readonly Conv2dSpec[], traits: Conv2dTraits): boolean {
  return !traits.software && fitsSeveralPoints(specs);
}

/** Whether `severalPoints` can compute them. */
export function fitsSeveralPoints(specs: readonly Conv2dSpec[]): boolean {
  const kinds = new Set(specs.map(kindOf));
  return (
    specs.length > 1 && specs.length <= MOST_POINT_MAPS && kinds.size === 1 && !kinds.has(undefined)
  );
}

/** Several 1×1 convolutions in one dispatch. Bindings: the packed weights, the inputs, the outputs. */
export interface SeveralPoints {
  readonly kernel: Kernel;
  /** Packs the weights of all, one after the other along the output channels; without dispatches. */
  readonly packing: Conv2dLaunch;
}

/** WGSL of one map's part: from workgroup `unit` of its own on. */
function mapWgsl(k: number, { types }: ReturnType<typeof forwardText>): string {
  const sum = types.output === "f32" ? "sum" : `${scalarOrVector(types.output, BLOCK)}(sum)`;
  return /* wgsl */ `
fn map${k}(unit: u32, lane: u32) {
  let pixel = unit / p.blocks * ${WORKGROUP}u + lane;
  if (pixel >= p.pixels${k}) {
    return;
  }
  let block = unit % p.blocks;
  let weights = (${k}u * p.blocks + block) * p.block_stride;
  let at = (pixel * p.in_stride${k} + p.in_offset${k}) / 4u;
  var sum = packed[weights];
  for (var quad = 0u; quad < p.quads; quad++) {
    let x = ${loaded(types.input, BLOCK, `input${k}[at + quad]`)};
    let row = weights + 1u + quad * 4u;
${lines(BLOCK, (i) => `    sum = fma(vec4f(x[${i}]), packed[row + ${i}u], sum);`)}
  }
  output${k}[(pixel * p.out_stride${k} + p.out_offset${k}) / 4u + block] = ${sum};
}
`;
}

function layoutOf(
  [{ inChannels, outChannels }]: readonly Conv2dSpec[],
  maps: number,
): PackedLayout {
  const spec: Conv2dSpec = {
    ...{ batch: 1, inHeight: 1, inWidth: 1, kernelSize: [1, 1], stride: [1, 1] },
    ...{ dilation: [1, 1], padding: [0, 0, 0, 0], activation: { kind: "none" } },
    inChannels: maps * inChannels,
    outChannels: maps * outChannels,
    groups: maps,
  };
  return packedLayout(spec, { block: BLOCK });
}

/** @param specs must `fitsSeveralPoints` */
export function severalPoints(specs: readonly Conv2dSpec[]): SeveralPoints {
  const [first] = specs;
  const text = forwardText(first, BLOCK);
  const layout = layoutOf(specs, specs.length);
  const units = specs.map(
    (spec) => Math.ceil(outputPixels(spec) / WORKGROUP) * layout.blocksPerGroup,
  );
  const ends = units.map((_, k) => units.slice(0, k + 1).reduce((a, b) => a + b, 0));
  const places = specs.flatMap((spec, k): [string, number][] => [
    [`end${k}`, ends[k]],
    [`pixels${k}`, outputPixels(spec)],
    [`in_stride${k}`, spec.inStride ?? spec.inChannels],
    [`in_offset${k}`, spec.inOffset ?? 0],
    [`out_stride${k}`, spec.outStride ?? spec.outChannels],
    [`out_offset${k}`, spec.outOffset ?? 0],
  ]);
  const parts = specs.map((_, k) => {
    const begin = k === 0 ? "group" : `group - p.end${k - 1}`;
    return `if (group < p.end${k}) { map${k}(${begin}, lane); }`;
  });
  const sum = (of: (spec: Conv2dSpec) => number) => specs.reduce((n, spec) => n + of(spec), 0);
  const kernel = defineKernel({
    name: "conv2d/several-points",
    buffers: [
      input("packed", "vec4f"),
      ...specs.map((_, k) => input(`input${k}`, scalarOrVector(text.types.input, BLOCK))),
      ...specs.map((_, k) => output(`output${k}`, scalarOrVector(text.types.output, BLOCK))),
    ],
    params: {
      blocks: layout.blocksPerGroup,
      block_stride: layout.blockStride / BLOCK,
      quads: first.inChannels / BLOCK,
      ...Object.fromEntries(places),
    },
    globals: specs.map((_, k) => mapWgsl(k, text)).join(""),
    count: ends[ends.length - 1],
    perGroup: true,
    threads: WORKGROUP,
    body: `  ${parts.join(" else ")}`,
    flops: sum((spec) => conv2dFlops(spec)),
    bytes: sum(conv2dBytes),
  });
  const packing: Conv2dLaunch = {
    variant: "several-points",
    packedLength: layout.length,
    packedWritten: layout.written,
    pack: (hasBias) => packKernel(layout, hasBias),
    dispatches: [],
  };
  return { kernel, packing };
}
