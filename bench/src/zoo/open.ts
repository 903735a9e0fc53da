import { existsSync } from "node:fs";
import { loadOnnx } from "@retinaface-webgpu/onnx";
import { type BackendChoice, type RawImage, RetinaFace } from "retinaface-webgpu";
import type { OnnxModel, OrtTensor } from "../detectors/ort.js";
import { detectYunet } from "../detectors/yunet.js";
import type { KnownNetwork } from "./networks.js";

/** What is timed. */
export interface Timed {
  detect(image: RawImage): Promise<unknown>;
  dispose(): unknown;
}

interface Where {
  readonly backend: BackendChoice;
  readonly threads: number;
}

/** An ONNX model of one picture on this library's engines. */
async function openModel(file: string, { backend, threads }: Where): Promise<OnnxModel> {
  const session = await loadOnnx(file, { backend, ...(backend === "wasm" && { threads }) });
  const [input] = session.inputs.map(({ name }) => name);
  return {
    outputNames: session.outputs.map(({ name }) => name),
    size: undefined,
    run: async (planes, width, height) => {
      const outputs = await session.run({
        [input]: { data: planes, shape: [1, 3, height, width] },
      });
      const tensors = Object.entries(outputs).map(
        ([name, { data, shape }]): [string, OrtTensor] => [
          name,
          { data: data as Float32Array, dims: shape },
        ],
      );
      return Object.fromEntries(tensors);
    },
    dispose: async () => session.dispose(),
  };
}

/** Loads a network's weights, or nothing where they are not at hand. */
export async function openNetwork(
  { weights, onnx }: KnownNetwork,
  where: Where,
): Promise<Timed | undefined> {
  if (onnx !== undefined) {
    if (!existsSync(onnx)) return undefined;
    const model = await openModel(onnx, where);
    return {
      detect: (image) => detectYunet(model, image, undefined),
      dispose: () => model.dispose(),
    };
  }
  if (weights === undefined || (weights !== null && !existsSync(weights))) return undefined;
  const given = weights === null ? {} : { weights };
  return RetinaFace.load({ ...given, ...where });
}
