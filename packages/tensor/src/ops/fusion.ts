/**
 * What `compile` may know of an operation beyond its kernels: enough to let a neighbour do its work. Fusion reads these
 * traits and no names, so an operation declared outside this library fuses as the library's own do.
 *
 * A trait states what the operation computes, exactly; whoever declares one that is not so gets wrong numbers.
 */

/** A convolution's attributes with everything spelled out: NHWC input, OIHW weight. */
export interface ConvolutionAttrs {
  readonly stride: readonly [number, number];
  /** Top, bottom, left, right. */
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** What an operation's only output is, in terms of its inputs. */
export type FusionKind =
  /** Inputs x, weight and, if there is one, bias: the convolution, which takes what follows as a tail. */
  | ({ readonly kind: "convolution" } & ConvolutionAttrs)
  /** Inputs x, mean, variance, gamma, beta [C]: (x − mean) / √(variance + eps) · gamma + beta, then `slope`'s leaky ReLU. */
  | { readonly kind: "norm"; readonly eps: number; readonly slope?: number | undefined }
  /** Input x: x where x ≥ 0, else slope · x. */
  | { readonly kind: "activation"; readonly slope: number }
  /** Inputs a, b: a + b, broadcast. */
  | { readonly kind: "sum" }
  /** Input x [N, H, W, C]: pixel (⌊y·H/H'⌋, ⌊x·W/W'⌋) of it for every (y, x) of H' × W'. */
  | { readonly kind: "nearest" }
  /** Any inputs, side by side along an axis. */
  | { readonly kind: "join"; readonly axis: number };

/** Traits of an operation with attributes `A`; all of them may be left out. */
export interface FusionTraits<A> {
  /** What it computes with these attributes, where that is one of the known kinds. */
  readonly computes?: (attrs: A) => FusionKind | undefined;
  /**
   * The attributes with which it applies a leaky ReLU of this slope to its own result: it can take a tail.
   * `undefined` where it cannot.
   */
  readonly activated?: (attrs: A, slope: number) => A | undefined;
  /**
   * The attributes with which it takes one input more, of its output's shape, and adds it to its result: gradients that
   * meet are added so in a compiled step. `undefined` where it cannot.
   */
  readonly adding?: (attrs: A) => A | undefined;
}
