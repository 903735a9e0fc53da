import { type Device, nn, type Tensor, type TensorInfo } from "@retinaface-webgpu/tensor/inference";
import { OnnxError } from "../errors.js";
import type { OnnxModel } from "../model/model.js";
import { ConstantPool, deviceType } from "./context.js";
import { checkOperators, evaluate, neededNodes } from "./evaluate.js";
import { DeviceValue, isHost, type Value } from "./value.js";

/** Sides of the inputs that a model leaves open, by their names. */
export type Sides = Readonly<Record<string, number>>;

/**
 * An ONNX model's graph as a module: for eager calls, for `compile`, and for training. Float constants are its parameters,
 * by the model's names behind `weights.`; they are frozen until `requiresGrad(true)`.
 *
 *     const network = new OnnxNetwork(device, readOnnx(bytes));
 *     const plan = await compile(device, (x) => network.forward(x), network.inputInfos({ height: 480, width: 640 }));
 *
 * Tensors go in and out in ONNX's order of axes. In between, images lie channels last, so that convolutions, norms and
 * activations fuse as those of the library's own networks do.
 */
export class OnnxNetwork extends nn.Module {
  readonly model: OnnxModel;
  readonly device: Device;
  readonly weights: ReadonlyMap<string, nn.Parameter>;
  readonly #pool: ConstantPool;

  /** @throws OnnxUnsupportedError naming all operators that lack */
  constructor(device: Device, model: OnnxModel) {
    super();
    checkOperators(model);
    this.model = model;
    this.device = device;
    this.#pool = new ConstantPool(device);
    const read = new Set(neededNodes(model).flatMap(({ inputs }) => inputs));
    const weights = new Map<string, nn.Parameter>();
    for (const [name, value] of model.constants) {
      if (!read.has(name) || !(value.data instanceof Float32Array) || value.data.length < 2)
        continue;
      const parameter = nn.Parameter.from(device, value.data, value.shape);
      parameter.requiresGrad = false;
      this.#pool.set(value, parameter);
      weights.set(name, parameter);
    }
    this.weights = weights;
  }

  /**
   * Shapes and types of the inputs, as `compile` takes them.
   * @param sides numbers for the sides that the model leaves open
   * @throws OnnxError `ONNX_INPUT` for a side without a number
   */
  inputInfos(sides: Sides = {}): TensorInfo[] {
    return this.model.inputs.map(({ name, type, shape }) => {
      if (!shape) throw new OnnxError("ONNX_INPUT", `The model states no shape for "${name}".`);
      const full = shape.map((side) => (typeof side === "number" ? side : sides[side]));
      const open = shape.find((_, axis) => full[axis] === undefined);
      if (open !== undefined) {
        throw new OnnxError(
          "ONNX_INPUT",
          `The side "${open}" of "${name}" is open: give a number.`,
        );
      }
      return { shape: full, dtype: deviceType(type ?? "float", `the input ${name}`) };
    });
  }

  /**
   * Runs the graph.
   *
   * @param inputs in the model's order
   * @returns its outputs by their names
   * @throws OnnxUnsupportedError naming all that lacks; OnnxError `ONNX_INVALID`, `ONNX_INPUT`
   */
  override forward(...inputs: Tensor[]): Record<string, Tensor> {
    const outputs = this.evaluate(inputs.map((tensor) => new DeviceValue(tensor)));
    return Object.fromEntries(
      [...outputs].map(([name, value]) => {
        if (!isHost(value)) return [name, value.planar()];
        return [name, this.#pool.tensorOf(value, "an output")];
      }),
    );
  }

  /** As `forward`, of inputs and outputs that may be known numbers. */
  evaluate(inputs: readonly Value[]): Map<string, Value> {
    const { inputs: wanted, outputs } = this.model;
    if (inputs.length !== wanted.length) {
      const names = wanted.map(({ name }) => name).join(", ");
      throw new OnnxError("ONNX_INPUT", `${inputs.length} inputs, where the model takes ${names}.`);
    }
    const given = new Map(wanted.map(({ name }, i) => [name, inputs[i]]));
    const results = evaluate(this.model, this.#pool, given);
    return new Map(outputs.map(({ name }, i) => [name, results[i]]));
  }

  override dispose(): void {
    super.dispose();
    this.#pool.dispose();
  }
}
