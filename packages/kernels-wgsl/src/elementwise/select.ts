/**
 * out = condition ≠ 0 ? a : b with numpy broadcasting of all three, by the strided walk of `strided.ts`. A condition of
 * NaN is not 0; adapters that compare it as if there were no NaNs say it is (llvmpipe does), so its bits are asked.
 */
import {
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
  sizeOf,
} from "../define.js";
import type { Kernel } from "../kernel.js";
import { broadcastStrides, contiguousStrides, walkStrided } from "../strided.js";

/** Shapes of the operands; `shape` is their broadcast shape. */
export interface SelectSpec {
  readonly conditionShape: readonly number[];
  readonly aShape: readonly number[];
  readonly bShape: readonly number[];
  readonly shape: readonly number[];
  readonly conditionType?: "f32" | "i32" | "u32";
  readonly type?: ElementType;
}

/** Bindings: condition, a, b, out. */
export function select(spec: SelectSpec): Kernel {
  const { shape, type = "f32", conditionType = "f32" } = spec;
  const walk = walkStrided(shape, [
    { name: "out", strides: contiguousStrides(shape), type },
    { name: "c", strides: broadcastStrides(spec.conditionShape, shape), type: conditionType },
    { name: "a", strides: broadcastStrides(spec.aShape, shape), type },
    { name: "b", strides: broadcastStrides(spec.bShape, shape), type },
  ]);
  const [out, condition, a, b] = walk.elements;
  const bits = scalarOrVector("u32", walk.width);
  const value = condition.startsWith("vec4") || walk.width === 1 ? "c[cAt]" : "vec4(c[cAt])";
  const chosen =
    conditionType === "f32"
      ? `(bitcast<${bits}>(${value}) & ${bits}(0x7fffffffu)) != ${bits}()`
      : `${value} != ${scalarOrVector(conditionType, walk.width)}()`;
  return defineKernel({
    name: "select",
    buffers: [input("c", condition), input("a", a), input("b", b), output("out", out)],
    params: walk.params,
    count: walk.count,
    body: `${walk.code}
  out[outAt] = select(${out}(b[bAt]), ${out}(a[aAt]), ${chosen});`,
    flops: sizeOf(shape),
    bytes: sizeOf(shape) * (elementSize(type) * 3 + 4),
  });
}
