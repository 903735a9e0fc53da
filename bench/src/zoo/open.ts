import { existsSync } from "node:fs";
import { loadOnnx } from "@retinaface-webgpu/onnx";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import {
  type BackendChoice,
  type NetworkConfig,
  type RawImage,
  RetinaFace,
} from "retinaface-webgpu";
import type { OnnxModel, OrtTensor } from "../detectors/ort.js";
import { detectYunet } from "../detectors/yunet.js";
import { seededWeights } from "../network.js";
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

/** The score below which nothing of random weights is a face: else all anchors are, and suppression takes long. */
const SURE = 0.99;

/** A network of random weights: what it takes for its passes does not depend on them. */
async function openRandom(config: NetworkConfig, where: Where): Promise<Timed> {
  const host = await createHostDevice();
  const weights = await seededWeights(host, config);
  host.destroy();
  const detector = await RetinaFace.load({ weights, ...where });
  return {
    detect: (image) => detector.detect(image, { confidenceThreshold: SURE, visThreshold: SURE }),
    dispose: () => detector.dispose(),
  };
}

/** Loads a network's weights, or nothing where they are not at hand. */
export async function openNetwork(
  { config, weights, onnx }: KnownNetwork,
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
  if (weights === undefined) return openRandom(config!, where);
  if (weights !== null && !existsSync(weights)) return undefined;
  const given = weights === null ? {} : { weights };
  return RetinaFace.load({ ...given, ...where });
}
