/** What runs a model's plans: a GPU, or the processors. */
import {
  compile,
  contiguous,
  type Device,
  type Precision,
  probeAdapter,
  type Tensor,
  type TensorInfo,
  WeightStore,
} from "@retinaface-webgpu/tensor/inference";
import { OnnxError } from "./errors.js";
import { OnnxNetwork } from "./import/network.js";
import { DeviceValue, isHost, type Value } from "./import/value.js";
import type { HostValue } from "./model/elements.js";
import type { OnnxModel } from "./model/model.js";

type Numbers = Float32Array | Int32Array | Uint32Array;

/** A model's pass for inputs of some shapes. */
export interface Prepared {
  /** Numbers of those outputs that depend on no input. */
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly known: HostValue | undefined;
  }[];
  /** @returns the outputs' numbers, `undefined` for known ones */
  run(inputs: readonly Numbers[]): Promise<(Numbers | undefined)[]>;
  dispose(): void;
}

export interface Runner {
  readonly backend: "webgpu" | "wasm";
  /**
   * @param order the model's inputs: known numbers, or `undefined` for the next of `infos`
   * @throws OnnxUnsupportedError; WasmUnsupportedError
   */
  prepare(
    order: readonly (HostValue | undefined)[],
    infos: readonly TensorInfo[],
  ): Promise<Prepared>;
  dispose(): void;
}

/** What to run on. @throws OnnxError `ONNX_INPUT` for options that do not go together */
export async function chooseBackend(options: {
  readonly backend?: string | undefined;
  readonly device?: Device | undefined;
  readonly precision?: Precision | undefined;
}): Promise<"webgpu" | "wasm"> {
  const { backend = "auto", device, precision = "f32" } = options;
  if (!["auto", "webgpu", "wasm"].includes(backend)) {
    throw new OnnxError("ONNX_INPUT", `backend is auto, webgpu or wasm, not ${backend}.`);
  }
  const needsGpu = device !== undefined || precision === "f16";
  if (backend === "wasm" && needsGpu) {
    throw new OnnxError("ONNX_INPUT", "A device and f16 are WebGPU's: leave them out for wasm.");
  }
  if (backend !== "auto") return backend as "webgpu" | "wasm";
  if (needsGpu) return "webgpu";
  const adapter = await probeAdapter();
  return adapter && !adapter.software ? "webgpu" : "wasm";
}

/** The graph for `compile`, and what it gives for outputs that are known. */
function passOf(network: OnnxNetwork, order: readonly (HostValue | undefined)[]) {
  const found: { outputs: Prepared["outputs"] } = { outputs: [] };
  const forward = (...tensors: Tensor[]): Tensor[] => {
    const rest = [...tensors];
    const inputs = order.map((known): Value => known ?? new DeviceValue(rest.shift()!));
    const results = network.evaluate(inputs);
    const computed: Tensor[] = [];
    found.outputs = [...results].map(([name, value]) => {
      if (isHost(value)) return { name, shape: value.shape, known: value };
      const tensor = value.planar();
      computed.push(tensor);
      return { name, shape: tensor.shape, known: undefined };
    });
    return computed;
  };
  return { forward, found };
}

/** Puts what was computed between what was known. */
function inPlace(outputs: Prepared["outputs"], computed: readonly Numbers[]) {
  const rest = [...computed];
  return outputs.map(({ known }) => (known ? undefined : rest.shift()));
}

/** Runs on a device. */
export function openGpu(
  model: OnnxModel,
  device: Device,
  owns: boolean,
  precision: Precision | undefined,
): Runner {
  const network = new OnnxNetwork(device, model);
  const weights = new WeightStore(device);
  return {
    backend: "webgpu",
    async prepare(order, infos) {
      const { forward, found } = passOf(network, order);
      const plan = await compile(device, forward, infos, { weights, precision });
      const { outputs } = found;
      return {
        outputs,
        async run(inputs) {
          for (const [i, values] of inputs.entries()) plan.inputs[i].write(values);
          plan.run();
          const read = plan.outputs.map(async (output) => {
            const tensor = contiguous(output);
            const values = await tensor.data();
            if (tensor !== output.tensor) tensor.dispose();
            return values as Numbers;
          });
          return inPlace(outputs, await Promise.all(read));
        },
        dispose: () => plan.dispose(),
      };
    },
    dispose() {
      if (!device.isLost) {
        weights.dispose();
        network.dispose();
      }
      if (owns) device.destroy();
    },
  };
}

/** Runs on the processors. @throws WasmUnavailableError */
export async function openWasm(model: OnnxModel, threads: number | undefined): Promise<Runner> {
  const wasm = await import("@retinaface-webgpu/tensor/wasm");
  const engine = await wasm.WasmEngine.create(threads === undefined ? {} : { threads });
  const device = await wasm.createHostDevice();
  const network = new OnnxNetwork(device, model);
  const weights = new wasm.WasmWeights(engine);
  return {
    backend: "wasm",
    async prepare(order, infos) {
      const { forward, found } = passOf(network, order);
      const types: string[] = [];
      const typed = (...tensors: Tensor[]) => {
        const results = forward(...tensors);
        types.push(...results.map(({ dtype }) => dtype));
        return results;
      };
      const plan = await wasm.compileWasm(device, engine, typed, infos, { weights });
      const { outputs } = found;
      return {
        outputs,
        async run(inputs) {
          const results = await plan.run(inputs);
          const values = plan.outputs.map((output, i) => {
            const floats = wasm.outputValues(output, results);
            return types[i] === "i32" ? new Int32Array(floats.buffer) : floats;
          });
          return inPlace(outputs, values);
        },
        dispose: () => plan.dispose(),
      };
    },
    dispose() {
      weights.dispose();
      network.dispose();
      engine.dispose();
      device.destroy();
    },
  };
}
