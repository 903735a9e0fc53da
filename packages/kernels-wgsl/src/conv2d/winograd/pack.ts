/**
 * The transformed weights of F(4×4, 3×3), G w Gᵀ: blocks of `8 × width` output channels, each by place and four input channels as
 * `subgroup-gemm.ts` has taps, and the biases behind them. An invocation makes the 36 numbers of one
 * output channel and four input channels, a row of six at a time.
 */
import { type Kernel, linearWorkgroups, packParams } from "../../kernel.js";
import { LANES } from "../forward/cpu-traits.js";
import type { Width } from "../forward/forward.js";
import type { PackedLayout } from "../shared/layout.js";
import type { Conv2dSpec } from "../shared/spec.js";
import { lines } from "../shared/text.js";
import { quadsOf } from "./tiles.js";
import { FROM_WEIGHT, float, PATCH, PLACES } from "./transform.js";

const WORKGROUP = 64;

function row(values: readonly number[]): string {
  return `vec3f(${values.map(float).join(", ")})`;
}

const PACK_WGSL = /* @__PURE__ */ packWgsl();

function packWgsl(): string {
  return /* wgsl */ `
struct Params {
  pairs: u32,
  biases: u32,
  quads: u32,
  width: u32,
  rows: u32,
  out_channels: u32,
  in_channels: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const MATRIX = array<vec3f, ${PATCH}>(
  ${FROM_WEIGHT.map(row).join(",\n  ")},
);

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * ${WORKGROUP}u + lane;
  if (i >= p.pairs + p.biases) {
    return;
  }
  if (i >= p.pairs) {
    let first = (i - p.pairs) * 4u;
    var values = vec4f();
    for (var c = 0u; c < 4u; c++) {
      if (p.has_bias == 1u && first + c < p.out_channels) {
        values[c] = bias[first + c];
      }
    }
    packed[p.pairs * ${PLACES}u + i - p.pairs] = values;
    return;
  }
  let block = ${LANES}u * p.width;
  let out_channel = i / p.quads;
  let quad = i % p.quads;
  let in_block = out_channel % block;
  let own = in_block % p.width * ${LANES}u + in_block / p.width;
${lines(9, (k) => `  var t${k} = vec4f();`)}
  let channels = min(4u, p.in_channels - quad * 4u);
  for (var c = 0u; c < select(0u, channels, out_channel < p.out_channels); c++) {
    let in_channel = quad * 4u + c;
    let own_channel = vec4u(c) == vec4u(0u, 1u, 2u, 3u);
    let plain = (out_channel * p.in_channels + in_channel) * 9u;
    let turned = (in_channel * p.out_channels + out_channel) * 9u + 8u;
    let at = select(plain, turned, p.transposed == 1u);
    let step = select(1u, ~0u, p.transposed == 1u);
${lines(9, (k) => `    t${k} = select(t${k}, vec4f(weight[at + ${k}u * step]), own_channel);`)}
  }
  for (var row = 0u; row < p.rows; row++) {
    let down = MATRIX[row];
${lines(3, (x) => `    let r${x} = down.x * t${x} + down.y * t${x + 3} + down.z * t${x + 6};`)}
    let line = ((out_channel / block * ${PLACES}u + row * ${PATCH}u) * p.quads + quad) * block + own;
${FROM_WEIGHT.map((across, column) => {
  const sum = across.map((value, x) => `${float(value)} * r${x}`).join(" + ");
  return `    packed[line + ${column}u * p.quads * block] = ${sum};`;
}).join("\n")}
  }
}
`;
}

/** How weights lie for `products.ts`. */
export function winogradLayout(spec: Conv2dSpec, width: Width): PackedLayout {
  const { inChannels, outChannels } = spec;
  const block = LANES * width;
  const blocks = Math.ceil(outChannels / block);
  const blockStride = PLACES * quadsOf(inChannels) * 4 * block;
  const biasOffset = blocks * blockStride;
  const written = biasOffset + Math.ceil((blocks * block) / 64) * 64;
  return {
    options: { block },
    groups: 1,
    outPerGroup: outChannels,
    inPerGroup: inChannels,
    taps: PLACES,
    blocksPerGroup: blocks,
    blockStride,
    blocksPerSlice: blocks,
    biasOffset,
    written,
    length: written,
  };
}

/** Transforms OIHW weights. Bindings: weight, bias, packed. */
export function packKernel(
  { outPerGroup, inPerGroup, biasOffset, written }: PackedLayout,
  width: Width,
  transposed: boolean,
  hasBias: boolean,
): Kernel {
  const pairs = biasOffset / (PLACES * 4);
  const biases = (written - biasOffset) / 4;
  const flags = [transposed ? 1 : 0, hasBias ? 1 : 0];
  return {
    name: "conv2d/pack-subgroup-winograd",
    wgsl: PACK_WGSL,
    bindings: ["read", "read", "read_write"],
    params: packParams([
      pairs,
      biases,
      quadsOf(inPerGroup),
      width,
      PATCH,
      outPerGroup,
      inPerGroup,
      ...flags,
    ]),
    workgroups: linearWorkgroups((pairs + biases) / WORKGROUP),
    flops: 0,
    bytes: 4 * (outPerGroup * inPerGroup * 9 + written),
  };
}
