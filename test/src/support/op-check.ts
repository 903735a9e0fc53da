/**
 * One declaration checks an operation: its values against a float64 reference, and its gradients against
 * central differences of that same reference. The reference knows nothing of the kernels.
 */
import {
  type Device,
  type DType,
  keep,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { type NdArray, sizeOf } from "../reference/array.js";
import { assertClose, type Tolerance } from "./close.js";
import { Random } from "./random.js";

/** One argument of an operation. */
export interface OpInput {
  readonly shape: readonly number[];
  /** Values in row-major order, or the range of uniform random ones; [−1, 1) by default. */
  readonly values?: ArrayLike<number> | { readonly low: number; readonly high: number };
  /** Replaces random values, e.g. to keep away from a kink. */
  readonly adjust?: (value: number) => number;
  readonly dtype?: DType;
  /** Whether a gradient is checked: by default for f32. */
  readonly gradient?: boolean;
}

/** What is checked. */
export interface OpCheck {
  /** Shown when it fails. */
  readonly name: string;
  readonly inputs: readonly OpInput[];
  readonly op: (...tensors: Tensor[]) => Tensor;
  readonly reference: (...arrays: NdArray[]) => NdArray;
  /** Of the values; 1e-5 + 1e-5·|expected| by default. */
  readonly tolerance?: Tolerance;
  /** Of the gradients; 1e-4 + 1e-4·|expected| by default. */
  readonly gradientTolerance?: Tolerance;
  /** Half the width of the central difference. */
  readonly step?: number;
  readonly seed?: number;
}

/** Elements of each input whose gradient is compared: all of a small one, a random choice of a large one. */
const GRADIENT_SAMPLES = 12;

function makeInput(input: OpInput, random: Random): NdArray {
  const { shape, values = { low: -1, high: 1 }, adjust = (v: number) => v } = input;
  const size = sizeOf(shape);
  const data =
    "low" in values
      ? Float32Array.from({ length: size }, () => adjust(random.uniform(values.low, values.high)))
      : Float32Array.from(values);
  return { shape, data: Float64Array.from(data) };
}

function upload(device: Device, array: NdArray, input: OpInput): Tensor {
  const dtype = input.dtype ?? "f32";
  return tensor(device, array.data, array.shape, { dtype, requiresGrad: hasGradient(input) });
}

function hasGradient(input: OpInput): boolean {
  return input.gradient ?? (input.dtype ?? "f32") === "f32";
}

/**
 * Leaves NaN in the pooled buffers that outputs and gradients will reuse, so that an element a kernel forgets to
 * write does not pass for right because an earlier run left it there.
 */
function poisonPool(device: Device, arrays: readonly NdArray[]): void {
  const sizes = new Set(arrays.map((array) => array.data.length));
  const buffers = [...sizes].flatMap((size) => {
    const values = new Float32Array(size).fill(Number.NaN);
    return Array.from({ length: 3 }, () => tensor(device, values, [size]));
  });
  for (const buffer of buffers) buffer.dispose();
}

/** Runs the check. @throws Error naming the check, the tensor and the worst element. */
export async function checkOp(device: Device, check: OpCheck): Promise<void> {
  const random = new Random(check.seed ?? 7);
  const arrays = check.inputs.map((input) => makeInput(input, random));
  const expected = check.reference(...arrays);
  const weights = Float64Array.from(random.normals(expected.data.length));
  const tensors = arrays.map((array, k) => upload(device, array, check.inputs[k]));
  poisonPool(device, [...arrays, expected]);
  const y = tidy(() => {
    const result = check.op(...tensors);
    if (`${result.shape}` !== `${expected.shape}`) {
      throw new Error(`${check.name}: shape [${result.shape}], expected [${expected.shape}]`);
    }
    if (result.requiresGrad) result.backward(tensor(device, weights, expected.shape));
    return keep(result.detach());
  });
  const tolerance = { atol: 1e-5, rtol: 1e-5, ...check.tolerance };
  assertClose(await y.data(), expected.data, { ...tolerance, what: check.name });
  for (const [k, input] of check.inputs.entries()) {
    if (hasGradient(input)) await checkGradient(check, arrays, weights, k, tensors[k], random);
  }
  for (const t of tensors) {
    t.grad?.dispose();
    t.dispose();
  }
  y.dispose();
}

async function checkGradient(
  check: OpCheck,
  arrays: readonly NdArray[],
  weights: Float64Array,
  k: number,
  t: Tensor,
  random: Random,
): Promise<void> {
  if (!t.grad) throw new Error(`${check.name}: input ${k} got no gradient`);
  const actual = await t.grad.data();
  const { step = 1e-4 } = check;
  const all = Array.from({ length: arrays[k].data.length }, (_, i) => i);
  const sample =
    all.length <= GRADIENT_SAMPLES ? all : random.shuffled(all).slice(0, GRADIENT_SAMPLES);
  const difference = (i: number) => {
    const lossAt = (delta: number) => {
      const moved = arrays.map((a, j) => (j === k ? { ...a, data: a.data.slice() } : a));
      moved[k].data[i] += delta;
      const y = check.reference(...moved).data;
      return y.reduce((sum, v, j) => sum + v * weights[j], 0);
    };
    return (lossAt(step) - lossAt(-step)) / (2 * step);
  };
  assertClose(
    sample.map((i) => actual[i]),
    sample.map(difference),
    { atol: 1e-4, rtol: 1e-4, ...check.gradientTolerance, what: `${check.name}: gradient ${k}` },
  );
}
