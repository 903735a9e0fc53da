/**
 * Implicit GEMM for CPU adapters: lanes are output channels, and input values reach all of them by
 * subgroup broadcast.
 *
 * A workgroup is one subgroup of 8 invocations. It computes 16 consecutive output pixels of
 * `8 × width` channels; an invocation holds `width` channels of all 16 pixels. For each kernel tap
 * and four input channels, lane l loads the four channels of pixels l and 8 + l (one vec4 each),
 * and its own weights; then every value is broadcast and multiplied by them.
 *
 * Why: llvmpipe runs the 8 invocations as one AVX vector. A load from a storage buffer becomes 8
 * guarded scalar loads (8 ns for a vector of f32, 33 ns for a vector of vec4f), even where all
 * lanes read one address; a broadcast or a multiply-add is 0.2 to 0.3 ns. So what counts is how
 * many multiply-adds a load feeds: here 64 weights and 64 inputs a lane feed 256.
 *
 * The sums are more than there are registers, so that each is loaded and stored again wherever the text comes back to it. So
 * all products of two pixels (more, where a lane has fewer channels) follow one another. With all pixels for one input channel
 * after the other, 3×3 64→64 of 24×24 took 3.13 ms of processor time, two pixels at a time 2.65, all of a step of four images
 * 530 and 469 (MobileNet-0.25 at 320×320, llvmpipe, in turn on a busy machine, 2026-11-30); fewer channels were not timed apart.
 *
 * The output leaves by way of a private array and a loop, because each store in the text costs
 * 6 to 15 ms of compilation.
 *
 * Measured on llvmpipe (Mesa 25.0.7, LLVM 15, 256-bit, two cores of AMD EPYC), 1×1 64→64 at
 * 160×160, 2026-11-24, GFLOP/s by processor time of its threads: 16 pixels × 32 channels 31 to 35;
 * 8 × 16 22; 8 × 32 28; 16 × 16 25; 32 × 32 35, with twice the compilation. Lost: lanes over
 * pixels with weights in a uniform array 10 to 12, from storage 6 to 7; weights in a storage
 * texture 38, not worth a second kind of binding; eight channels an iteration, no gain. Compilation
 * of this text takes 0.1 s (width 1) to 0.25 s (width 4). Weights in a uniform buffer save a third of
 * it at the same run time, but at most 64 KiB of them can be bound: a 3×3 of 64 channels at width 4
 * has more, and a second text for the few others would cost more than it saves. So narrow ones are
 * in uniform buffers, and those of width 4 in storage.
 */

import { type PackedLayout, type PackOptions, packedLayout } from "../shared/layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "../shared/spec.js";
import { lines, once } from "../shared/text.js";
import { LANES, widthFor } from "./cpu-traits.js";
import { epilogueWgsl } from "./epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  inputAt,
  outputPixels,
  paramsWgsl,
  vec,
  type Width,
} from "./forward.js";

/** Pixels of a workgroup, and vectors of as many lanes that they are. */
export const TILE = 16;
export const VECTORS = TILE / LANES;
/** The least that every adapter can bind as a uniform buffer: 64 KiB. */
const UNIFORM_VECTORS = 4096;

/** Loads of four input channels `k4` of the lane's pixels, zero outside the image. */
function loadInputs(text: ForwardText, channels: number): string {
  return lines(VECTORS, (v) => {
    if (text.vec4In) {
      return `let x${v} = select(vec4f(), ${inputAt(text, `at${v} / 4u + k4`)}, inside${v});`;
    }
    const items = Array.from({ length: 4 }, (_, i) =>
      i < channels ? inputAt(text, `at${v} + min(k4 * 4u + ${i}u, p.in_per_group - 1u)`) : "0.0",
    );
    return `let x${v} = select(vec4f(), vec4f(${items.join(", ")}), inside${v});`;
  });
}

/** Sums that stay in registers, of which AVX has 16, while all products of a step are added to them. */
const SUMS_AT_ONCE = 8;

/**
 * All products of one step, of x0 and x1 with w0, w1, … to s0_0, …: `channels` input channels, 16 pixels, `width` output
 * channels.
 */
export function multiply(width: Width, channels: number): string {
  const pixels = SUMS_AT_ONCE / width;
  return lines(TILE / pixels, (group) =>
    lines(channels, (k) => {
      const values = lines(pixels, (i) => {
        const pixel = group * pixels + i;
        const source = `x${Math.floor(pixel / LANES)}[${k}]`;
        return `let b${i} = subgroupBroadcast(${source}, ${pixel % LANES}u);`;
      });
      const products = lines(width, (c) =>
        lines(pixels, (i) => {
          const sum = `s${group * pixels + i}_${c}`;
          return `${sum} = fma(b${i}, w${c}[${k}], ${sum});`;
        }),
      );
      return `{ ${values}\n${products} }`;
    }),
  );
}

/** A loop that hands the tile to `finish` where the condition, the same for all lanes, holds. */
function storeTile(finish: string, condition: string): string {
  return /* wgsl */ `
  if (${condition}) {
    for (var i = 0u; i < p.tile; i++) {
      let pixel = first_pixel + i;
      if (pixel < p.pixels && channel < p.out_channels) {
        ${finish}(pixel, channel, p.out_channels - channel, tile[i]);
      }
    }
  }`;
}

/** Row and column of the input under a tap, for the lane's pixel `v`. */
function sourceOf(v: number, spread: boolean): string {
  if (!spread) {
    return `
      let y${v} = y_first${v} + ky * p.dilation_y;
      let x_at${v} = x_first${v} + kx * p.dilation_x;
      let inside${v} = y${v} < p.in_h && x_at${v} < p.in_w;`;
  }
  return `
      let far_y${v} = y_first${v} + ky * p.dilation_y;
      let far_x${v} = x_first${v} + kx * p.dilation_x;
      let y${v} = divide(far_y${v}, p.stride_y);
      let x_at${v} = divide(far_x${v}, p.stride_x);
      let inside${v} = i32(far_y${v} | far_x${v}) >= 0 && y${v} < p.in_h && x_at${v} < p.in_w
        && y${v} * p.stride_y == far_y${v} && x_at${v} * p.stride_x == far_x${v};`;
}

function subgroupGemmWgsl(text: ForwardText, channels: number, spread: boolean): string {
  const { width } = text;
  const stride = spread ? { y: "1u", x: "1u" } : { y: "p.stride_y", x: "p.stride_x" };
  const items = (item: (c: number) => string): string =>
    Array.from({ length: width }, (_, c) => item(c)).join(", ");
  return /* wgsl */ `${enablesWgsl(text, true)}${paramsWgsl(text)}${bindingsWgsl(text)}${epilogueWgsl(text)}
@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * ${TILE}u;
  var row = workgroup.y * (p.block_stride / 4u) + lane;
  let channel = ((p.first_block + workgroup.y) * ${LANES}u + lane) * ${width}u;
  let bias = biases[channel / ${width}u];
${lines(
  VECTORS,
  (v) => `
  let pixel${v} = min(first_pixel + ${v * LANES}u + lane, p.pixels - 1u);
  let line${v} = divide(pixel${v}, p.out_w);
  let image${v} = divide(line${v}, p.out_h);
  let x_first${v} = (pixel${v} - line${v} * p.out_w) * ${stride.x} - p.pad_left;
  let y_first${v} = (line${v} - image${v} * p.out_h) * ${stride.y} - p.pad_top;`,
)}
${lines(TILE, (pixel) =>
  lines(width, (c) => `var s${pixel}_${c} = bias${width === 1 ? "" : `[${c}]`};`),
)}
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    for (var kx = 0u; kx < p.kernel_w; kx++) {
${lines(
  VECTORS,
  (v) => `${sourceOf(v, spread)}
      let source${v} = (image${v} * p.in_h + y${v}) * p.in_w + x_at${v};
      let at${v} = select(0u, source${v}, inside${v}) * p.in_stride + p.in_offset;`,
)}
      var k4 = 0u;
      loop {
${loadInputs(text, channels)}
${lines(width, (c) => `let w${c} = packed[row + ${c * LANES}u];`)}
${multiply(width, channels)}
        k4 += 1u;
        row += ${width * LANES}u;
        continuing {
          break if k4 * 4u >= p.in_per_group;
        }
      }
    }
  }
  var tile = array<${vec(width)}, ${TILE}>(
${lines(TILE, (pixel) => `${width === 1 ? "" : vec(width)}(${items((c) => `s${pixel}_${c}`)}),`)}
  );
${text.residual ? storeTile("finish", "p.residual_order > 0u") : ""}
${storeTile("finish_plain", text.residual ? "p.residual_order == 0u" : "true")}
}
`;
}

/**
 * Launch of the implicit GEMM, for a spec of one group.
 *
 * @param spread the input gradient of a strided convolution: the spec's stride is the distance at
 *   which the input's pixels lie on a grid of zeros, and `spread` the size of the output. Most
 *   products are then with zeros, which is still faster than gathering.
 */
export function conv2dSubgroupGemm(
  spec: Conv2dSpec,
  transposed: boolean,
  spread?: readonly [height: number, width: number],
): Conv2dLaunch {
  const width = widthFor(spec.outChannels);
  const shape = { block: LANES * width, lanes: LANES, quad: "channels", transposed } as const;
  const layout = layoutFor(spec, shape, width);
  const text = {
    ...forwardText(spec, width),
    residual: spec.residual !== undefined || (width === 4 && !spread && !spec.second),
    uniformVectors: layout.options.uniformVectors,
    biasApart: true,
  };
  const kernel = {
    variant: spread ? "subgroup-gemm-spread" : "subgroup-gemm",
    wgsl: once(subgroupGemmWgsl, text, Math.min(spec.inChannels, 4), spread !== undefined),
    text,
    subgroups: true,
  };
  const pixels = spread ? spec.batch * spread[0] * spread[1] : outputPixels(spec);
  const tiles = Math.ceil(pixels / TILE);
  const place = { tile: TILE, outSize: spread };
  const workgroupsOf = (blocks: number) => gridWorkgroups(tiles, blocks);
  return forwardLaunch(spec, layout, kernel, workgroupsOf, place);
}

/** The layout with narrow weights in a uniform buffer where they fit, others in storage. */
function layoutFor(spec: Conv2dSpec, shape: PackOptions, width: Width): PackedLayout {
  const options = { ...shape, biasApart: true };
  const uniform = packedLayout(spec, { ...options, uniformVectors: UNIFORM_VECTORS });
  return width < 4 && uniform.blocksPerSlice > 0 ? uniform : packedLayout(spec, options);
}
