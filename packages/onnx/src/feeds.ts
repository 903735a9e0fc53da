/** What a call gives a model, checked against what the model takes. */
import type { TensorInfo } from "@retinaface-webgpu/tensor/inference";
import { OnnxError, OnnxUnsupportedError, Unsupported } from "./errors.js";
import { deviceType } from "./import/context.js";
import { type HostValue, hostValue } from "./model/elements.js";
import type { OnnxModel, OnnxValueInfo } from "./model/model.js";

type Numbers = ArrayLike<number> | BigInt64Array | BigUint64Array;

/** An input: numbers row by row with their shape, or alone where the model states all sides. */
export type OnnxInput = Numbers | { readonly data: Numbers; readonly shape: readonly number[] };

/** An input that is computed with. */
interface Computed {
  readonly data: Float32Array | Int32Array | Uint32Array;
  readonly info: TensorInfo;
}

/** The inputs of a call in the model's order. */
export interface Feeds {
  /** Says for which plan they are. */
  readonly key: string;
  /** Numbers that the plan is compiled for, or `undefined` for the next one that is computed with. */
  readonly order: readonly (HostValue | undefined)[];
  readonly computed: readonly Computed[];
}

/** Shapes and axes are not longer. */
const MOST_KNOWN = 16;

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array } as const;

function wrong(message: string): OnnxError {
  return new OnnxError("ONNX_INPUT", message);
}

/** @throws OnnxError `ONNX_INPUT`; OnnxUnsupportedError for an element type that the library lacks */
export function readFeeds(model: OnnxModel, inputs: Readonly<Record<string, OnnxInput>>): Feeds {
  const names = model.inputs.map(({ name }) => name);
  const missing = names.filter((name) => !Object.hasOwn(inputs, name));
  const unknown = Object.keys(inputs).filter((name) => !names.includes(name));
  if (missing.length + unknown.length > 0) {
    const given = unknown.length > 0 ? `, and was given ${unknown.join(", ")}` : "";
    throw wrong(
      `The model takes ${names.join(", ")}${given}${missing.length > 0 ? `; ${missing.join(", ")} lack` : ""}.`,
    );
  }
  const sides = new Map<string, number>();
  const key: string[] = [];
  const computed: Computed[] = [];
  const order = model.inputs.map((info) => {
    const { data, shape } = valuesOf(info, inputs[info.name]);
    checkShape(info, shape, sides);
    const type = info.type ?? "float";
    if (type === "int64" && shape.length <= 1 && data.length <= MOST_KNOWN) {
      const numbers = Array.from(data as ArrayLike<number>, Number);
      key.push(`${shape}=${numbers}`);
      return hostValue(shape, type, numbers);
    }
    key.push(`${shape}`);
    const dtype = deviceTypeOf(info);
    computed.push({ data: numbersOf(info, data, dtype), info: { shape, dtype } });
    return undefined;
  });
  return { key: key.join(";"), order, computed };
}

function deviceTypeOf({ name, type = "float" }: OnnxValueInfo): "f32" | "i32" | "u32" {
  try {
    return deviceType(type, `the input ${name}`);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    throw new OnnxUnsupportedError(new Map([[error.message, 1]]));
  }
}

function valuesOf({ name, shape }: OnnxValueInfo, given: OnnxInput) {
  const whole = typeof given === "object" && given !== null;
  if (whole && "shape" in given && "data" in given) {
    const size = given.shape.reduce((a, b) => a * b, 1);
    const fits = given.shape.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!fits || size !== given.data?.length) {
      throw wrong(`"${name}" is given ${given.data?.length} numbers for [${given.shape}].`);
    }
    return given;
  }
  if (!whole || !("length" in given)) throw wrong(`"${name}" takes numbers and their shape.`);
  if (!shape?.every((side) => typeof side === "number")) {
    throw wrong(`"${name}" has open sides ([${shape?.join(", ") ?? "…"}]): give { data, shape }.`);
  }
  return { data: given, shape: shape as number[] };
}

/** Stated sides must be as they are, and sides of one name equal. */
function checkShape(
  { name, shape: stated }: OnnxValueInfo,
  shape: readonly number[],
  sides: Map<string, number>,
): void {
  if (!stated) return;
  const fits =
    stated.length === shape.length &&
    stated.every((side, axis) => {
      if (side === "?") return true;
      const wanted = typeof side === "number" ? side : (sides.get(side) ?? shape[axis]);
      if (typeof side === "string") sides.set(side, wanted);
      return wanted === shape[axis];
    });
  if (fits) return;
  const named = [...sides].map(([side, n]) => `${side} = ${n}`).join(", ");
  throw wrong(
    `"${name}" takes [${stated.join(", ")}]${named ? ` (${named})` : ""}, not [${shape.join(", ")}].`,
  );
}

function numbersOf(
  { name, type }: OnnxValueInfo,
  data: Numbers,
  dtype: keyof typeof ARRAYS,
): Computed["data"] {
  if (data instanceof ARRAYS[dtype]) return data.slice();
  const values = Array.from(data as ArrayLike<number | bigint>, Number);
  const whole = dtype === "f32" || values.every((n) => Number.isInteger(n));
  const [low, high] = dtype === "u32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  const within = dtype === "f32" || values.every((n) => n >= low && n <= high);
  const numbers = dtype !== "f32" || values.every((n) => typeof n === "number");
  if (!whole || !within || !numbers) {
    throw wrong(`"${name}" takes ${type} from ${low} to ${high}.`);
  }
  return ARRAYS[dtype].from(values);
}
