/**
 * The products of F(4×4, 3×3): at each of 36 places a matrix product of transformed patches and transformed weights.
 *
 * As `subgroup-gemm.ts` with a tile of outputs for a pixel: a workgroup is one subgroup of 8, computes 16 tiles of `8 × width`
 * channels at one place, and broadcasts what lanes have loaded. Its sums go to memory by 16 stores in the text instead of a
 * loop over a private array, since here they are one in seven of all it loads and stores. Adding them up to outputs at once
 * was not tried: it takes 16 outputs of 16 tiles, more than registers and first cache hold.
 */
import type { Kernel } from "../../kernel.js";
import { packParams } from "../../kernel.js";
import { LANES } from "../forward/cpu-traits.js";
import { vec, type Width } from "../forward/forward.js";
import { multiply, TILE, VECTORS } from "../forward/subgroup-gemm.js";
import { lines, once } from "../shared/text.js";
import { PLACES } from "./transform.js";

/** Sizes of the matrices. */
export interface ProductSizes {
  readonly tiles: number;
  /** Input channels, in fours. */
  readonly quads: number;
  /** Blocks of `8 × width` output channels. */
  readonly blocks: number;
  readonly width: Width;
}

function productsWgsl(width: Width): string {
  const items = (i: number) => Array.from({ length: width }, (_, c) => `s${i}_${c}`).join(", ");
  const value = (i: number) => (width === 1 ? items(i) : `${vec(width)}(${items(i)})`);
  return /* wgsl */ `enable subgroups;

struct Params {
  tiles: u32,
  quads: u32,
  blocks: u32,
}
@group(0) @binding(0) var<storage, read> patches: array<vec4f>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> products: array<${vec(width)}>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = workgroup.x * ${TILE}u;
  let place = workgroup.z;
  var row = (workgroup.y * ${PLACES}u + place) * p.quads * ${LANES * width}u + lane;
${lines(
  VECTORS,
  (v) => `  let tile${v} = min(first + ${v * LANES}u + lane, p.tiles - 1u);
  let at${v} = (place * p.tiles + tile${v}) * p.quads;`,
)}
${lines(TILE, (i) => lines(width, (c) => `  var s${i}_${c} = 0.0;`))}
  for (var k4 = 0u; k4 < p.quads; k4++) {
${lines(VECTORS, (v) => `    let x${v} = patches[at${v} + k4];`)}
${lines(width, (c) => `    let w${c} = packed[row + ${c * LANES}u];`)}
${multiply(width, 4)}
    row += ${LANES * width}u;
  }
  let to = (place * p.tiles + first) * p.blocks * ${LANES}u + workgroup.y * ${LANES}u + lane;
${lines(
  TILE,
  (i) => `  if (first + ${i}u < p.tiles) {
    products[to + ${i * LANES}u * p.blocks] = ${value(i)};
  }`,
)}
}
`;
}

/** Bindings: patches, packed weights, products. */
export function productsKernel({ tiles, quads, blocks, width }: ProductSizes): Kernel {
  return {
    name: "conv2d/subgroup-winograd",
    wgsl: once(productsWgsl, width),
    bindings: ["read", "read", "read_write"],
    params: packParams([tiles, quads, blocks]),
    workgroups: [Math.ceil(tiles / TILE), blocks, PLACES],
    features: ["subgroups"],
    flops: 2 * PLACES * tiles * quads * 4 * blocks * LANES * width,
    bytes: 4 * PLACES * (tiles * (quads * 4 + blocks * LANES * width)),
  };
}
