import { decodeOnnx, encodeOnnx } from "@retinaface-webgpu/onnx";
import { bytesOf } from "./bytes.js";

/** The model with other numbers in the float32 constants for which there are some, as many as before. */
export function withOnnxWeights(
  bytes: Uint8Array,
  replacement: (name: string) => Float32Array | undefined,
): Uint8Array {
  const model = decodeOnnx(bytes);
  const graph = model.graph!;
  const initializer = graph.initializer.map((tensor) => {
    const values = replacement(tensor.name!);
    if (!values) return tensor;
    const rawData = bytesOf(values);
    if (rawData.length !== tensor.rawData!.length)
      throw new Error(`${tensor.name} has another size`);
    return { ...tensor, rawData };
  });
  return encodeOnnx({ ...model, graph: { ...graph, initializer } });
}
