import {
  compileKernels,
  encodeProgram,
  instantiateKernels,
  type Kernel,
  MEMORY_PAGES,
  SLACK_BYTES,
  TEAM_BYTES,
} from "@retinaface-webgpu/kernels-wasm";

/** What lies where nothing should be read: a NaN, which no sum survives. */
const POISON = 0x7fc0dead;
const PAGE = 65536;

let compiled: Promise<WebAssembly.Module> | undefined;

/**
 * Runs one kernel on one thread.
 *
 * @param operands by name: values, or a count of floats for those that are written; the latter come
 * back. Between them lies room full of NaN, and so do they begin.
 * @throws Error when a kernel wrote into that room
 */
export async function runWasm(
  kernel: Kernel,
  operands: Readonly<Record<string, ArrayBufferView | number>>,
): Promise<Float32Array> {
  compiled ??= compileKernels();
  const places = new Map<string, { at: number; bytes: number }>();
  let at = 1024;
  for (const [name, operand] of Object.entries(operands)) {
    const bytes = typeof operand === "number" ? operand * 4 : operand.byteLength;
    places.set(name, { at, bytes });
    at = Math.ceil((at + bytes + SLACK_BYTES) / 64) * 64;
  }
  const scratch = at;
  const program = Math.ceil((scratch + (kernel.scratch?.bytes ?? 0) + SLACK_BYTES) / 64) * 64;
  const addressOf = (name: string) => places.get(name)!.at;
  const words = encodeProgram([{ kernel, addressOf }], scratch);
  const team = program + words.byteLength + 64;
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
  const [written] = Object.entries(operands).find(([, operand]) => typeof operand === "number")!;
  const { at: from, bytes } = places.get(written)!;
  for (let i = 0; i < before.length; i++) {
    const own = i * 4 >= from && i * 4 < from + bytes;
    if (!own && all[i] !== before[i]) throw new Error(`${kernel.name} wrote to word ${i}`);
  }
  if (all[program / 4 + 2] !== 0) throw new Error("the step is not ready for another run");
  return new Float32Array(memory.buffer, from, bytes / 4).slice();
}
