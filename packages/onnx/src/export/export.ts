import { foldNorms, readBytes, tensorsOfPart, traceForward } from "@retinaface-webgpu/tensor/graph";
import type { Device, Tensor, TensorInfo } from "@retinaface-webgpu/tensor/inference";
import { OnnxError, Unsupported } from "../errors.js";
import { type Declared, GraphBuilder } from "./builder.js";
import { WRITERS, writeConvolution } from "./operators.js";
import { GraphWriter } from "./writer.js";

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** Names of the inputs; default `input0` and so on. */
  readonly inputNames?: readonly string[] | undefined;
  /** Names of constants, such as a module's parameters by their names in its state. */
  readonly names?: ReadonlyMap<Tensor, string> | undefined;
  /** Store large weights in f16: half the file. They are widened where the graph reads them, and all is computed in f32. */
  readonly half?: boolean | undefined;
  /** What the file says besides. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Adds nodes behind the outputs, and says what the file's outputs are instead.
   * @param outputs names of the values that `forward` returned, by their paths
   */
  readonly finish?:
    | ((builder: GraphBuilder, outputs: Readonly<Record<string, string>>) => readonly Declared[])
    | undefined;
}

/**
 * Writes a forward pass as an ONNX model of opset 17, for the input shapes given. Its outputs bear the names under which
 * `forward` returns them.
 *
 * Inputs of four axes, images [N, H, W, C] here, are [N, C, H, W] in the model; outputs are as they are here. Batch norms
 * that follow convolutions are folded into them. Modules are traced in the mode they are in: call `eval()` first.
 *
 * @throws OnnxError `ONNX_UNSUPPORTED` naming all operations that ONNX has no operator for here; as `compile` for `forward`
 */
export async function exportOnnx(
  device: Device,
  forward: (...inputs: Tensor[]) => object,
  inputs: readonly TensorInfo[],
  options: ExportOptions = {},
): Promise<Uint8Array> {
  const { half = false, metadata, names = new Map(), finish } = options;
  const { graph, tree, made } = traceForward(device, forward, inputs, foldNorms);
  try {
    const constants = new Set<Tensor>();
    for (const node of graph.nodes) {
      if (node.kind === "conv")
        for (const tensor of node.parts.flatMap(tensorsOfPart)) constants.add(tensor);
      for (const { constant } of node.inputs) if (constant) constants.add(constant);
    }
    const numbers = new Map(
      [...(await readBytes(device, [...constants]))].map(([tensor, bytes]) => [
        tensor,
        new Float32Array(new Uint8Array(bytes).buffer),
      ]),
    );
    const builder = new GraphBuilder(half);
    const inputNames = inputs.map((_, i) => builder.unique(options.inputNames?.[i] ?? `input${i}`));
    for (const path of tree.paths) builder.unique(path);
    const writer = new GraphWriter(builder, numbers, names, graph, inputNames);
    const lacking = new Set<string>();
    for (const node of graph.nodes) {
      try {
        if (node.kind === "conv") writeConvolution(writer, node, numbers);
        else if (Object.hasOwn(WRITERS, node.op.name)) WRITERS[node.op.name](writer, node);
        else throw new Unsupported(node.op.name);
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        lacking.add(error.message);
        for (const value of node.kind === "conv" ? [node.output] : node.outputs) {
          writer.set(value, "lacking");
        }
      }
    }
    if (lacking.size > 0) {
      throw new OnnxError(
        "ONNX_UNSUPPORTED",
        `The network cannot be written as ONNX: nothing there stands for ${[...lacking].join(", ")}.`,
      );
    }
    const declared = graph.outputs.map(
      (value, i): Declared => ({ name: tree.paths[i], type: "float", shape: value.info.shape }),
    );
    for (const [i, value] of graph.outputs.entries()) {
      builder.node("Identity", [writer.own(value)], {}, tree.paths[i]);
    }
    const outputs = finish
      ? finish(builder, Object.fromEntries(tree.paths.map((path) => [path, path])))
      : declared;
    const declaredInputs = inputs.map(
      ({ shape }, i): Declared => ({
        name: inputNames[i],
        type: "float",
        shape: shape.length === 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape,
      }),
    );
    return builder.finish(declaredInputs, outputs, metadata);
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}
