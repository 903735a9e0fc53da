/** Operations as plans of the engine for processors, against references in float64. */
import type { Device, DType, Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmOutput,
} from "@retinaface-webgpu/tensor/wasm";
import type { Test } from "uvu";
import { type NdArray, sizeOf } from "../reference/array.js";
import { assertClose } from "./close.js";
import { Random } from "./random.js";

/** An input's shape and values. */
export interface Input {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint32Array;
}

export const floats = (shape: readonly number[], values: Iterable<number>): Input => ({
  shape,
  values: Float32Array.from(values),
});

export const whole = (shape: readonly number[], values: Iterable<number>): Input => ({
  shape,
  values: Int32Array.from(values),
});

export const numbers = (seed: number, shape: readonly number[], low = -2, high = 2): Input =>
  floats(shape, new Random(seed).uniforms(sizeOf(shape), low, high));

/** What is stored, as integers. */
export const integers = ({ buffer, byteOffset, length }: Input["values"]): number[] => [
  ...new Int32Array(buffer, byteOffset, length),
];

const dtypeOf = (values: Input["values"]) =>
  values instanceof Float32Array ? "f32" : values instanceof Int32Array ? "i32" : "u32";

/** An input for a reference. */
export const array = ({ shape, values }: Input): NdArray => ({
  shape,
  data: Float64Array.from(values),
});

/** An operation, and its reference. */
export type Case = readonly [(...x: Tensor[]) => Tensor, (...x: NdArray[]) => NdArray];

/** An engine of three threads, and a device that holds its plans' weights, for the tests of a file. */
export class WasmPlans {
  engine!: WasmEngine;
  host!: Device;

  constructor(test: Test) {
    test.before(async () => {
      this.engine = await WasmEngine.create({ threads: 3 });
      this.host = await createHostDevice();
    });
    test.after(() => {
      this.engine.dispose();
      this.host.destroy();
    });
  }

  /** The outputs of a plan, as they are stored. */
  async outputs(
    inputs: readonly Input[],
    forward: (...inputs: Tensor[]) => Tensor[],
  ): Promise<Float32Array[]> {
    const infos = inputs.map(({ shape, values }) => ({
      shape,
      dtype: dtypeOf(values) as DType,
    }));
    const plan = await compileWasm(this.host, this.engine, forward, infos);
    const results = await plan.run(inputs.map(({ values }) => values));
    plan.dispose();
    return (plan.outputs as unknown as WasmOutput[]).map((out) => outputValues(out, results));
  }

  /** One plan of all cases against their references. */
  async hold(
    inputs: readonly Input[],
    cases: readonly Case[],
    tolerance = { rtol: 2e-6, atol: 1e-6 },
  ): Promise<void> {
    const actual = await this.outputs(inputs, (...x) => cases.map(([run]) => run(...x)));
    const arrays = inputs.map(array);
    for (const [i, [, expect]] of cases.entries()) {
      assertClose(actual[i], expect(...arrays).data, { ...tolerance, what: `output ${i}` });
    }
  }
}
