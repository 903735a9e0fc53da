/**
 * Outputs of the products of F(4×4, 3×3): Aᵀ m A with bias, residual and activation. A workgroup is a subgroup of 8 and takes one
 * tile, four channels at a time; lane l loads column l of the 6×6 places and stores column l of the 4×4 outputs.
 */
import type { Kernel } from "../../kernel.js";
import { epilogueWgsl } from "../forward/epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardParams,
  gridWorkgroups,
  paramsWgsl,
} from "../forward/forward.js";
import type { PackedLayout } from "../shared/layout.js";
import { type Conv2dSpec, conv2dBytes } from "../shared/spec.js";
import { lines, once } from "../shared/text.js";
import { quadsOf, TILE_FIELDS, TILE_WGSL, type Tiles, tileParams } from "./tiles.js";
import { columnsWgsl, OUTPUTS, PATCH, TO_OUTPUT, transformWgsl } from "./transform.js";

/** @param text that of a kernel whose input is what `products.ts` wrote */
function outputsWgsl(text: ForwardText): string {
  const fields = [...TILE_FIELDS, "columns: u32"];
  return /* wgsl */ `${enablesWgsl(text, true)}${paramsWgsl(text, fields)}${bindingsWgsl(text)}${epilogueWgsl(text)}
@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
${TILE_WGSL}
  let y = tile_y * ${OUTPUTS}u;
  let x = tile_x * ${OUTPUTS}u + lane;
  let stores = lane < ${OUTPUTS}u && x < p.out_w;
  let pixel = (image * p.out_h + y) * p.out_w + x;
${columnsWgsl(TO_OUTPUT)}
  for (var quad = 0u; quad < p.quads; quad++) {
${lines(PATCH, (row) => `    var d${row} = vec4f();`)}
    if (lane < ${PATCH}u) {
${lines(PATCH, (row) => `      d${row} = input[((${row * PATCH}u + lane) * p.tiles + index) * p.columns + quad];`)}
    }
${transformWgsl(TO_OUTPUT)}
    let bias = packed[quad];
    let channel = quad * 4u;
${lines(
  OUTPUTS,
  (row) => `    if (stores && y + ${row}u < p.out_h) {
      finish(pixel + ${row}u * p.out_w, channel, p.out_channels - channel, h${row} + bias);
    }`,
)}
  }
}
`;
}

/** Bindings: products, biases, residual and second output where the text has them, output. */
export function outputsKernel(
  spec: Conv2dSpec,
  layout: PackedLayout,
  text: ForwardText,
  tiles: Tiles,
  columns: number,
): Kernel {
  const { types } = text;
  const own: ForwardText = { ...text, vec4In: true, types: { ...types, input: "f32" } };
  const half = [types.output, text.residual ? types.residual : "f32"].includes("f16");
  const quads = quadsOf(spec.outChannels);
  return {
    name: "conv2d/subgroup-winograd-output",
    wgsl: once(outputsWgsl, own),
    bindings: [
      "read",
      "read",
      ...(text.residual ? (["read"] as const) : []),
      "read_write",
      ...(text.second ? (["read_write"] as const) : []),
    ],
    params: forwardParams(spec, layout, { more: [...tileParams(tiles, quads), columns] }),
    workgroups: gridWorkgroups(tiles.count, 1),
    features: half ? ["shader-f16", "subgroups"] : ["subgroups"],
    flops: 0,
    bytes: conv2dBytes(spec),
  };
}
