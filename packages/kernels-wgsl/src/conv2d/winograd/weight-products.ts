/**
 * The products of the gradient to the weights by F(4×4, 3×3): at each of 36 places the sum over tiles of the input's transformed
 * patches times those of the output's gradient.
 *
 * As `weight-gradient/subgroup.ts` with a tile for a pixel: a lane adds up four input channels for 16 output channels, of four tiles
 * at a time, and the gradient reaches all lanes by broadcast. The same lanes add up the gradient itself, from which the bias's
 * follows.
 */
import type { Kernel } from "../../kernel.js";
import { packParams } from "../../kernel.js";
import { LANES } from "../forward/cpu-traits.js";
import { lines } from "../shared/text.js";
import { BLOCK, multiply, PIXELS } from "../weight-gradient/subgroup.js";
import { PLACES } from "./transform.js";

/** Sizes of the matrices, channels in fours. */
export interface WeightProductSizes {
  readonly tiles: number;
  readonly inQuads: number;
  readonly outQuads: number;
  /** Which part of the tiles this is: sums of each part lie behind those of the one before. */
  readonly part: number;
}

/** Elements of a part's sums. */
export function sumsLength({ inQuads, outQuads }: Omit<WeightProductSizes, "tiles" | "part">) {
  return { products: PLACES * outQuads * inQuads * 16, gradients: PLACES * outQuads * 4 };
}

const WEIGHT_PRODUCTS_WGSL = /* @__PURE__ */ weightProductsWgsl();

function weightProductsWgsl(): string {
  return /* wgsl */ `enable subgroups;

struct Params {
  tiles: u32,
  in_quads: u32,
  out_quads: u32,
  part: u32,
  block: u32,
}
@group(0) @binding(0) var<storage, read> patches: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> products: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> totals: array<vec4f>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = workgroup.z;
  let quad = workgroup.x * ${LANES}u + lane;
  let own = min(quad, p.in_quads - 1u);
  let first = workgroup.y * ${BLOCK / 4}u;
  let out_quad = min(first + lane % 4u, p.out_quads - 1u);
${lines(BLOCK, (channel) => `  var s${channel} = vec4f();`)}
  var bias = vec4f();
  for (var tile = 0u; tile < p.tiles; tile += ${PIXELS}u) {
${lines(
  PIXELS / 2,
  (i) => `    var g${i} = vec4f();
    {
      let one = tile + ${2 * i}u + lane / 4u;
      if (one < p.tiles) {
        g${i} = gradients[(place * p.tiles + one) * p.out_quads + out_quad];
      }
      bias += g${i};
    }`,
)}
${lines(
  PIXELS,
  (i) =>
    `    let x${i} = patches[(place * p.tiles + min(tile + ${i}u, p.tiles - 1u)) * p.in_quads + own];`,
)}
${multiply()}
  }
  let total = bias + subgroupShuffleXor(bias, 4u);
  var sums = array<vec4f, ${BLOCK}>(${lines(BLOCK, (channel) => `s${channel},`)});
  let line = (p.part * ${PLACES}u + place) * p.out_quads;
  for (var i = 0u; i < p.block; i++) {
    let out_channel = first * 4u + i;
    if (out_channel < p.out_quads * 4u && quad < p.in_quads) {
      products[(line * 4u + out_channel) * p.in_quads + quad] = sums[i];
    }
  }
  if (workgroup.x == 0u && lane < 4u && first + lane < p.out_quads) {
    totals[line + first + lane] = total;
  }
}
`;
}

/** Bindings: patches of the input, patches of the gradient, sums of products, sums of the gradient. */
export function weightProductsKernel(sizes: WeightProductSizes): Kernel {
  const { tiles, inQuads, outQuads, part } = sizes;
  const { products, gradients } = sumsLength(sizes);
  return {
    name: "conv2d/subgroup-winograd-weight-gradient",
    wgsl: WEIGHT_PRODUCTS_WGSL,
    bindings: ["read", "read", "read_write", "read_write"],
    params: packParams([tiles, inQuads, outQuads, part, BLOCK]),
    workgroups: [Math.ceil(inQuads / LANES), Math.ceil((outQuads * 4) / BLOCK), PLACES],
    features: ["subgroups"],
    flops: 2 * tiles * products,
    bytes: 4 * (PLACES * tiles * 4 * (inQuads + outQuads) + products + gradients),
  };
}
