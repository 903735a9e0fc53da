/** The library's WebAssembly engine, on as many threads as the argument says. */
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmOutput,
} from "@retinaface-webgpu/tensor/wasm";
import { packageVersion, root } from "../environment.js";
import { graphForward } from "./forward.js";
import { headRunner } from "./head-training.js";
import { serve } from "./serve.js";
import { graphOf, HEAD_TRAINING, inputOf } from "./tasks.js";

const threads = Number(process.argv[2]);

serve(async (weights) => {
  const device = await createHostDevice();
  const engine = await WasmEngine.create({ threads });
  const training = await createHostDevice(engine);
  return {
    version: packageVersion(`${root}packages/kernels-wasm`),
    prepare: async (task) => {
      if (task === HEAD_TRAINING) return headRunner(training);
      const graph = graphOf(task, weights);
      if (!graph) throw new RangeError(`no task ${task}`);
      const { forward, dispose } = graphForward(device, graph);
      const info = { shape: graph.input, dtype: "f32" as const };
      const plan = await compileWasm(device, engine, forward, [info]);
      dispose();
      const input = inputOf(graph);
      return {
        run: async () => {
          const results = await plan.run([input]);
          const outputs = plan.outputs as readonly WasmOutput[];
          return outputs.map((output) => outputValues(output, results));
        },
        release: () => plan.dispose(),
      };
    },
    close: () => {
      training.destroy();
      engine.dispose();
      device.destroy();
    },
  };
});
