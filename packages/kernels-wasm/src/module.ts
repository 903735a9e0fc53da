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
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return WebAssembly.compile(await inflate(bytes));
}

/** What was deflated, zlib's header around it. */
async function inflate(bytes: BufferSource): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const writing = writer.write(bytes).then(() => writer.close());
  const [chunks] = await Promise.all([chunksOf(readable), writing]);
  const whole = new Uint8Array(chunks.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
  }
  return chunks;
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
