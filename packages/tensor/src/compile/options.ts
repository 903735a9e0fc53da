import type { VariantChooser } from "./steps.js";
import type { WeightStore } from "./weights.js";

/** How activations are stored. */
export type Precision = "f32" | "f16";

/** Options of `compile`. */
export interface CompileOptions {
  /** Share packed weights with other plans of the same network. */
  weights?: WeightStore | undefined;
  /** Picks convolution variants, for instance from measurements. */
  choose?: VariantChooser | undefined;
  /**
   * How activations are stored between convolutions: `f16` halves their memory and needs the feature `shader-f16`.
   * Sums, weights, inputs and outputs are f32 either way; an activation beyond 65504 becomes infinite. Default `f32`.
   */
  precision?: Precision | undefined;
  /** Hears that the adapter computes a kernel wrong; default `console.warn`. */
  warn?: ((message: string) => void) | undefined;
}
