import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { readBytes } from "retinaface-webgpu";
import { root } from "../environment.js";

/** A tensor of onnxruntime's. */
export interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

interface ValueMetadata {
  readonly name: string;
  readonly shape?: readonly (number | string)[];
}

interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueMetadata[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** What is used of onnxruntime's interface: bench/ compiles without the peers. */
interface Ort {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OrtSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly env: { readonly wasm: { numThreads: number } };
}

/** A model in onnxruntime, on processors: planes of one picture in, outputs by name. */
export interface OnnxModel {
  readonly outputNames: readonly string[];
  /** The picture's size where the model fixes it. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  run(planes: Float32Array, width: number, height: number): Promise<Record<string, OrtTensor>>;
  dispose(): Promise<void>;
}

/** Errors only: exporters leave things that onnxruntime warns of by the hundred. */
const LOG_ERRORS = 3;

/** onnxruntime's native library, or its WebAssembly. */
export type OrtFlavour = "node" | "web";

async function loadOrt(flavour: OrtFlavour, threads: number): Promise<Ort> {
  if (flavour === "node") {
    return createRequire(path.join(root, "bench/package.json"))("onnxruntime-node");
  }
  const module = path.join(root, "bench/node_modules/onnxruntime-web/dist/ort.node.min.mjs");
  const ort: Ort = await import(pathToFileURL(module).href);
  ort.env.wasm.numThreads = threads;
  return ort;
}

/** Opens a model of one picture, `[1, 3, height, width]`, in onnxruntime. */
export async function openOnnx(
  file: string,
  threads: number,
  flavour: OrtFlavour = "node",
): Promise<OnnxModel> {
  const ort = await loadOrt(flavour, threads);
  const session = await ort.InferenceSession.create(await readBytes(file), {
    executionProviders: [flavour === "web" ? "wasm" : "cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: LOG_ERRORS,
  });
  const [input] = session.inputNames;
  const [, , height, width] = session.inputMetadata[0]?.shape ?? [];
  const fixed = typeof height === "number" && typeof width === "number";
  return {
    outputNames: session.outputNames,
    size: fixed ? { width, height } : undefined,
    run: (planes, w, h) =>
      session.run({ [input]: new ort.Tensor("float32", planes, [1, 3, h, w]) }),
    dispose: () => session.release(),
  };
}
