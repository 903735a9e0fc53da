/*
 * The graph of a forward pass, as operations were called: for programs that write it in another form. What it consists of
 * is told in compile/graph.ts.
 */
export { type FoldedWeights, foldParts, tensorsOfPart } from "./compile/fold.js";
export { foldNorms } from "./compile/fuse.js";
export type { ConvNode, ConvPart, Graph, Node, OpNode, Value } from "./compile/graph.js";
export type { OutputTree } from "./compile/outputs.js";
export { type TracedForward, traceForward } from "./compile/trace.js";
export { readBytes } from "./core/read-tensors.js";
