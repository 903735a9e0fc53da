import {
  compileKernels,
  encodeProgram,
  instantiateKernels,
  type Kernel,
  MEMORY_PAGES,
  SLACK_BYTES,
  TEAM_BYTES,
  threadBytes,
} from "@retinaface-webgpu/kernels-wasm";

/** What lies where nothing should be read: a NaN, which no sum survives. */
const POISON = 0x7fc0dead;
const PAGE = 65536;

let compiled: Promise<WebAssembly.Module> | undefined;

/** Values; or a count of floats for what is written: they begin as NaN and come back. */
export type WasmOperands = Readonly<Record<string, ArrayBufferView | number>>;

/**
 * Runs one kernel on one thread.
 *
 * @returns the first operand that is given as a count
 * @throws Error when a kernel wrote where nothing or another operand lies
 */
export async function runWasm(kernel: Kernel, operands: WasmOperands): Promise<Float32Array> {
  const [written] = Object.keys(operands).filter((name) => typeof operands[name] === "number");
  const results = await runWasmSteps([kernel], operands);
  return results[written];
}

/**
 * Runs kernels one after the other on one thread.
 *
 * @param inPlace operands that are given as values and written all the same
 * @returns what was written, by name
 * @throws Error when a kernel wrote where nothing or another operand lies
 */
export async function runWasmSteps(
  kernels: readonly Kernel[],
  operands: WasmOperands,
  inPlace: readonly string[] = [],
): Promise<Record<string, Float32Array>> {
  compiled ??= compileKernels();
  const places = new Map<string, { at: number; bytes: number }>();
  let at = 1024;
  for (const [name, operand] of Object.entries(operands)) {
    const bytes = typeof operand === "number" ? operand * 4 : operand.byteLength;
    places.set(name, { at, bytes });
    at = Math.ceil((at + bytes + SLACK_BYTES) / 64) * 64;
  }
  const scratch = at;
  const scratchBytes = threadBytes(kernels.map((kernel) => ({ kernel })));
  const program = Math.ceil((scratch + scratchBytes + SLACK_BYTES) / 64) * 64;
  const addressOf = (name: string) => {
    const place = places.get(name);
    if (!place) throw new Error(`no operand ${name}`);
    return place.at;
  };
  const steps = kernels.map((kernel) => ({ kernel, addressOf }));
  const words = encodeProgram(steps, scratch);
  const team = Math.ceil((program + words.byteLength) / 64) * 64 + 64;
  const pages = Math.ceil((team + TEAM_BYTES) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: MEMORY_PAGES, shared: true });
  const all = new Int32Array(memory.buffer);
  all.fill(POISON);
  all.fill(0, team / 4, (team + TEAM_BYTES) / 4);
  all.set(words, program / 4);
  for (const [name, operand] of Object.entries(operands)) {
    if (typeof operand === "number") continue;
    const bytes = new Uint8Array(operand.buffer, operand.byteOffset, operand.byteLength);
    new Uint8Array(memory.buffer).set(bytes, addressOf(name));
  }
  const before = all.slice(0, scratch / 4);
  const { run } = await instantiateKernels(await compiled, memory);
  run(program, team, 0, 1);
  const written = Object.keys(operands).filter(
    (name) => typeof operands[name] === "number" || inPlace.includes(name),
  );
  const own = new Uint8Array(before.length);
  for (const { at: from, bytes } of written.map((name) => places.get(name)!)) {
    own.fill(1, from / 4, (from + bytes) / 4);
  }
  for (let i = 0; i < before.length; i++) {
    if (!own[i] && all[i] !== before[i]) throw new Error(`${kernels[0].name} wrote to word ${i}`);
  }
  if (all[program / 4 + 2] !== 0) throw new Error("the step is not ready for another run");
  return Object.fromEntries(
    written.map((name) => {
      const { at: from, bytes } = places.get(name)!;
      return [name, new Float32Array(memory.buffer, from, bytes / 4).slice()];
    }),
  );
}
