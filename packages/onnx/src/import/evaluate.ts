import { Tensor, TensorError } from "@retinaface-webgpu/tensor/inference";
import { OnnxError, OnnxUnsupportedError, Unsupported } from "../errors.js";
import { fold, ONLY_CONSTANT } from "../fold/fold.js";
import type { OnnxModel, OnnxNode } from "../model/model.js";
import { type ConstantPool, NodeContext } from "./context.js";
import { OPERATORS } from "./operators.js";
import { DeviceValue, type Value } from "./value.js";

/** The newest version of ONNX's operators that is known here; later ones may mean other things. */
export const NEWEST_OPSET = 26;

/** Nodes that the outputs depend on, in their order. */
export function neededNodes({ nodes, outputs }: OnnxModel): OnnxNode[] {
  const wanted = new Set(outputs.map(({ name }) => name));
  const needed: OnnxNode[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (!nodes[i].outputs.some((name) => name !== "" && wanted.has(name))) continue;
    for (const name of nodes[i].inputs) wanted.add(name);
    needed.push(nodes[i]);
  }
  return needed.reverse();
}

function isKnown({ op, domain }: OnnxNode): boolean {
  return domain === "" && (Object.hasOwn(OPERATORS, op) || ONLY_CONSTANT.has(op));
}

/**
 * Looks whether the library has all operators of a model.
 * @throws OnnxUnsupportedError naming all that lack
 */
export function checkOperators(model: OnnxModel): void {
  const lacking = new Lacking();
  if (!(model.opset <= NEWEST_OPSET)) lacking.add(`opset ${model.opset} (newest: ${NEWEST_OPSET})`);
  for (const node of neededNodes(model)) if (!isKnown(node)) lacking.add(nameOf(node));
  lacking.throwIfAny();
}

function nameOf({ op, domain }: OnnxNode): string {
  return domain === "" ? op : `${domain}.${op}`;
}

/** What lacks, and how often. */
class Lacking {
  readonly #counts = new Map<string, number>();

  add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** @throws OnnxUnsupportedError */
  throwIfAny(): void {
    if (this.#counts.size > 0) throw new OnnxUnsupportedError(this.#counts);
  }
}

/** Errors of the library that mean that the model is wrong. */
const MODEL_FAULTS = ["SHAPE", "ARGUMENT"];

/**
 * Runs a model's graph on tensors: eagerly, or while `compile` traces it.
 *
 * @param inputs by their names
 * @returns its outputs in their order
 * @throws OnnxUnsupportedError naming all operators and forms of them that lack; OnnxError `ONNX_INVALID`
 */
export function evaluate(
  model: OnnxModel,
  pool: ConstantPool,
  inputs: ReadonlyMap<string, Value>,
): Value[] {
  const values = new Map<string, Value>([...model.constants, ...inputs]);
  const lacking = new Lacking();
  const unknown = new Set<string>();
  for (const node of neededNodes(model)) {
    if (node.inputs.some((name) => unknown.has(name))) {
      for (const name of node.outputs) unknown.add(name);
      continue;
    }
    try {
      const results = apply(new NodeContext(node, model.opset, pool, values));
      for (const [i, name] of node.outputs.entries()) if (name !== "") values.set(name, results[i]);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      lacking.add(error.message);
      for (const name of node.outputs) unknown.add(name);
    }
  }
  lacking.throwIfAny();
  return model.outputs.map(({ name }) => {
    const value = values.get(name);
    if (value) return value;
    throw new OnnxError("ONNX_INVALID", `Nothing makes the output "${name}".`);
  });
}

/** Computes a node's outputs. */
function apply(c: NodeContext): Value[] {
  const { node } = c;
  if (!isKnown(node)) throw new Unsupported(nameOf(node));
  try {
    const folded = fold(c);
    if (folded) return checked(c, folded);
    if (ONLY_CONSTANT.has(node.op)) throw new Unsupported(`${node.op} of what is computed`);
    const results = OPERATORS[node.op](c);
    return checked(
      c,
      results.map((each) => (each instanceof Tensor ? new DeviceValue(each) : each)),
    );
  } catch (error) {
    if (error instanceof Unsupported || error instanceof OnnxError) throw error;
    if (error instanceof TensorError) {
      if (error.code === "DTYPE") throw new Unsupported(`${node.op} (${error.message})`);
      if (!MODEL_FAULTS.includes(error.code)) throw error;
    } else if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new OnnxError(
      "ONNX_INVALID",
      `The ${node.op} "${node.name}" does not fit what it is given: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function checked(c: NodeContext, results: Value[]): Value[] {
  const wanted = c.node.outputs.filter((name) => name !== "").length;
  if (results.length < wanted) {
    throw new Unsupported(`${c.node.op} with ${wanted} outputs`);
  }
  return results;
}
