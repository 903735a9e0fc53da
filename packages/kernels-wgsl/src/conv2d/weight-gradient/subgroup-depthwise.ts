/**
 * Partial sums of the gradients towards weight and bias of a depthwise 3×3 on CPU adapters, stride
 * 1 or 2.
 *
 * As `subgroup-depthwise.ts`: a workgroup is one subgroup of 8 columns and 4 channels that walks
 * down the output rows, loads input and gradient once, and gets the neighbouring columns by
 * shuffle. A lane adds up the nine products of its column; the lanes are added at the end. A slice
 * is some pieces, tiles of columns and segments of rows of one image, one after the other: where channels alone
 * make workgroups enough, all of them, and the dispatch that adds up slices is spared. Before there was a slice a piece:
 * 13 dispatches more of a training step of MobileNet-0.25, each 0.1 ms (llvmpipe, 2026-11-29).
 */
import { type Conv2dSpec, conv2dOutputSize } from "../shared/spec.js";
import {
  DIRECT_PARAMS_WGSL,
  PARTIAL_PARAMS_WGSL,
  type SlicedWeightGradient,
  weightGradientLaunch,
} from "./weight-gradient.js";

const LANES = 8;
const CHANNELS = 4;
const ROWS = 64;
/** Workgroups that keep the threads of a CPU adapter busy, where there are pieces enough. */
const ENOUGH_WORKGROUPS = 16;
/** So long sums of f32 still have four digits to spare. */
const MOST_PIECES = 64;

function rowProducts(row: number, gradient: string, columns: readonly string[]): string {
  return columns
    .map((column, kx) => `s${row * 3 + kx} = fma(${gradient}, ${column}, s${row * 3 + kx});`)
    .join("\n    ");
}

/**
 * Loop body for stride 1: input row `step`, whose gradients are those of the rows `step - 2`,
 * `step - 1` and `step`.
 */
const STEP_STRIDE_1 = /* wgsl */ `
    let middle = load(image, y_first + i32(step), x_first);
    let left = subgroupShuffleUp(middle, 1u);
    let right = subgroupShuffleDown(middle, 1u);
    let next = load_gradient(line + step, out_x, used && step < rows);
    ${rowProducts(0, "next", ["left", "middle", "right"])}
    ${rowProducts(1, "recent", ["left", "middle", "right"])}
    ${rowProducts(2, "oldest", ["left", "middle", "right"])}
    oldest = recent;
    recent = next;`;

/** Loop body for stride 2: input rows 2·step − 1 and 2·step of the segment. */
const STEP_STRIDE_2 = /* wgsl */ `
    let y = y_first + 2 * i32(step) - 1;
    let middle_1 = load(image, y, x_first);
    let right_1 = load(image, y, x_first + 1);
    let left_1 = subgroupShuffleUp(right_1, 1u);
    let middle_2 = load(image, y + 1, x_first);
    let right_2 = load(image, y + 1, x_first + 1);
    let left_2 = subgroupShuffleUp(right_2, 1u);
    let next = load_gradient(line + step, out_x, used && step < rows);
    ${rowProducts(1, "recent", ["left_1", "middle_1", "right_1"])}
    ${rowProducts(2, "recent", ["left_2", "middle_2", "right_2"])}
    ${rowProducts(0, "next", ["left_2", "middle_2", "right_2"])}
    recent = next;`;

/** Columns a tile completes, and steps after the last gradient row. */
function walk(stride: number): { columns: number; tail: number } {
  return stride === 1 ? { columns: LANES - 2, tail: 2 } : { columns: LANES - 1, tail: 1 };
}

/** @param direct there is one slice, and what would be partial sums are the gradients */
function partialWgsl(stride: number, direct: boolean): string {
  const { columns, tail } = walk(stride);
  const sums = Array.from({ length: 9 }, (_, i) => `s${i}`);
  return /* wgsl */ `enable subgroups;
${direct ? DIRECT_PARAMS_WGSL : PARTIAL_PARAMS_WGSL}
@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
${
  direct
    ? `@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> biases: array<f32>;`
    : "@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;"
}
var<private> channel: u32;

fn load(image: u32, y: i32, x: i32) -> vec4f {
  let inside = u32(y) < p.in_h && u32(x) < p.in_w;
  let pixel = select(0u, (image * p.in_h + u32(y)) * p.in_w + u32(x), inside);
  return select(vec4f(), input[(pixel * p.in_stride + p.in_offset + channel) / 4u], inside);
}

fn load_gradient(line: u32, x: u32, inside: bool) -> vec4f {
  let pixel = select(0u, line * p.out_w + x, inside);
  return select(vec4f(), gradient[(pixel * p.out_stride + p.out_offset + channel) / 4u], inside);
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  channel = workgroup.y * ${CHANNELS}u;
  let segments = (p.out_h + ${ROWS - 1}u) / ${ROWS}u;
  let tiles = (p.out_w + ${columns - 1}u) / ${columns}u;
  let pieces = p.lines / p.out_h * segments * tiles;
  ${sums.map((sum) => `var ${sum} = vec4f();`).join("\n  ")}
  var bias = vec4f();
  for (var k = 0u; k < p.slice_size; k++) {
    let piece = workgroup.x * p.slice_size + k;
    if (piece >= pieces) {
      break;
    }
    let tile_x = piece % tiles;
    let segment = piece / tiles;
    let image = segment / segments;
    let out_y = (segment % segments) * ${ROWS}u;
    let line = image * p.out_h + out_y;
    let rows = min(${ROWS}u, p.out_h - out_y);
    let out_x = tile_x * ${columns}u + lane - 1u;
    let y_first = i32(out_y) * ${stride} - i32(p.pad_top);
    let x_first = i32(out_x) * ${stride} + 1 - i32(p.pad_left);
    let used = lane > 0u && lane <= ${columns}u && out_x < p.out_w;
    var recent = vec4f();
    ${stride === 1 ? "var oldest = vec4f();" : ""}
    for (var step = 0u; step < rows + ${tail}u; step++) {${stride === 1 ? STEP_STRIDE_1 : STEP_STRIDE_2}
      bias += next;
    }
  }

  let weights = 9u * p.out_channels;
  ${direct ? "" : "let slice = workgroup.x * (weights + p.out_channels);"}
  var tile = array<vec4f, 10>(
    ${[...sums, "bias"].map((sum) => `subgroupAdd(${sum}),`).join("\n    ")}
  );
  for (var i = 0u; i < p.block; i++) {
    for (var c = 0u; c < 4u; c++) {
      if (lane == 0u) {
${direct ? STORE_DIRECT : STORE_PARTIAL}
      }
    }
  }
}
`;
}

const STORE_DIRECT = /* wgsl */ `        if (i < 9u) {
          weight[(channel + c) * 9u + i] = tile[i][c];
        } else {
          biases[channel + c] = tile[i][c];
        }`;

const STORE_PARTIAL = /* wgsl */ `        let at = select((channel + c) * 9u + i, weights + channel + c, i == 9u);
        scratch[slice + at] = tile[i][c];`;

/** Launch of the gradients towards weight and bias of a walkable depthwise convolution. */
export function conv2dSubgroupDepthwiseGradient(spec: Conv2dSpec): SlicedWeightGradient {
  const [stride] = spec.stride;
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const tiles = Math.ceil(outWidth / walk(stride).columns);
  const pieces = tiles * spec.batch * Math.ceil(outHeight / ROWS);
  const blocks = spec.outChannels / CHANNELS;
  const wanted = Math.max(ENOUGH_WORKGROUPS / blocks, pieces / MOST_PIECES);
  const sliceSize = Math.max(1, Math.floor(pieces / wanted));
  const slices = Math.ceil(pieces / sliceSize);
  return weightGradientLaunch(spec, {
    variant: "subgroup-depthwise-gradient",
    wgsl: partialWgsl(stride, false),
    directWgsl: partialWgsl(stride, true),
    features: ["subgroups"],
    workgroups: [slices, blocks, 1],
    slices,
    sliceSize,
    block: 10,
  });
}
