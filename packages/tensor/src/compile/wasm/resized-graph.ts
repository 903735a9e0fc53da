import { sameShape } from "../../core/shape.js";
import type { TensorInfo } from "../../core/tensor.js";
import type { ConvNode, Graph, Node, Value } from "../graph.js";

/**
 * A fused graph of convolutions for inputs of another size, without tracing: what convolutions, sums with what is enlarged
 * and concatenations of channels do follows from the sizes of their inputs. It holds for a forward pass that does the same
 * whatever the size, and costs a fraction of tracing and fusing one.
 *
 * @returns undefined where the graph has other operations, or the size is too small for it: trace it then
 */
export function resizedGraph(graph: Graph, infos: readonly TensorInfo[]): Graph | undefined {
  try {
    return new Resizing(graph, infos).run();
  } catch (error) {
    if (error instanceof Unfit) return undefined;
    throw error;
  }
}

/** The graph cannot be taken over. */
class Unfit extends Error {}

class Resizing {
  readonly #graph: Graph;
  readonly #values = new Map<Value, Value>();
  readonly #inputs: Value[];

  constructor(graph: Graph, infos: readonly TensorInfo[]) {
    this.#graph = graph;
    this.#inputs = graph.inputs.map((value, i) => {
      const { shape, dtype } = value.info;
      const same = infos[i]?.dtype === dtype && infos[i].shape.length === shape.length;
      if (!same || infos[i].shape.at(-1) !== shape.at(-1)) throw new Unfit();
      return this.#put(value, infos[i].shape);
    });
  }

  run(): Graph {
    const nodes = this.#graph.nodes.map((node) => this.#node(node));
    const outputs = this.#graph.outputs.map(
      (value) => this.#values.get(value) ?? this.#part(value),
    );
    return { nodes, inputs: this.#inputs, outputs };
  }

  #node(node: Node): ConvNode {
    if (node.kind !== "conv") throw new Unfit();
    const inputs = node.inputs.map((value) => this.#values.get(value) ?? unfit());
    const [batch, ...sides] = inputs[0].info.shape;
    const { stride, padding, dilation } = node.attrs;
    const [, , ...window] = node.parts[0].weight.shape;
    const [height, width] = [0, 1].map((axis) => {
      const padded = sides[axis] + padding[2 * axis] + padding[2 * axis + 1];
      return Math.floor((padded - dilation[axis] * (window[axis] - 1) - 1) / stride[axis]) + 1;
    });
    if (Math.min(height, width) < 1) throw new Unfit();
    const output = this.#place(node.output, [batch, height, width]);
    const { residual } = node;
    const value = residual && (this.#values.get(residual.value) ?? unfit());
    const resized: ConvNode = {
      ...node,
      inputs,
      output,
      ...(residual && value && { residual: { order: residual.order, value } }),
    };
    output.producer = resized;
    for (const read of inputs) read.users.push(resized);
    return resized;
  }

  /** A value of these pixels, and what it is a run of channels of. */
  #place(value: Value, pixels: readonly number[]): Value {
    const shape = [...pixels, value.info.shape[3]];
    const known = this.#values.get(value);
    if (known) return sameShape(known.info.shape, shape) ? known : unfit();
    const { view } = value;
    if (view && !view.sliced) throw new Unfit();
    return this.#put(value, shape, view && { ...view, of: this.#place(view.of, pixels) });
  }

  /** An output that is a run of channels of what a merged convolution makes. */
  #part(value: Value): Value {
    const of = value.view && this.#values.get(value.view.of);
    if (!of || !value.view?.sliced) throw new Unfit();
    const shape = [...of.info.shape.slice(0, 3), value.info.shape[3]];
    return this.#put(value, shape, { ...value.view, of });
  }

  #put(value: Value, shape: readonly number[], view?: Value["view"]): Value {
    const { dtype } = value.info;
    const { isOutput } = value;
    const made: Value = { info: { shape, dtype }, producer: undefined, users: [], isOutput, view };
    this.#values.set(value, made);
    return made;
  }
}

function unfit(): never {
  throw new Unfit();
}
