import {
  ConvTuner,
  convolutionSpecs,
  type Device,
  type Precision,
  type Tensor,
  type TensorInfo,
  type TunerStore,
  type VariantChooser,
} from "@retinaface-webgpu/tensor/inference";
import { kernelStore } from "#platform";
import { printable } from "../printable.js";

/** Chooses a network's convolution kernels on one device. */
export interface KernelTuner {
  readonly choose: VariantChooser;
  /** Measures what `choose` does not know yet of a forward pass. */
  measure(
    forward: (...inputs: Tensor[]) => object,
    inputs: readonly TensorInfo[],
    precision: Precision,
  ): Promise<void>;
}

/** What `load({ tune })` takes: {@link measureKernels} makes one. */
export type KernelTuning = (device: Device) => Promise<KernelTuner>;

/** Options of `measureKernels`. */
export interface MeasureOptions {
  /**
   * Keeps the results, as text. Default: `kernels.json` in the user's cache folder in Node, IndexedDB in browsers. A store
   * that fails costs a warning and measuring anew.
   */
  store?: TunerStore | undefined;
  /** Called before measuring, with how many convolutions are not known yet. */
  onMeasure?: ((convolutions: number) => void) | undefined;
}

/**
 * For `load({ tune: measureKernels() })`: times the ways to compute each convolution on the user's adapter, once, and
 * remembers the fastest. A size that needs measuring is slow to start; sizes of about as many pixels share results.
 */
export function measureKernels(options: MeasureOptions = {}): KernelTuning {
  const { store = kernelStore(), onMeasure } = options;
  return async (device) => {
    const tuner = await ConvTuner.open(device, forgiving(store));
    return {
      choose: tuner.choose,
      measure: async (forward, inputs, precision) => {
        await tuner.tune(convolutionSpecs(device, forward, inputs, precision), onMeasure);
      },
    };
  };
}

/** A store whose failures stop nothing; the first to write is told. */
function forgiving(store: TunerStore): TunerStore {
  let writable = true;
  return {
    read: async () => {
      try {
        return await store.read();
      } catch {
        return undefined;
      }
    },
    write: async (text) => {
      if (!writable) return;
      try {
        await store.write(text);
      } catch (error) {
        writable = false;
        console.warn(`What was measured is not kept: ${printable((error as Error).message)}`);
      }
    },
  };
}
