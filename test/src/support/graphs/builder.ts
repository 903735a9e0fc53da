import type { Tensor } from "@retinaface-webgpu/tensor";
import { type NdArray, sizeOf } from "../../reference/array.js";
import type { Random } from "../random.js";

export type Shape = readonly number[];

/** A tensor that a network keeps. */
export interface GraphWeight {
  readonly shape: Shape;
  /** Values are normal with this deviation, or uniform and positive where it is absent. */
  readonly deviation?: number;
}

/** One operation: positions of the values and weights that it reads, and how it computes both ways. */
export interface GraphNode {
  readonly text: string;
  readonly inputs: readonly number[];
  readonly weights: readonly number[];
  readonly shape: Shape;
  readonly run: (values: readonly Tensor[], weights: readonly Tensor[]) => Tensor;
  readonly expect: (values: readonly NdArray[], weights: readonly NdArray[]) => NdArray;
}

const MOST_ELEMENTS = 700;

/** What a convolution is but for its input and bias. */
export interface ConvConfig {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padding: readonly [number, number, number, number];
  readonly groups: number;
  readonly cin: number;
  readonly cout: number;
  /** Its own weight, or the value that is it. */
  readonly weight: number | { readonly value: number };
  /** The weight is multiplied by it in the network. */
  readonly factor: number;
}

/** A network in the making: what it has so far, and random choices among it. */
export class Builder {
  readonly random: Random;
  readonly inputs: Shape[];
  readonly weights: GraphWeight[] = [];
  readonly nodes: GraphNode[] = [];
  /** Shapes of all values; those of images can be operands of most operations. */
  readonly shapes: Shape[];
  readonly convs: ConvConfig[] = [];
  /** Whether the last value alone is taken. */
  follow = false;

  constructor(random: Random) {
    this.random = random;
    const side = () => random.integer(1, 8);
    this.inputs = [[random.integer(1, 2), side(), side(), random.pick([1, 3, 4, 4, 8])]];
    this.shapes = [...this.inputs];
  }

  /** An image, lately made ones more often. */
  image(fits: (shape: Shape) => boolean = () => true): number | undefined {
    const able = this.#images(fits);
    if (able.length === 0) return undefined;
    const last = able[able.length - 1];
    return this.follow || this.random.uniform() < 0.6 ? last : this.random.pick(able);
  }

  /** A second operand: another image than `x`, if one fits, else the same. */
  other(x: number, fits: (shape: Shape) => boolean): number {
    const able = this.#images(fits).filter((i) => i !== x);
    return able.length === 0 || this.random.uniform() < 0.1 ? x : this.random.pick(able);
  }

  #images(fits: (shape: Shape) => boolean): number[] {
    return [...this.shapes.keys()].filter((i) => {
      const weight = i > 0 && i < this.inputs.length;
      return !weight && this.shapes[i].length === 4 && fits(this.shapes[i]);
    });
  }

  /** A weight of this shape: half of the time one that is there. */
  weight(shape: Shape, deviation?: number): number {
    const same = [...this.weights.keys()].filter((i) => {
      const known = this.weights[i];
      return `${known.shape}` === `${shape}` && (known.deviation === undefined) === !deviation;
    });
    if (same.length > 0 && this.random.uniform() < 0.5) return this.random.pick(same);
    return this.weights.push({ shape, ...(deviation ? { deviation } : {}) }) - 1;
  }

  add(node: GraphNode): void {
    if (sizeOf(node.shape) > MOST_ELEMENTS) return;
    this.nodes.push(node);
    this.shapes.push(node.shape);
  }

  /** An operation on single values and no weights. */
  map(
    text: string,
    inputs: readonly number[],
    shape: Shape,
    run: (...values: Tensor[]) => Tensor,
    expect: (...values: NdArray[]) => NdArray,
  ): void {
    this.add({
      text,
      inputs,
      weights: [],
      shape,
      run: (values) => run(...values),
      expect: (values) => expect(...values),
    });
  }
}

/** Adds something to a network, or nothing where it does not fit. */
export type Maker = (b: Builder) => void;
