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
import { isNanFunction } from "./nan.js";
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
  /** Element type read. */
  readonly type?: ElementType;
}

const floatOf = (width: 1 | 4): string => scalarOrVector("f32", width);

/** Ends of the integers, and the last float below each upper end. */
const RANGES = {
  i32: { low: "-2147483648.0", last: "2147483520.0", beyond: "2147483648.0", most: "2147483647" },
  u32: { low: "0.0", last: "4294967040.0", beyond: "4294967296.0", most: "4294967295u" },
} as const;

/** WGSL leaves NaN's integer to the adapter, and rounds the upper end down to a float. */
function saturateFunction(to: "i32" | "u32", width: 1 | 4): string {
  const float = floatOf(width);
  const integer = scalarOrVector(to, width);
  const { low, last, beyond, most } = RANGES[to];
  return `${isNanFunction(width)}
fn saturate_(x: ${float}) -> ${integer} {
  let inside = ${integer}(clamp(x, ${float}(${low}), ${float}(${last})));
  let above = select(inside, ${integer}(${most}), x >= ${float}(${beyond}));
  return select(above, ${integer}(), isNan(x));
}`;
}

/** How an element is made of `src[srcAt]`, and what that calls. */
interface Conversion {
  readonly value: string;
  readonly globals?: string | undefined;
}

function copyKernel(
  { shape, from, to, type = "f32" }: CopySpec,
  toType: ElementType,
  convert: (width: 1 | 4) => Conversion,
): Kernel {
  const walk = walkStrided(shape, [
    { name: "dst", ...to, type: toType },
    { name: "src", ...from, type },
  ]);
  const { value, globals } = convert(walk.width);
  return defineKernel({
    name: "copy",
    buffers: [input("src", walk.elements[1]), output("dst", walk.elements[0])],
    params: walk.params,
    ...(globals ? { globals } : {}),
    count: walk.count,
    body: `${walk.code}
  dst[dstAt] = ${walk.elements[0]}(${value});`,
    flops: 0,
    bytes: sizeOf(shape) * (elementSize(type) + elementSize(toType)),
  });
}

/** Bindings: source, destination. Elements of the destination outside the view keep their values. */
export function stridedCopy(spec: CopySpec): Kernel {
  return copyKernel(spec, spec.type ?? "f32", () => ({ value: "src[srcAt]" }));
}

/** As `stridedCopy`, to elements of another type. Floats become the nearest integer towards zero that there is, NaN 0. */
export function stridedCast(spec: CopySpec, toType: ElementType): Kernel {
  const { type = "f32" } = spec;
  const isFloat = type === "f32" || type === "f16";
  return copyKernel(spec, toType, (width) =>
    isFloat && (toType === "i32" || toType === "u32")
      ? {
          value: `saturate_(${floatOf(width)}(src[srcAt]))`,
          globals: saturateFunction(toType, width),
        }
      : { value: `${scalarOrVector(computeType(toType), width)}(src[srcAt])` },
  );
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
