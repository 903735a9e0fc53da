/** Operations of integers element by element, as maps: by the rules of WGSL, comparisons give 1 or 0. */
import type { MapFunction } from "@retinaface-webgpu/kernels-wasm";
import type { StepNode, StepValue } from "../../step/graph.js";
import type { StepKernel } from "./kernels.js";
import { broadcast, dense, mapped } from "./maps.js";

/** A function by the type of its elements. */
type ByType = Readonly<Record<"i32" | "u32", MapFunction>>;

const alike = (kind: MapFunction): ByType => ({ i32: kind, u32: kind });
const less: ByType = { i32: "lessIntegers", u32: "lessUnsigned" };
const lessEqual: ByType = { i32: "lessEqualIntegers", u32: "lessEqualUnsigned" };
const divide: ByType = { i32: "divideIntegers", u32: "divideUnsigned" };
const maximum: ByType = { i32: "maximumIntegers", u32: "maximumUnsigned" };
const minimum: ByType = { i32: "minimumIntegers", u32: "minimumUnsigned" };
const add = alike("addIntegers");
const subtract = alike("subtractIntegers");
const multiply = alike("multiplyIntegers");
const equal = alike("equalIntegers");

/** What an operation computes: of its operands as they stand, or of the second and the first. */
interface Form {
  readonly kind: ByType;
  readonly swapped?: boolean;
}

/** Of two tensors. */
const OF_TWO: Readonly<Record<string, Form>> = {
  add: { kind: add },
  sub: { kind: subtract },
  mul: { kind: multiply },
  div: { kind: divide },
  maximum: { kind: maximum },
  minimum: { kind: minimum },
  equal: { kind: equal },
  less: { kind: less },
  lessEqual: { kind: lessEqual },
  greater: { kind: less, swapped: true },
  greaterEqual: { kind: lessEqual, swapped: true },
};

/** Of a tensor and the number `a`. */
const WITH_NUMBER: Readonly<Record<string, Form>> = {
  addScalar: { kind: add },
  mulScalar: { kind: multiply },
  divScalar: { kind: divide },
  scalarSub: { kind: subtract, swapped: true },
  scalarDiv: { kind: divide, swapped: true },
  equalScalar: { kind: equal },
  lessScalar: { kind: less },
  lessEqualScalar: { kind: lessEqual },
  greaterScalar: { kind: less, swapped: true },
  greaterEqualScalar: { kind: lessEqual, swapped: true },
};

/** Of one tensor: the function of it and a number, or of it and itself. */
function ofOne(
  name: string,
  type: "i32" | "u32",
): [ByType, "copy" | "itself" | number] | undefined {
  const signed = type === "i32";
  switch (name) {
    case "relu":
      return [maximum, 0];
    case "abs":
      return [alike(signed ? "absoluteIntegers" : "copy"), "copy"];
    case "sign":
      return [alike("signOfIntegers"), "copy"];
    case "neg":
      return [multiply, -1];
    case "square":
      return [multiply, "itself"];
    default:
      return undefined;
  }
}

interface Scalars {
  readonly a?: number;
  readonly b?: number;
}

/** The kernels of an operation of integers of one type; `undefined` for any other. */
export function kernelsOfIntegers({
  op,
  attrs,
  inputs,
  outputs,
}: StepNode): StepKernel[] | undefined {
  const [x, y] = inputs;
  const [output] = outputs;
  const type = output?.info.dtype;
  if (type !== "i32" && type !== "u32") return undefined;
  if ([...inputs, ...outputs].some(({ info }) => info.dtype !== type)) return undefined;
  const { a = 0, b = 0 } = (attrs ?? {}) as Scalars;
  const apply = (kind: ByType, operands: readonly (StepValue | undefined)[], p = 0) => {
    const read = operands.map((value) => value && broadcast(value, output.info.shape));
    return mapped(kind[type], output.info.shape, dense(output), read, { p: wordOf(p, type) });
  };
  const two = OF_TWO[op.name];
  if (two) return apply(two.kind, two.swapped ? [y, x] : [x, y]);
  const form = WITH_NUMBER[op.name];
  if (form) return apply(form.kind, form.swapped ? [undefined, x] : [x, undefined], a);
  if (op.name === "clamp") {
    return [...apply(maximum, [x, undefined], a), ...apply(minimum, [output, undefined], b)];
  }
  const [kind, other] = ofOne(op.name, type) ?? [];
  if (!kind) return undefined;
  if (other === "copy") return apply(kind, [x]);
  return other === "itself" ? apply(kind, [x, x]) : apply(kind, [x, undefined], other);
}

/** A number as a word of a type, the nearest that it has: bounds may be infinite. */
export function wordOf(value: number, type: "i32" | "u32"): number {
  const [low, high] = type === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Math.round(Math.min(Math.max(value, low), high)) | 0;
}
