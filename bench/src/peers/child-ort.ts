/**
 * onnxruntime: `node-webgpu` and `node-cpu` (onnxruntime-node), `web-webgpu` (onnxruntime-web under Dawn), `web-wasm` with
 * the number of threads.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { packageVersion, root } from "../environment.js";
import { provideNavigatorGpu } from "./navigator-gpu.js";
import { encodeOnnx } from "./onnx.js";
import { type Runner, serve } from "./serve.js";
import { graphOf, inputOf, swapLayout } from "./tasks.js";

interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly [number, number, number, number];
}

interface Session {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** What is used of onnxruntime's interface: bench/ compiles without the peers. */
interface Ort {
  readonly InferenceSession: {
    create(model: Uint8Array, options: { executionProviders: string[] }): Promise<Session>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly env: {
    wasm: { numThreads: number; wasmBinary?: Uint8Array };
    logLevel: string;
  };
}

const modules = path.join(root, "bench/node_modules");
const [flavour, threads = "1"] = process.argv.slice(2);

/** Execution providers by flavour. */
const PROVIDERS: Readonly<Record<string, string>> = {
  "node-webgpu": "webgpu",
  "node-cpu": "cpu",
  "web-webgpu": "webgpu",
  "web-wasm": "wasm",
};

async function loadOrt(): Promise<Ort> {
  if (flavour.startsWith("node")) {
    return createRequire(path.join(root, "bench/package.json"))("onnxruntime-node");
  }
  const dist = path.join(modules, "onnxruntime-web/dist");
  if (flavour === "web-wasm") {
    const web: Ort = await import(pathToFileURL(path.join(dist, "ort.node.min.mjs")).href);
    web.env.wasm.numThreads = Number(threads);
    return web;
  }
  provideNavigatorGpu();
  const ort: Ort = await import(pathToFileURL(path.join(dist, "ort.webgpu.bundle.min.mjs")).href);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync(path.join(dist, "ort-wasm-simd-threaded.asyncify.wasm"));
  return ort;
}

serve(async (weights) => {
  const ort = await loadOrt();
  ort.env.logLevel = "error";
  const name = flavour.startsWith("web") ? "onnxruntime-web" : "onnxruntime-node";
  return {
    version: packageVersion(path.join(modules, name)),
    prepare: (task) => prepare(ort, task, weights),
    close: () => {},
  };
});

async function prepare(ort: Ort, task: string, weights: string): Promise<Runner> {
  const graph = graphOf(task, weights);
  if (!graph) throw new Error("these packages of onnxruntime do not train");
  const provider = PROVIDERS[flavour];
  const session = await ort.InferenceSession.create(encodeOnnx(graph), {
    executionProviders: [provider],
  });
  const [n, h, w, c] = graph.input;
  const pixels = swapLayout(inputOf(graph), graph.input, "nchw");
  const x = new ort.Tensor("float32", pixels, [n, c, h, w]);
  return {
    run: async () => {
      const results = await session.run({ x });
      return graph.outputs.map((name) => results[name].data);
    },
    check: async () => {
      const results = await session.run({ x });
      return graph.outputs.map((name) => {
        const [batch, channels, height, width] = results[name].dims;
        return swapLayout(results[name].data, [batch, height, width, channels], "nhwc");
      });
    },
    release: () => session.release(),
  };
}
