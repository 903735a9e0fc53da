import { type Graph, outputsOf, rootOf, type Value } from "./graph.js";

/**
 * Stores as f16 what only convolutions write and read: they convert as they load and store, and sum in f32. What the
 * caller writes or reads, and what other operations touch, stays as it is.
 */
export function storeHalf(graph: Graph): void {
  const kept = new Set<Value>();
  const halved = new Set<Value>();
  for (const value of [...graph.inputs, ...graph.outputs]) kept.add(rootOf(value).root);
  for (const node of graph.nodes) {
    for (const value of [...node.inputs, ...outputsOf(node)]) {
      const { root } = rootOf(value);
      const plain = value.info.dtype === "f32" && !root.constant;
      (node.kind === "conv" && plain ? halved : kept).add(root);
    }
  }
  for (const root of halved) if (!kept.has(root)) root.info = { ...root.info, dtype: "f16" };
}
