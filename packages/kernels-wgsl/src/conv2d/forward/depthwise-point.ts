/**
 * A depthwise convolution and the 1×1 that reads it in one dispatch, for GPUs: the pairs that MobileNets are made of. What
 * is between them never goes to memory.
 *
 * It is the implicit GEMM with tiles in workgroup memory (`tiled.ts`), whose invocations make the four channels of four
 * pixels that they bring there, tap by tap, instead of reading them. Each tile of output channels makes them anew: for 256
 * channels in tiles of 32 that is eight times nine multiply-adds a value beside the 256 that read it. On a large GPU that is
 * less than a dispatch, of which the network of MobileNet-0.25 has 13 fewer so (an H200 took 1.28 ms for 50 dispatches
 * whatever their size, `docs/performance.md`); the pair itself has not been timed on one yet.
 *
 * Not for CPU adapters: there a load costs as much as a hundred multiply-adds, so that `subgroup-depthwise.ts` loads each
 * value once and this nine times for each tile. 64→64 channels on 80×80 took 5.8 times as long as in two dispatches
 * (llvmpipe, Mesa 25.0.7, two cores, in turn beside much other work, 2026-11-29).
 */
import { packedLayout, packKernel } from "../shared/layout.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  conv2dBytes,
  conv2dFlops,
} from "../shared/spec.js";
import { lines, once } from "../shared/text.js";
import { isDepthwise } from "./depthwise.js";
import {
  activationParams,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  inputAt,
  outputPixels,
} from "./forward.js";
import {
  ENOUGH_WORKGROUPS,
  largeTiles,
  type Tile,
  type TileSource,
  tiledWgsl,
  tileFor,
} from "./tiled.js";

const QUAD = 4;

/** The most output channels for which depthwise values are made anew in each tile. */
const MOST_CHANNELS = 256;

const DEPTHWISE: TileSource = {
  fields: ["depthwise_stride: u32", "depthwise_slope: f32", "depthwise_lowest: f32"],
  functions: /* wgsl */ `
fn activate_depthwise(x: vec4f) -> vec4f {
  let low = select(x * p.depthwise_slope, vec4f(), x < vec4f(p.depthwise_lowest));
  return select(low, x, x >= vec4f());
}
`,
  quads: "quads_per_tap",
  load: (text) => /* wgsl */ `
      let used = quad < all_quads;
      let channel = select(0u, quad * 4u, used);
      let first = select(0u, quad, used) * p.depthwise_stride;
      var x0 = depthwise[first];
      var x1 = x0;
      var x2 = x0;
      var x3 = x0;
      for (var ky = 0u; ky < p.kernel_h; ky++) {
        for (var kx = 0u; kx < p.kernel_w; kx++) {
          let w = depthwise[first + 1u + ky * p.kernel_w + kx];${lines(
            4,
            (i) => `
          {
            let y = y_first${i} + ky * p.dilation_y;
            let x = x_first${i} + kx * p.dilation_x;
            let inside = y < p.in_h && x < p.in_w;
            let source = select(0u, (image${i} * p.in_h + y) * p.in_w + x, inside);
            let at = source * p.in_stride + p.in_offset;
            x${i} = fma(select(vec4f(), ${inputAt(text, "(at + channel) / 4u")}, inside), w, x${i});
          }`,
          )}
        }
      }
${lines(4, (i) => `x${i} = select(vec4f(), activate_depthwise(x${i}), used);`)}`,
};

/** Whether `point` can make what it reads of `depthwise`'s input itself, and is expected to be the faster for it. */
export function suitsDepthwisePoint(
  depthwise: Conv2dSpec,
  point: Conv2dSpec,
  { software }: Conv2dTraits,
): boolean {
  const { outChannels } = point;
  return !software && outChannels <= MOST_CHANNELS && fitsDepthwisePoint(depthwise, point);
}

/** Whether `depthwisePoint` can compute the two. */
export function fitsDepthwisePoint(depthwise: Conv2dSpec, point: Conv2dSpec): boolean {
  const { kernelSize, stride, padding, groups, inStride = point.inChannels } = point;
  return (
    isDepthwise(depthwise) &&
    !depthwise.residual &&
    forwardText(depthwise, QUAD).vec4In &&
    inStride === depthwise.outChannels &&
    (depthwise.outStride ?? inStride) === inStride &&
    groups === 1 &&
    [...kernelSize, ...stride, ...padding].join() === "1,1,1,1,0,0,0,0"
  );
}

/** Both convolutions: the launch of the pair, whose weights are the 1×1's, and of the depthwise one how to pack its own. */
export interface DepthwisePoint {
  readonly pair: Conv2dLaunch;
  /** Without dispatches. */
  readonly depthwise: Conv2dLaunch;
}

const pairWgsl = (text: ForwardText, tile: Tile) => tiledWgsl(text, tile, DEPTHWISE);

/** A depthwise convolution and the 1×1 that reads it. @param point must `fitsDepthwisePoint` */
export function depthwisePoint(depthwise: Conv2dSpec, point: Conv2dSpec): DepthwisePoint {
  const tile = tileFor(point, largeTiles(point) >= ENOUGH_WORKGROUPS ? 8 : 4);
  const own = packedLayout(depthwise, { block: QUAD, depthwise: true });
  const layout = packedLayout(point, { block: tile.channels, padChannels: true });
  const { outChannels, outStride, outOffset, outType, activation, residual } = point;
  const spec: Conv2dSpec = {
    ...depthwise,
    groups: 1,
    ...{ outChannels, outStride: outStride ?? outChannels, outOffset: outOffset ?? 0 },
    ...{ outType, activation, residual, second: point.second },
  };
  const text = { ...forwardText(spec, QUAD), depthwise: true };
  const kernel = { variant: "depthwise-point", wgsl: once(pairWgsl, text, tile), text };
  const tiles = Math.ceil(outputPixels(point) / tile.pixels);
  const more = [own.blockStride / QUAD, ...activationParams(depthwise.activation)];
  const workgroupsOf = (blocks: number) => gridWorkgroups(tiles, blocks);
  const pair = forwardLaunch(spec, layout, kernel, workgroupsOf, { more });
  const flops = conv2dFlops(depthwise) + conv2dFlops(point);
  const between = 2 * 4 * outputPixels(point) * point.inChannels;
  const bytes = conv2dBytes(depthwise) + conv2dBytes(point) - between;
  return {
    pair: {
      ...pair,
      dispatches: pair.dispatches.map((one) => ({
        ...one,
        kernel: { ...one.kernel, flops, bytes },
      })),
    },
    depthwise: {
      variant: "depthwise-point",
      packedLength: own.length,
      packedWritten: own.written,
      pack: (hasBias) => packKernel(own, hasBias),
      dispatches: [],
    },
  };
}
