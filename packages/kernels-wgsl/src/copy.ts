/**
 * Strided copy: the one data-movement kernel behind slice, permute, concat, constant pad's interior,
 * broadcast, flip, element-type conversion and, since each one's adjoint is again a strided copy, their gradients.
 *
 * Source and destination are described by strides and an origin over one index space. Merging of axes and
 * vec4 access are those of `strided.ts`; a transposition stays scalar on its strided side, where a tiled
 * kernel through workgroup memory would coalesce both: permutes are rare in NHWC networks.
 */
import {
  computeType,
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
  sizeOf,
} from "./define.js";
import type { Kernel } from "./kernel.js";
import { walkStrided } from "./strided.js";

/** A strided view of a buffer: strides and origin in elements. */
export interface StridedView {
  readonly strides: readonly number[];
  readonly offset?: number;
}

/** A copy of `shape` elements from one view to another. Destination addresses must not repeat. */
export interface CopySpec {
  readonly shape: readonly number[];
  readonly from: StridedView;
  readonly to: StridedView;
  /** Element type read, and written where `toType` is absent. */
  readonly type?: ElementType;
  readonly toType?: ElementType;
}

/** Bindings: source, destination. Elements of the destination outside the view keep their values. */
export function stridedCopy(spec: CopySpec): Kernel {
  const { shape, from, to, type = "f32", toType = type } = spec;
  const walk = walkStrided(shape, [
    { name: "dst", ...to, type: toType },
    { name: "src", ...from, type },
  ]);
  const computed = scalarOrVector(computeType(toType), walk.width);
  const value = toType === type ? "src[srcAt]" : `${computed}(src[srcAt])`;
  return defineKernel({
    name: "copy",
    buffers: [input("src", walk.elements[1]), output("dst", walk.elements[0])],
    params: walk.params,
    count: walk.count,
    body: `${walk.code}
  dst[dstAt] = ${walk.elements[0]}(${value});`,
    flops: 0,
    bytes: sizeOf(shape) * (elementSize(type) + elementSize(toType)),
  });
}

/** Fills `count` elements with one value. Bindings: destination. */
export function fill(count: number, value: number, type: ElementType = "f32"): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const element = scalarOrVector(type, width);
  const computed = computeType(type);
  const tagged = computed === "f32" ? { f32: value } : computed === "i32" ? { i32: value } : value;
  return defineKernel({
    name: "fill",
    buffers: [output("dst", element)],
    params: { value: tagged },
    count: count / width,
    body: `  dst[i] = ${element}(${type === "f16" ? "f16(p.value)" : "p.value"});`,
    flops: 0,
    bytes: count * elementSize(type),
  });
}
