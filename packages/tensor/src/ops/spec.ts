import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { DType } from "../core/dtype.js";
import type { Tensor, TensorInfo } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import type { FusionTraits } from "./fusion.js";

/** A buffer for packed weights: elements in all, and those from the first on that the kernel fills. */
export interface PackedRoom {
  readonly elements: number;
  readonly written: number;
}

/** What `forward` records with. */
export interface OpRun {
  readonly device: Device;
  /** Records one dispatch; arguments follow `kernel.bindings`. */
  kernel(kernel: Kernel, args: readonly (Tensor | BufferBinding)[]): void;
  /** A temporary buffer, given back when `forward` returns. */
  scratch(elements: number, dtype?: DType): BufferBinding;
  /**
   * A temporary buffer of f32 that `kernel` fills by moving elements of `args` to places in it, the other places
   * being 0: packed weights. A compiled step fills those of all its operations at once; without this member they
   * are filled here and now, as `packed` does.
   */
  pack?(kernel: Kernel, args: readonly Tensor[], room: PackedRoom): BufferBinding;
}

/** Gradients of the outputs on their way to the inputs; `undefined` where nothing flows. */
export type Grads = readonly (Tensor | undefined)[];

/**
 * How gradients of an operation's outputs become those of its inputs (`undefined` for none): with other
 * operations or kernels, eagerly or while a training step is traced. `needs[i]` tells whether input i's is wanted.
 */
export type Gradient<A> = (
  grads: Grads,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  attrs: A,
  needs: readonly boolean[],
) => (Tensor | undefined)[];

/** An operation: its shapes, and the kernels that compute it. */
export interface OpSpec<A> {
  readonly name: string;
  /** Shape and type rule. @throws ShapeError naming the offending shapes. */
  outputs(inputs: readonly TensorInfo[], attrs: A): TensorInfo[];
  /** True when the single output is the first input's memory under another shape. */
  readonly alias?: boolean;
  /** What `compile` may do with it besides running it. */
  readonly fusion?: FusionTraits<A> | undefined;
  /** Positions of inputs that `forward` writes in place (running statistics, an optimizer's memory). */
  readonly updates?: readonly number[];
  /**
   * True when the attributes are live: a compiled step calls `forward` anew before each run for the kernels'
   * parameters, which may then differ; the kernels themselves may not.
   */
  readonly varies?: boolean;
  forward(run: OpRun, inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: A): void;
  /**
   * Its gradient, for operations declared outside this library: its own have theirs in a table (`autograd/gradients.ts`),
   * so that programs without training do not carry them.
   */
  readonly gradient?: Gradient<A>;
}
