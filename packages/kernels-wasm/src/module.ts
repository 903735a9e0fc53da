import { inflate } from "#platform";
import base64 from "./wasm-binary.js";

/** What the compiled module exports. */
export interface WasmExports {
  /**
   * Takes part in a program (see `encodeProgram`); every thread of the team calls it with the same
   * addresses.
   *
   * @param team `TEAM_BYTES` of zeros, or with where threads take down the time (`Team`)
   */
  run(program: number, team: number, thread: number, threads: number): void;
}

/**
 * Most pages of 64 KiB of the memory that the module is given: shared, as threads use it together.
 */
export const MEMORY_PAGES = 65536;

/** A type of `WebAssembly`, for programs compiled without a page's types too. */
export type WasmType<Name extends "Memory" | "Module"> = typeof globalThis extends {
  WebAssembly: Record<Name, { prototype: infer T }>;
}
  ? T
  : object;

/**
 * Compiles the kernels. Instances import `env.memory`, a shared memory of at most `MEMORY_PAGES`.
 *
 * The code comes as text within a module, so that it is found wherever that module is: no file to
 * fetch, no path that a bundler must follow, and a page's policy needs no more than
 * `wasm-unsafe-eval`.
 */
export async function compileKernels(): Promise<WasmType<"Module">> {
  return WebAssembly.compile(await inflate(base64));
}

/** The kernels on a memory: one instance for each thread. */
export async function instantiateKernels(
  module: WasmType<"Module">,
  memory: WasmType<"Memory">,
): Promise<WasmExports> {
  const instance = await WebAssembly.instantiate(module, {
    env: { memory, now: () => performance.now() },
  });
  return instance.exports as unknown as WasmExports;
}
