/**
 * Values of a graph while it is imported.
 *
 * ONNX's images are [N, C, H, W], this library's [N, H, W, C]. A value remembers in which order its tensor lies, and what
 * works element by element keeps the order: between two convolutions nothing is moved, and fusion sees neighbours. A
 * value is put into ONNX's order only where an operator needs it so, and then once.
 */
import { permute, reshape, type Tensor } from "@retinaface-webgpu/tensor/inference";
import type { HostValue } from "../model/elements.js";

/** A value of the graph: numbers that are known before anything runs, or what the device computes. */
export type Value = HostValue | DeviceValue;

export function isHost(value: Value): value is HostValue {
  return !(value instanceof DeviceValue);
}

/** The axes of ONNX's order at which each axis of a channels-last tensor stands: [0, 2, …, 1]. */
export function lastAxes(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
}

/** The inverse: where each of ONNX's axes is in a channels-last tensor. */
export function firstAxes(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** What a device computes. */
export class DeviceValue {
  /** In ONNX's order of axes, or with axis 1 moved last. */
  readonly tensor: Tensor;
  readonly channelsLast: boolean;
  /** Its numbers, where they are known all the same. */
  readonly known: HostValue | undefined;
  /** In ONNX's order. */
  readonly shape: readonly number[];
  #planar: Tensor | undefined;
  #image: Tensor | undefined;

  constructor(tensor: Tensor, channelsLast = false, known?: HostValue) {
    this.tensor = tensor;
    this.channelsLast = channelsLast;
    this.known = known;
    const { shape, rank } = tensor;
    this.shape = channelsLast ? firstAxes(rank).map((axis) => shape[axis]) : shape;
  }

  /** The tensor in ONNX's order. */
  planar(): Tensor {
    if (!this.channelsLast) return this.tensor;
    this.#planar ??= moved(this.tensor, firstAxes(this.tensor.rank));
    return this.#planar;
  }

  /** The tensor with its channels, axis 1, last. */
  image(): Tensor {
    if (this.channelsLast) return this.tensor;
    this.#image ??= moved(this.tensor, lastAxes(this.tensor.rank));
    return this.#image;
  }
}

/** `permute`, or `reshape` where no element changes its place. */
export function moved(x: Tensor, axes: readonly number[]): Tensor {
  const wide = axes.filter((axis) => x.shape[axis] !== 1);
  const inOrder = wide.every((axis, i) => i === 0 || wide[i - 1] < axis);
  if (axes.every((axis, i) => axis === i)) return x;
  return inOrder
    ? reshape(
        x,
        axes.map((axis) => x.shape[axis]),
      )
    : permute(x, axes);
}
