import { requireIntegers } from "../core/arguments.js";
import type { DType } from "../core/dtype.js";
import { Random } from "../core/random.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Device } from "../device/device.js";
import { Buffer, Parameter } from "./parameter.js";

/** What makes a module's parameters. */
class ParameterMaker {
  readonly device: Device;
  readonly #random: Random | undefined;

  /** @param random without it parameters that would be random are zeros */
  constructor(device: Device, random?: Random) {
    this.device = device;
    this.#random = random;
  }

  /**
   * PyTorch's default for convolutions and linear layers: `kaiming_uniform_(a = √5)`, which is uniform
   * in ±1/√fanIn (He et al. 2015, with the leaky slope √5); biases use the same bound.
   */
  uniformByFanIn(shape: Shape, fanIn: number): Parameter {
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
    const random = this.#random;
    const values = new Float32Array(sizeOf(shape));
    if (random) for (let i = 0; i < values.length; i++) values[i] = random.uniform(-bound, bound);
    return Parameter.from(this.device, values, shape);
  }

  /** A parameter of normally distributed numbers. */
  normal(shape: Shape, deviation = 1): Parameter {
    const values = new Float32Array(sizeOf(shape));
    const random = this.#random;
    if (random) for (let i = 0; i < values.length; i++) values[i] = deviation * random.normal();
    return Parameter.from(this.device, values, shape);
  }

  /** A parameter filled with one value. */
  constant(shape: Shape, value: number): Parameter {
    return Parameter.from(this.device, new Float32Array(sizeOf(shape)).fill(value), shape);
  }

  /** A tensor that is saved with the module but not trained. */
  buffer(shape: Shape, value: number, dtype: DType = "f32"): Buffer {
    return Buffer.from(this.device, new Array<number>(sizeOf(shape)).fill(value), shape, dtype);
  }
}

/** Where a module's parameters live and how they start. */
export class Init extends ParameterMaker {
  private constructor(device: Device, random?: Random) {
    super(device, random);
  }

  /**
   * PyTorch's default initialisation, reproducible from `seed`.
   * @throws TensorError `ARGUMENT` for a seed that is no integer: all of them would begin alike
   */
  static seeded(device: Device, seed: number): Init {
    requireIntegers("Init.seeded's seed", [seed], Number.NEGATIVE_INFINITY);
    return new Init(device, new Random(seed));
  }

  /** Zeros, for modules that get a checkpoint's weights at once. */
  static empty(device: Device): Init {
    return new Init(device);
  }
}

/** As {@link Init.empty}, for programs that go without the code of random numbers. */
export function emptyInit(device: Device): Init {
  return new ParameterMaker(device);
}
