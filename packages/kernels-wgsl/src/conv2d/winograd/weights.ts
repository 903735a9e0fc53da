/**
 * The gradients to weights and bias of the sums of products of F(4×4, 3×3): Gᵀ s G, parts added up. A workgroup is a subgroup of 8
 * and takes one output channel, four input channels at a time; lane l loads column l of the 6×6 places and stores column l of the
 * 3×3 taps.
 */
import type { Kernel } from "../../kernel.js";
import { packParams } from "../../kernel.js";
import { LANES } from "../forward/cpu-traits.js";
import { lines } from "../shared/text.js";
import {
  columnsWgsl,
  float,
  ofLane,
  PATCH,
  PLACES,
  SUM_OF_GRADIENT,
  TO_WEIGHT,
  transformWgsl,
} from "./transform.js";

const WEIGHTS_WGSL = /* @__PURE__ */ weightsWgsl();

function weightsWgsl(): string {
  return /* wgsl */ `enable subgroups;

struct Params {
  parts: u32,
  in_channels: u32,
  in_quads: u32,
  out_stride: u32,
}
@group(0) @binding(0) var<storage, read> products: array<vec4f>;
@group(0) @binding(1) var<storage, read> totals: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> biases: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let out_channel = workgroup.x;
  let column = min(lane, ${PATCH - 1}u);
${columnsWgsl(TO_WEIGHT)}
  for (var quad = 0u; quad < p.in_quads; quad++) {
${lines(PATCH, (row) => `    var d${row} = vec4f();`)}
    for (var part = 0u; part < p.parts; part++) {
      let places = part * ${PLACES}u + column;
${lines(PATCH, (row) => `      d${row} += products[((places + ${row * PATCH}u) * p.out_stride + out_channel) * p.in_quads + quad];`)}
    }
${transformWgsl(TO_WEIGHT)}
    var taps = array<vec4f, 3>(h0, h1, h2);
    for (var i = 0u; i < 4u; i++) {
      let in_channel = quad * 4u + i;
      if (lane < 3u && in_channel < p.in_channels) {
        let at = (out_channel * p.in_channels + in_channel) * 9u + lane;
        for (var row = 0u; row < 3u; row++) {
          weight[at + row * 3u] = taps[row][i];
        }
      }
    }
  }
  var bias = 0.0;
  for (var part = 0u; part < p.parts; part++) {
    let places = part * ${PLACES}u + column;
${lines(PATCH, (row) => {
  const factor = SUM_OF_GRADIENT[row];
  if (factor === 0) return "";
  return `    bias += ${float(factor)} * totals[(places + ${row * PATCH}u) * p.out_stride + out_channel];`;
})}
  }
  let total = subgroupAdd(bias * ${ofLane(SUM_OF_GRADIENT)});
  if (lane == 0u) {
    biases[out_channel] = total;
  }
}
`;
}

/** Bindings: sums of products, sums of the gradient, gradWeight (OIHW), gradBias. */
export function weightsKernel(
  parts: number,
  inChannels: number,
  outChannels: number,
  quads: { readonly inQuads: number; readonly outQuads: number },
): Kernel {
  const { inQuads, outQuads } = quads;
  return {
    name: "conv2d/subgroup-winograd-weight-gradient-sum",
    wgsl: WEIGHTS_WGSL,
    bindings: ["read", "read", "read_write", "read_write"],
    params: packParams([parts, inChannels, inQuads, outQuads * 4]),
    workgroups: [outChannels, 1, 1],
    features: ["subgroups"],
    flops: 0,
    bytes: 4 * outChannels * inChannels * (PLACES * parts + 9),
  };
}
