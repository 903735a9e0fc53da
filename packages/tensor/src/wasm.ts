/*
 * The engine for processors: networks run through WebAssembly, without WebGPU. Apart from the library's main entry, so
 * that programs load it only when they need it.
 */
export * from "./compile/wasm/index.js";
export {
  type Place,
  WasmEngine,
  type WasmEngineOptions,
  type WasmJob,
  WasmOutOfMemoryError,
  type WasmStep,
  WasmUnavailableError,
} from "./wasm/engine.js";
export type { Block } from "./wasm/memory.js";
