import type { Kernel } from "@retinaface-webgpu/kernels-wasm";
import { WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import type { WasmOperands } from "./wasm.js";

const engines = new Map<number, Promise<WasmEngine>>();

/** Runs kernels one after the other on several threads; `runWasmSteps` checks more. */
export async function runOnThreads(
  threads: number,
  kernels: readonly Kernel[],
  operands: WasmOperands,
  inPlace: readonly string[] = [],
): Promise<Record<string, Float32Array>> {
  const started = engines.get(threads) ?? WasmEngine.create({ threads });
  engines.set(threads, started);
  const engine = await started;
  const places: Record<string, { offset: number }> = {};
  let bytes = 0;
  for (const [name, operand] of Object.entries(operands)) {
    places[name] = { offset: bytes };
    const own = typeof operand === "number" ? operand * 4 : operand.byteLength;
    bytes = Math.ceil((bytes + own + 64) / 64) * 64;
  }
  const given = Object.entries(operands).flatMap(([name, operand]) =>
    typeof operand === "number" ? [] : [{ name, data: operand }],
  );
  const written = Object.keys(operands).filter(
    (name) => typeof operands[name] === "number" || inPlace.includes(name),
  );
  const sizeOf = (name: string) => {
    const operand = operands[name];
    return typeof operand === "number" ? operand * 4 : operand.byteLength;
  };
  const results = await engine.run({
    bytes,
    steps: kernels.map((kernel) => ({ kernel, places })),
    writes: given.map(({ name, data }) => ({ place: places[name], data })),
    reads: written.map((name) => ({ place: places[name], bytes: sizeOf(name) })),
  });
  return Object.fromEntries(written.map((name, i) => [name, new Float32Array(results[i])]));
}

/** Ends the threads of `runOnThreads`. */
export async function endThreads(): Promise<void> {
  for (const engine of engines.values()) (await engine).dispose();
  engines.clear();
}
