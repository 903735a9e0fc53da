import { TensorError } from "../../core/errors.js";
import type { TensorInfo } from "../../core/tensor.js";

interface Values {
  readonly inputs: readonly { readonly info: TensorInfo }[];
  readonly outputs: readonly { readonly info: TensorInfo }[];
}

/** Whether an operation reads or makes f16, which no kernel does. */
export function isHalf({ inputs, outputs }: Values): boolean {
  return [...inputs, ...outputs].some(({ info }) => info.dtype === "f16");
}

/** What to do about operations of f16. */
export const HALF_REMEDY = 'the engine computes in f32, so leave out cast(x, "f16") there';

/** The graph called for something that has no kernel here. */
export class WasmUnsupportedError extends TensorError {
  /** @param remedy what else can be done */
  constructor(what: string, remedy = "run this network on WebGPU") {
    super("WASM_UNSUPPORTED", `The WebAssembly engine has no kernel for ${what}: ${remedy}.`);
  }
}
