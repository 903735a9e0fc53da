import * as kernels from "@retinaface-webgpu/kernels-wgsl";
import type { Work } from "./work.js";

/** Edges of a graph, its nodes, and features of each. */
const [EDGES, NODES, FEATURES] = [20_000, 5_000, 16];

/** What goes by indices: sums over the edges of a graph in each way, and sorting. */
export function indexCases(): Work[] {
  const spec = { outer: 1, extent: NODES, inner: FEATURES, indices: EDGES, elements: false };
  const edges = Array.from({ length: EDGES }, (_, i) => (i * 7919) % NODES);
  const starts = Array.from({ length: NODES + 1 }, (_, r) => (r * EDGES) / NODES);
  const csr = { rows: NODES, inner: NODES, columns: FEATURES, values: EDGES };
  const [from, to] = [EDGES * FEATURES, NODES * FEATURES];
  const graph = `${EDGES} edges of ${FEATURES} into ${NODES} nodes`;
  return [
    {
      name: `scatterAdd ${graph} [search]`,
      sizes: [from, EDGES, to],
      integers: { 1: edges },
      steps: [{ kernel: kernels.scatterAdd(spec), bindings: [0, 1, 2] }],
    },
    sortedScatter(`scatterAdd ${graph} [sorted]`, spec, edges, [from, to]),
    {
      name: `sparse × dense ${graph}`,
      sizes: [NODES + 1, EDGES, EDGES, to, to],
      integers: { 0: starts, 1: edges },
      steps: [{ kernel: kernels.csrMatmul(csr), bindings: [0, 1, 2, 3, 4] }],
    },
    sortWork(100_000),
  ];
}

function sortedScatter(
  name: string,
  spec: kernels.ScatterSpec,
  edges: readonly number[],
  [from, to]: readonly number[],
): Work {
  const launch = kernels.scatterAddSorted(spec);
  return {
    name,
    sizes: [from, spec.indices, to, launch.elements, launch.startElements],
    integers: { 1: edges },
    steps: [
      ...launch.kernels.map((kernel, k) => ({ kernel, bindings: k ? [3] : [1, 3] })),
      { kernel: launch.starts, bindings: [3, 4] },
      { kernel: launch.sum, bindings: [0, 3, 4, 2] },
    ],
  };
}

function sortWork(extent: number): Work {
  const launch = kernels.sort({ outer: 1, extent, inner: 1, descending: false, take: extent });
  return {
    name: `sort ${extent}`,
    sizes: [extent, launch.elements, extent, extent],
    steps: [
      ...launch.kernels.map((kernel, k) => ({ kernel, bindings: k ? [1] : [0, 1] })),
      { kernel: launch.write, bindings: [0, 1, 2, 3] },
    ],
  };
}
