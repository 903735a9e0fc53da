import { reshape, type Tensor } from "@retinaface-webgpu/tensor/inference";
import type { NodeContext } from "./context.js";
import { DeviceValue, isHost, lastAxes, moved, type Value } from "./value.js";

/** Maps one node to library calls; tensors are in ONNX's order. */
export type Mapping = (context: NodeContext) => (Value | Tensor)[];

/** Mappings by ONNX's name. */
export type Mappings = Readonly<Record<string, Mapping>>;

/** A function element by element, which keeps the order of axes. */
export const unary =
  (f: (x: Tensor) => Tensor): Mapping =>
  (c) => [elementwise(c, f)];

export function elementwise(c: NodeContext, f: (x: Tensor) => Tensor, index = 0): DeviceValue {
  const { tensor, channelsLast } = c.flow(index);
  return new DeviceValue(f(tensor), channelsLast);
}

/** Operands in one order of axes: that of the images among them, where all can be had so. */
export function aligned(
  c: NodeContext,
  indices: readonly number[],
): { operands: Tensor[]; channelsLast: boolean } {
  const values = indices.map((i) => c.flow(i));
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  const channelsLast = values.some((value) => value.channelsLast && value.shape.length === rank);
  const operands = values.map((value) => (channelsLast ? asImage(value, rank) : value.planar()));
  return { operands, channelsLast };
}

/** An operand that broadcasts beside channels-last ones: it gets leading axes before its channels move. */
function asImage(value: DeviceValue, rank: number): Tensor {
  if (value.channelsLast && value.shape.length === rank) return value.tensor;
  const planar = value.planar();
  if (planar.size === 1) return reshape(planar, []);
  const full = reshape(planar, [...new Array<number>(rank - planar.rank).fill(1), ...planar.shape]);
  const last = moved(full, lastAxes(rank));
  return last.shape.slice(0, -1).every((n) => n === 1) ? reshape(last, last.shape.slice(-1)) : last;
}

type Operand = Tensor | number;

/** The number that an operand is, where it is one and broadcasts to the other. */
function numberOf(c: NodeContext, index: number, other: number): number | undefined {
  const value = c.value(index);
  if (!isHost(value) || value.type !== "float" || value.data.length !== 1) return undefined;
  return value.shape.length <= c.value(other).shape.length ? value.data[0] : undefined;
}

/**
 * A function of two operands. Before opset 7 `broadcast` aligned the second at `axis`; since then as NumPy.
 * @param numbers whether a number may stand for an operand
 */
export function binary(f: (a: Operand, b: Operand) => Tensor, numbers = true): Mapping {
  return (c) => {
    const axis = c.opset < 7 ? c.attribute("axis", -1) : -1;
    if (axis >= 0) return [f(c.tensor(0), alignedAt(c, axis))];
    const b = numbers ? numberOf(c, 1, 0) : undefined;
    if (b !== undefined) return [elementwise(c, (x) => f(x, b))];
    const a = numbers ? numberOf(c, 0, 1) : undefined;
    if (a !== undefined) return [elementwise(c, (x) => f(a, x), 1)];
    const { operands, channelsLast } = aligned(c, [0, 1]);
    return [new DeviceValue(f(operands[0], operands[1]), channelsLast)];
  };
}

/** The second operand under a shape that broadcasts from `axis` on. */
export function alignedAt(c: NodeContext, axis: number): Tensor {
  const [a, b] = [c.tensor(0), c.tensor(1)];
  const behind = a.rank - axis - b.rank;
  if (behind < 0) c.invalid(`cannot broadcast [${b.shape}] to [${a.shape}] from axis ${axis}`);
  return reshape(b, [...b.shape, ...new Array<number>(behind).fill(1)]);
}

/** The axis that an attribute names, counted from the start. */
export function axisOf(context: NodeContext, rank: number, otherwise: number): number {
  return context.axisOf(context.attribute("axis", otherwise), rank);
}

/** Moves the last axis to `axis`. */
export function lastTo(axis: number, rank: number): number[] {
  const others = Array.from({ length: rank - 1 }, (_, i) => i);
  return [...others.slice(0, axis), rank - 1, ...others.slice(axis)];
}
