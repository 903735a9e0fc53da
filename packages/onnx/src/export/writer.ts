/**
 * Values of a traced graph as they are written: images, channels last here, lie in ONNX's order between the nodes that
 * work on images, and are put in the library's order only where something else reads them.
 */
import type { Graph, Value } from "@retinaface-webgpu/tensor/graph";
import type { Tensor } from "@retinaface-webgpu/tensor/inference";
import { firstAxes, lastAxes } from "../import/value.js";
import type { GraphBuilder } from "./builder.js";

/** A value's name, and in which order it lies. */
interface Written {
  readonly name: string;
  readonly planar: boolean;
}

/** Numbers of the graph's constants. */
export type ConstantsOf = ReadonlyMap<Tensor, Float32Array>;

export class GraphWriter {
  readonly builder: GraphBuilder;
  readonly #numbers: ConstantsOf;
  readonly #names: ReadonlyMap<Tensor, string>;
  readonly #written = new Map<Value, Written>();
  readonly #other = new Map<Value, string>();
  readonly #constants = new Map<string, string>();

  constructor(
    builder: GraphBuilder,
    numbers: ConstantsOf,
    names: ReadonlyMap<Tensor, string>,
    { inputs }: Graph,
    inputNames: readonly string[],
  ) {
    this.builder = builder;
    this.#numbers = numbers;
    this.#names = names;
    for (const [i, value] of inputs.entries()) {
      this.set(value, inputNames[i], value.info.shape.length === 4);
    }
  }

  set(value: Value, name: string, planar = false): void {
    this.#written.set(value, { name, planar });
  }

  /** Whether a value lies in ONNX's order, which is not the library's. */
  isPlanar(value: Value): boolean {
    return this.#written.get(value)?.planar === true;
  }

  numbers(tensor: Tensor): Float32Array {
    return this.#numbers.get(tensor)!;
  }

  nameOf(tensor: Tensor): string {
    return this.#names.get(tensor) ?? "constant";
  }

  /** A value in the library's order of axes. */
  own(value: Value): string {
    const { constant } = value;
    if (constant)
      return this.#constant(constant, "own", () => this.numbers(constant), constant.shape);
    const { name, planar } = this.#written.get(value)!;
    return planar ? this.#moved(value, name, lastAxes(value.info.shape.length)) : name;
  }

  /** An image in ONNX's order. */
  planar(value: Value): string {
    const { constant, info } = value;
    if (constant) return this.#planarConstant(constant, info.shape);
    const { name, planar } = this.#written.get(value)!;
    return planar ? name : this.#moved(value, name, firstAxes(info.shape.length));
  }

  #moved(value: Value, name: string, perm: readonly number[]): string {
    const known = this.#other.get(value);
    if (known) return known;
    const moved = this.builder.node("Transpose", [name], { perm });
    this.#other.set(value, moved);
    return moved;
  }

  /** A constant that broadcasts beside images: what its last axis is becomes axis 1. */
  #planarConstant(constant: Tensor, shape: readonly number[]): string {
    if (constant.size === 1) return this.own({ constant, info: { shape } } as unknown as Value);
    const full = [...new Array<number>(4 - shape.length).fill(1), ...shape];
    const [n, h, w, c] = full;
    const make = () => {
      const from = this.numbers(constant);
      const to = new Float32Array(from.length);
      for (let i = 0; i < from.length; i++) {
        const [image, pixel, channel] = [
          Math.floor(i / c / (h * w)),
          Math.floor(i / c) % (h * w),
          i % c,
        ];
        to[(image * c + channel) * h * w + pixel] = from[i];
      }
      return to;
    };
    return this.#constant(constant, "planar", make, [n, c, h, w]);
  }

  readonly #ids = new Map<Tensor, number>();

  #constant(
    tensor: Tensor,
    form: string,
    make: () => Float32Array,
    shape: readonly number[],
  ): string {
    const id = this.#ids.get(tensor) ?? this.#ids.size;
    this.#ids.set(tensor, id);
    const key = `${id} ${form}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.builder.floats(shape, make(), this.nameOf(tensor));
    this.#constants.set(key, name);
    return name;
  }
}
