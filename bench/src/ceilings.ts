/**
 * What the adapter can do at best, measured in the same run as everything that is compared with it.
 *
 * The fastest of a few kernels counts: chains of fused multiply-adds that only the number of registers
 * in use tells apart, and copies of a buffer far larger than a cache, by kernel and by the copy engine.
 */
import { type Kernel, packParams } from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "@retinaface-webgpu/tensor";
import { median } from "./statistics.js";
import { PreparedWork, type Work } from "./work.js";

/** The adapter's best rates and fixed costs. */
export interface Ceilings {
  /** 10⁹ floating-point operations a second, a fused multiply-add counting 2. */
  readonly gflops: number;
  /** 10⁹ bytes a second, read and written bytes both counting. */
  readonly gbytes: number;
  /** Microseconds a dispatch of one workgroup takes among many. */
  readonly dispatchMicroseconds: number;
  /** Milliseconds from submitting one such dispatch to hearing that it is done. */
  readonly roundTripMilliseconds: number;
}

const INVOCATIONS = 64 * 1024;
const FMA_TURNS = 256;
const COPY_BYTES = 64 * 2 ** 20;
const EMPTY_DISPATCHES = 200;

function fmaWork(chains: number): Work {
  const names = Array.from({ length: chains }, (_, i) => `v${i}`);
  const kernel: Kernel = {
    name: `fma-${chains}-chains`,
    wgsl: `@group(0) @binding(0) var<storage, read_write> result: array<vec4f>;
struct Params { turns: u32, scale: f32, shift: f32 }
@group(0) @binding(1) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
${names.map((name, i) => `  var ${name} = vec4f(f32(id.x)) + ${i}.0;`).join("\n")}
  let scale = vec4f(p.scale);
  let shift = vec4f(p.shift);
  for (var i = 0u; i < p.turns; i++) {
${names.map((name) => `    ${name} = fma(${name}, scale, shift);`).join("\n")}
  }
  result[id.x] = ${names.join(" + ")};
}`,
    bindings: ["read_write"],
    params: packParams([FMA_TURNS, { f32: 0.999 }, { f32: 0.001 }]),
    workgroups: [INVOCATIONS / 64, 1, 1],
    flops: INVOCATIONS * FMA_TURNS * chains * 4 * 2,
    bytes: INVOCATIONS * 16,
  };
  return { name: kernel.name, sizes: [INVOCATIONS * 4], steps: [{ kernel, bindings: [0] }] };
}

function copyWork(vectors: number): Work {
  const elements = COPY_BYTES / 4;
  const invocations = elements / 4 / vectors;
  const kernel: Kernel = {
    name: `copy-${vectors}-vectors`,
    wgsl: `@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group.x * ${256 * vectors}u + lane;
${Array.from({ length: vectors }, (_, i) => `  target_[first + ${i * 256}u] = source[first + ${i * 256}u];`).join("\n")}
}`,
    bindings: ["read", "read_write"],
    workgroups: [invocations / 256, 1, 1],
    flops: 0,
    bytes: COPY_BYTES * 2,
  };
  return { name: kernel.name, sizes: [elements, elements], steps: [{ kernel, bindings: [0, 1] }] };
}

const emptyKernel: Kernel = {
  name: "empty",
  wgsl: `@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@compute @workgroup_size(1) fn main() { result[0] = 0; }`,
  bindings: ["read_write"],
  workgroups: [1, 1, 1],
  flops: 0,
  bytes: 4,
};

const emptyWork = (dispatches: number): Work => ({
  name: `empty × ${dispatches}`,
  sizes: [4],
  steps: Array.from({ length: dispatches }, () => ({ kernel: emptyKernel, bindings: [0] })),
});

/** Times work on its own, with one wait for all repeats; with `repeats` 1, the wait counts fully. */
async function timeAlone(device: Device, work: Work, rounds: number, milliseconds: number) {
  const prepared = new PreparedWork(device, work);
  try {
    await prepared.prepare(milliseconds);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push(await prepared.time());
    return { milliseconds: median(times), flops: prepared.flops, bytes: prepared.bytes };
  } finally {
    prepared.release();
  }
}

async function bestRate(
  device: Device,
  works: readonly Work[],
  rounds: number,
  unit: "flops" | "bytes",
): Promise<number> {
  let best = 0;
  for (const work of works) {
    const measured = await timeAlone(device, work, rounds, 20);
    best = Math.max(best, measured[unit] / measured.milliseconds / 1e6);
  }
  return best;
}

/** 10⁹ bytes a second of whole-buffer copies by the copy engine. */
async function copyEngineRate(device: Device, rounds: number): Promise<number> {
  const [source, target] = ["source", "target"].map((name) => device.allocate(COPY_BYTES, name));
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    device.copy(source.buffer, 0, target.buffer, 0, COPY_BYTES);
    await device.sync();
    if (round > 0) times.push(performance.now() - start);
  }
  device.free(source);
  device.free(target);
  return (COPY_BYTES * 2) / median(times) / 1e6;
}

/** Measures the adapter. @param rounds repeats of each measurement, of which the median counts */
export async function measureCeilings(device: Device, rounds: number): Promise<Ceilings> {
  const gflops = await bestRate(device, [2, 4, 8].map(fmaWork), rounds, "flops");
  const byKernel = await bestRate(device, [1, 4].map(copyWork), rounds, "bytes");
  const byEngine = await copyEngineRate(device, rounds);
  const many = await timeAlone(device, emptyWork(EMPTY_DISPATCHES), rounds, 20);
  const one = await timeAlone(device, emptyWork(1), rounds * 4, 0);
  return {
    gflops,
    gbytes: Math.max(byKernel, byEngine),
    dispatchMicroseconds: (many.milliseconds / EMPTY_DISPATCHES) * 1000,
    roundTripMilliseconds: one.milliseconds,
  };
}
