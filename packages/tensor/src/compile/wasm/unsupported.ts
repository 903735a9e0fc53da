import { TensorError } from "../../core/errors.js";

/** The graph called for something that has no kernel here. */
export class WasmUnsupportedError extends TensorError {
  /** @param remedy what else can be done */
  constructor(what: string, remedy = "run this network on WebGPU") {
    super("WASM_UNSUPPORTED", `The WebAssembly engine has no kernel for ${what}: ${remedy}.`);
  }
}
