import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  DeviceValue,
  type HostValue,
  isHost,
  OnnxError,
  type OnnxModel,
  OnnxNetwork,
  OnnxUnsupportedError,
  readOnnx,
  readOnnxTensor,
  type Value,
} from "@retinaface-webgpu/onnx";
import { type Device, Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";

/** How one test folder went. */
export interface Outcome {
  readonly name: string;
  /** `unsupported` where the library lacks what the test needs: an operator, a form of it or an element type. */
  readonly result: "passed" | "failed" | "unsupported";
  /** Why it failed, or what is unsupported. */
  readonly reason?: string;
}

// ONNX's own backend tests use these.
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;
/** Sums of hundreds of products of unit size differ by this much between orders of summation. */
const SUM_ABSOLUTE = 1e-5;

/** Folders below `folder` that hold a `model.onnx`. */
export function testFolders(folder: string): string[] {
  if (existsSync(path.join(folder, "model.onnx"))) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(folder, entry.name))
    .sort()
    .flatMap(testFolders);
}

/** What inputs are given as: on the device, so that its kernels compute, or as constants that are folded. */
export type Given = "device" | "constants";

/** Runs all data sets of one folder. */
export async function runFolder(
  device: Device,
  folder: string,
  given: Given = "device",
): Promise<Outcome> {
  const name = path.basename(folder);
  try {
    const model = readOnnx(readFileSync(path.join(folder, "model.onnx")));
    const sets = readdirSync(folder).filter((entry) => entry.startsWith("test_data_set_"));
    if (sets.length === 0) throw new Error("there is no test_data_set_* folder");
    for (const set of sets) await runDataSet(device, model, path.join(folder, set), given);
    return { name, result: "passed" };
  } catch (error) {
    if (error instanceof OnnxUnsupportedError) {
      return { name, result: "unsupported", reason: [...error.operators.keys()].join("; ") };
    }
    const lacks = error instanceof OnnxError && error.code === "ONNX_UNSUPPORTED";
    const reason = (error as Error).message;
    return { name, result: lacks ? "unsupported" : "failed", reason };
  }
}

async function runDataSet(
  device: Device,
  model: OnnxModel,
  folder: string,
  given: Given,
): Promise<void> {
  const inputs = model.inputs.map((_, i) => readValue(path.join(folder, `input_${i}.pb`)));
  const outputs = tidy(() => evaluate(device, model, inputs, given));
  for (const [i, output] of outputs.entries()) {
    const expected = readValue(path.join(folder, `output_${i}.pb`));
    await compare(`output ${i}`, output, expected);
    if (output instanceof Tensor) output.dispose();
  }
}

function readValue(file: string): HostValue {
  return readOnnxTensor(readFileSync(file)).value;
}

/** An output: computed, or known before anything runs. */
export type Output = Tensor | HostValue;

/** Element types of inputs that are put on the device. */
const ON_DEVICE: readonly string[] = ["float", "float16", "int32", "bool"];

/**
 * Runs a model's graph eagerly. Inputs on the device are known all the same, as operators such as Clip want some.
 * @throws OnnxUnsupportedError naming all that lacks
 */
export function evaluate(
  device: Device,
  model: OnnxModel,
  inputs: readonly HostValue[],
  given: Given = "device",
): Output[] {
  const network = new OnnxNetwork(device, model);
  const values = inputs.map((value): Value => {
    if (given === "constants" || !ON_DEVICE.includes(value.type)) return value;
    const dtype = value.type.startsWith("float") ? "f32" : "i32";
    const onDevice = tensor(device, value.data, value.shape, { dtype });
    return new DeviceValue(onDevice, false, value);
  });
  return [...network.evaluate(values).values()].map((value) =>
    isHost(value) ? value : value.planar(),
  );
}

const EXACT: readonly string[] = ["int32", "uint32", "int64", "bool"];

export async function compare(what: string, actual: Output, expected: HostValue): Promise<void> {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`${what} is [${actual.shape}], not [${expected.shape}]`);
  }
  const data = actual instanceof Tensor ? await actual.data() : actual.data;
  const dtype = actual instanceof Tensor ? actual.dtype : undefined;
  const wanted = new Map([
    ["float", "f32"],
    ["int32", "i32"],
  ]).get(expected.type);
  if (dtype && wanted && dtype !== wanted) throw new Error(`${what} is ${dtype}, not ${wanted}`);
  const finite = Array.from(expected.data).filter(Number.isFinite);
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < expected.data.length; i++) {
    const bound = ABSOLUTE + RELATIVE * Math.abs(expected.data[i]) + SUM_ABSOLUTE * largest;
    const off = Math.abs(data[i] - expected.data[i]);
    const near = off <= (EXACT.includes(expected.type) ? 0 : bound);
    if (!((Number.isFinite(expected.data[i]) && near) || Object.is(data[i], expected.data[i]))) {
      throw new Error(`${what}[${i}] is ${data[i]}, not ${expected.data[i]}`);
    }
  }
}

/** What is unsupported, with how many tests need it, most first. */
export function unsupportedReasons(outcomes: readonly Outcome[]): string[] {
  const counts = new Map<string, number>();
  for (const { result, reason = "" } of outcomes) {
    if (result === "unsupported") counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([reason, n]) => `unsupported: ${reason} (${n})`);
}
