/**
 * Transformed patches: of the input, Bᵀ d B of 6×6 values every 4, or of the output's gradient, A g Aᵀ of 4×4.
 *
 * A workgroup is a subgroup of 8 and takes one tile, four channels at a time: lane l loads column l (rows outside the image are
 * zeros and not loaded), see `transform.ts`. What it writes has the place first, then the tile, then the channels, so that each
 * place is a matrix for `products.ts`. On CPU adapters a value loaded or stored costs as much as four multiply-adds
 * of a vector, so that this is about as long as its 2.25 loads and as many stores a value.
 */
import type { Kernel } from "../../kernel.js";
import {
  enablesWgsl,
  type ForwardText,
  forwardParams,
  forwardText,
  gridWorkgroups,
  loadQuad,
  paramsWgsl,
  stored,
} from "../forward/forward.js";
import type { PackedLayout } from "../shared/layout.js";
import type { Conv2dSpec } from "../shared/spec.js";
import { lines, once } from "../shared/text.js";
import { quadsOf, TILE_FIELDS, TILE_WGSL, type Tiles, tileParams } from "./tiles.js";
import {
  columnsWgsl,
  FROM_GRADIENT,
  FROM_INPUT,
  OUTPUTS,
  PATCH,
  PLACES,
  transformWgsl,
} from "./transform.js";

function patchesWgsl(text: ForwardText, ofGradient: boolean): string {
  const matrix = ofGradient ? FROM_GRADIENT : FROM_INPUT;
  const rows = matrix[0].length;
  const type = stored(text.types.input, text.vec4In ? 4 : 1);
  return /* wgsl */ `${enablesWgsl(text, true)}${paramsWgsl({ second: false }, TILE_FIELDS)}
@group(0) @binding(0) var<storage, read> input: array<${type}>;
@group(0) @binding(1) var<storage, read_write> patches: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
${TILE_WGSL}
  let y_first = tile_y * ${OUTPUTS}u - p.pad_top;
  let x = tile_x * ${OUTPUTS}u + lane - p.pad_left;
  let column = lane < ${rows}u && x < p.in_w;
${lines(
  rows,
  (row) => `  let y${row} = y_first + ${row}u;
  let inside${row} = column && y${row} < p.in_h;
  let at${row} = ((image * p.in_h + y${row}) * p.in_w + x) * p.in_stride + p.in_offset;`,
)}
${columnsWgsl(matrix)}
  for (var quad = 0u; quad < p.quads; quad++) {
    let channel = quad * 4u;
${lines(
  rows,
  (row) => `    var d${row} = vec4f();
    if (inside${row}) {
      d${row} = ${loadQuad(text, `at${row}`, "channel")};
    }`,
)}
${transformWgsl(matrix)}
    if (lane < ${PATCH}u) {
${lines(PATCH, (row) => `      patches[((${row * PATCH}u + lane) * p.tiles + index) * p.quads + quad] = h${row};`)}
    }
  }
}
`;
}

/** Bindings: input (or the output's gradient, which the spec then has as its input), patches. */
export function patchesKernel(
  spec: Conv2dSpec,
  layout: PackedLayout,
  tiles: Tiles,
  ofGradient = false,
): Kernel {
  const quads = quadsOf(spec.inChannels);
  const text = { ...forwardText(spec, 4), residual: false, second: false, wideOut: true };
  const own = { ...text, types: { ...text.types, output: "f32", residual: "f32" } } as const;
  const half = own.types.input === "f16";
  const values = tiles.count * spec.inChannels;
  return {
    name: `conv2d/subgroup-winograd-${ofGradient ? "gradient" : "input"}`,
    wgsl: once(patchesWgsl, own, ofGradient),
    bindings: ["read", "read_write"],
    params: forwardParams(
      { ...spec, second: undefined, residual: undefined, activation: { kind: "none" } },
      layout,
      { more: tileParams(tiles, quads) },
    ),
    workgroups: gridWorkgroups(tiles.count, 1),
    features: half ? ["shader-f16", "subgroups"] : ["subgroups"],
    flops: 0,
    bytes: 4 * values * (OUTPUTS ** 2 + PLACES),
  };
}
