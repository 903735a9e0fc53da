import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Device, TensorError, tidy } from "@retinaface-webgpu/tensor";
import { isHost, NodeContext, Unsupported, type Value } from "./context.js";
import { type HostValue, type OnnxModel, readModel, readTensor } from "./model.js";
import { type Mapping, OPERATORS } from "./operators.js";
import { OnnxFormatError } from "./protobuf.js";

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

/** Runs all data sets of one folder. */
export async function runFolder(device: Device, folder: string): Promise<Outcome> {
  const name = path.basename(folder);
  try {
    const model = readModel(readFileSync(path.join(folder, "model.onnx")));
    const sets = readdirSync(folder).filter((entry) => entry.startsWith("test_data_set_"));
    if (sets.length === 0) throw new Error("there is no test_data_set_* folder");
    for (const set of sets) await runDataSet(device, model, path.join(folder, set));
    return { name, result: "passed" };
  } catch (error) {
    const reason = (error as Error).message;
    const lacks = error instanceof Unsupported || error instanceof OnnxFormatError;
    return { name, result: lacks ? "unsupported" : "failed", reason };
  }
}

async function runDataSet(device: Device, model: OnnxModel, folder: string): Promise<void> {
  const inputs = new Map(
    model.inputs.map((name, i) => [name, readValue(path.join(folder, `input_${i}.pb`))]),
  );
  const outputs = tidy(() => evaluate(device, model, inputs));
  for (const [i, output] of outputs.entries()) {
    const expected = readValue(path.join(folder, `output_${i}.pb`));
    await compare(`output ${i}`, output, expected);
    if (!isHost(output)) output.dispose();
  }
}

function readValue(file: string): HostValue {
  return readTensor(readFileSync(file)).value;
}

/** Runs a graph node by node. @throws Unsupported with the reason when an operator is missing */
export function evaluate(
  device: Device,
  model: OnnxModel,
  inputs: ReadonlyMap<string, HostValue>,
): Value[] {
  const values = new Map<string, Value>([...model.constants, ...inputs]);
  for (const node of model.nodes) {
    const mapping = Object.hasOwn(OPERATORS, node.op) ? OPERATORS[node.op] : undefined;
    if (!mapping) throw new Unsupported(`operator ${node.op}`);
    const results = apply(mapping, new NodeContext(node, model.opset, device, values));
    for (const [i, output] of node.outputs.entries()) values.set(output, results[i]);
  }
  return model.outputs.map((name) => {
    const value = values.get(name);
    if (!value) throw new Unsupported(`output ${name} is not computed`);
    return value;
  });
}

/** An operator that refuses an element type lacks it. */
function apply(mapping: Mapping, context: NodeContext): Value[] {
  try {
    return mapping(context);
  } catch (error) {
    if (!(error instanceof TensorError && error.code === "DTYPE")) throw error;
    throw new Unsupported(`operator ${context.node.op}: ${error.message}`);
  }
}

const EXACT = ["int32", "uint32", "int64", "bool"];

export async function compare(what: string, actual: Value, expected: HostValue): Promise<void> {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`${what} is [${actual.shape}], not [${expected.shape}]`);
  }
  const data = isHost(actual) ? actual.data : await actual.data();
  const dtype = isHost(actual) ? undefined : actual.dtype;
  const wanted = { float: "f32", int32: "i32" }[expected.type];
  if (dtype && wanted && dtype !== wanted) throw new Error(`${what} is ${dtype}, not ${wanted}`);
  const finite = expected.data.filter(Number.isFinite);
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
