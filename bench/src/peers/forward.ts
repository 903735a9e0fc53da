import {
  add,
  concat,
  conv2d,
  type Device,
  leakyRelu,
  narrow,
  relu,
  resizeNearest,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import type { Graph, GraphNode } from "./graph.js";

/** A graph as a forward pass of the library, and its weights, to be freed once it is compiled. */
export function graphForward(
  device: Device,
  graph: Graph,
): { forward: (x: Tensor) => Tensor[]; dispose(): void } {
  const parameters = new Map(
    graph.nodes
      .filter((node) => node.kind === "conv")
      .map((node) => [
        node.output,
        {
          weight: tensor(device, node.weight, node.shape),
          bias: tensor(device, node.bias, [node.shape[0]]),
        },
      ]),
  );
  return {
    forward: (x) => {
      const values = new Map([["x", x]]);
      const value = (name: string) => values.get(name)!;
      for (const node of graph.nodes) values.set(node.output, apply(node, value, parameters));
      return graph.outputs.map(value);
    },
    dispose: () => {
      for (const { weight, bias } of parameters.values()) {
        weight.dispose();
        bias.dispose();
      }
    },
  };
}

function apply(
  node: GraphNode,
  value: (name: string) => Tensor,
  parameters: ReadonlyMap<string, { weight: Tensor; bias: Tensor }>,
): Tensor {
  switch (node.kind) {
    case "conv": {
      const { weight, bias } = parameters.get(node.output)!;
      const { stride, padding, groups, activation } = node;
      const y = conv2d(value(node.input), weight, bias, { stride, padding, groups });
      if (activation.kind === "relu") return relu(y);
      return activation.kind === "leaky" ? leakyRelu(y, activation.slope) : y;
    }
    case "add":
      return add(value(node.inputs[0]), value(node.inputs[1]));
    case "concatRelu":
      return relu(concat(node.inputs.map(value), -1));
    case "upsample": {
      const x = value(node.input);
      return resizeNearest(x, { size: [x.shape[1] * 2, x.shape[2] * 2] });
    }
    case "rows":
      return narrow(value(node.input), 1, 0, node.count);
  }
}
