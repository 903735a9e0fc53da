/**
 * Compares every convolution kernel of a plan with the CPU before it is trusted.
 *
 * A driver may compile a shader that computes something else. Each distinct kernel text, on each way through it that its
 * parameters open (padding, strides, residuals), runs once a device on a small convolution: few pixels, few channels, numbers that float32 holds exactly, and one channel that f16
 * cannot hold where that is the output's type: what overflows must be told from a number. A kernel
 * that gives another result is replaced by the general one, with a warning; if that one is wrong as
 * well, the adapter is refused.
 */
import {
  bindConv2d,
  type Conv2dLaunch,
  type Conv2dParts,
  type Conv2dSpec,
  conv2d,
  type StorageType,
} from "@retinaface-webgpu/kernels-wgsl";
import { decodeHalf, encodeHalf } from "../core/float16.js";
import { Storage } from "../core/storage.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { conv2dTraits, packedSlice } from "../ops/conv2d/forward.js";
import { hostConv2d, type TestConv, testConv } from "./self-test-conv.js";
import { SelfTestError } from "./self-test-error.js";
import type { VariantChooser } from "./steps.js";

const FALLBACK = "direct";

const MOST_HALF = 65504;

/** Whether kernels compute right, by their cases; a device's pipelines do not change while it lives. */
const verdicts = new WeakMap<Device, Map<string, Promise<boolean>>>();

const warned = new WeakMap<Device, Set<string>>();

/**
 * `choose`, where all kernels that it leads to compute right; else a chooser that avoids the others.
 * @throws SelfTestError when the general kernel is wrong too
 */
export async function testedVariants(
  device: Device,
  specs: readonly Conv2dSpec[],
  choose: VariantChooser,
  warn: (message: string) => void,
): Promise<VariantChooser> {
  const traits = conv2dTraits(device);
  const wrong = await wrongKernels(device, specs, choose);
  if (wrong.size === 0) return choose;
  const names = new Set(wrong.values());
  if (names.has(FALLBACK)) throw new SelfTestError(device, specs);
  const careful: VariantChooser = (spec) =>
    wrong.has(caseOf(spec, conv2d(spec, traits, choose(spec)))) ? FALLBACK : choose(spec);
  if ((await wrongKernels(device, specs, careful)).size > 0) throw new SelfTestError(device, specs);
  warnOnce(device, [...names].join(", "), warn);
  return careful;
}

/** Says once a device that a kernel is wrong. */
export function warnOnce(device: Device, names: string, warn: (message: string) => void): void {
  const told = warned.get(device) ?? new Set();
  warned.set(device, told);
  if (told.has(names)) return;
  told.add(names);
  warn(
    `${device.adapter.name} computes the convolution kernel ${names} wrong: ` +
      "the slower general one runs instead. A newer driver may help.",
  );
}

/** Cases in which kernels compute wrong, with their variants' names. */
async function wrongKernels(
  device: Device,
  specs: readonly Conv2dSpec[],
  choose: VariantChooser,
): Promise<Map<string, string>> {
  const traits = conv2dTraits(device);
  const cases = new Map<string, { variant: string; right: Promise<boolean> }>();
  for (const spec of specs) {
    const launch = conv2d(spec, traits, choose(spec));
    const key = caseOf(spec, launch);
    const right = verdict(device, key, () => run(device, representative(spec, launch, device)));
    cases.set(key, { variant: launch.variant, right });
  }
  const wrong = new Map<string, string>();
  for (const [key, { variant, right }] of cases) if (!(await right)) wrong.set(key, variant);
  return wrong;
}

/** Whether a case computes right, found out at its first use. */
export function verdict(
  device: Device,
  key: string,
  find: () => Promise<boolean>,
): Promise<boolean> {
  const known = verdicts.get(device) ?? new Map<string, Promise<boolean>>();
  verdicts.set(device, known);
  const before = known.get(key);
  if (before) return before;
  const right = find();
  known.set(key, right);
  right.catch(() => known.delete(key));
  return right;
}

/** What a verdict depends on: the text, and the ways through it that the parameters open. */
export function caseOf(spec: Conv2dSpec, launch: Conv2dLaunch): string {
  const { stride, dilation, padding, groups, residual } = spec;
  const ways = [...stride, ...dilation, ...padding.map((n) => n > 0), groups > 1, residual?.order];
  return `${ways.join()}|${textOf(launch)}`;
}

export function textOf({ dispatches }: Conv2dLaunch): string {
  const texts = dispatches.map(
    ({ kernel }) => kernel.wgsl + JSON.stringify(kernel.constants ?? {}),
  );
  return [...new Set(texts)].join("\n");
}

/** A convolution to be tried. */
export interface Representative {
  readonly test: TestConv;
  readonly launch: Conv2dLaunch;
  /** A depthwise one that the launch computes first; its own only packs. */
  readonly depthwise?: Pick<Representative, "test" | "launch">;
}

/** A small convolution that runs the same kernel text, if there is one, else the same variant. */
function representative(spec: Conv2dSpec, launch: Conv2dLaunch, device: Device): Representative {
  const text = textOf(launch);
  const candidates = [16, 32, Number.POSITIVE_INFINITY].map((channels) => {
    const test = testConv(spec, channels);
    return { test, launch: conv2d(test.spec, conv2dTraits(device), launch.variant) };
  });
  return candidates.find((small) => textOf(small.launch) === text) ?? candidates[0];
}

/** Whether a convolution's launch computes what the CPU does. */
export function run(device: Device, { test, launch, depthwise }: Representative): Promise<boolean> {
  const { spec, residual } = test;
  const { spec: reading, input } = (depthwise ?? { test }).test;
  const between = depthwise && Float32Array.from(hostConv2d(depthwise.test)[0]);
  const expected = hostConv2d({ ...test, input: between ?? input });
  return computed(device, expected, spec.outType, async ({ make, pack }, outputs) => {
    await Promise.all(launch.dispatches.map(({ kernel }) => device.prepare(kernel)));
    const packed = pack(launch, test);
    const parts: Conv2dParts<BufferBinding> = {
      input: make(input.length, input, reading.inType),
      output: outputs[0],
      residual: residual && make(residual.length, residual, spec.residual?.type),
      second: outputs[1],
      depthwise: depthwise && pack(depthwise.launch, depthwise.test),
      packed: (offset, size) => packedSlice({ buffer: packed.buffer }, offset, size),
    };
    for (const one of launch.dispatches) device.run(one.kernel, bindConv2d(one, parts));
  });
}

/** Memory of a test. */
export interface TestMemory {
  make(elements: number, values?: Float32Array, type?: StorageType): BufferBinding;
  /** Packs weights for a launch. */
  pack(launch: Conv2dLaunch, weights: Pick<TestConv, "weight" | "bias">): BufferBinding;
}

/** Whether `work`, which is given outputs of as many elements as are expected, makes those. */
export async function computed(
  device: Device,
  expected: readonly Float64Array[],
  type: StorageType | undefined,
  work: (memory: TestMemory, outputs: readonly BufferBinding[]) => Promise<void>,
): Promise<boolean> {
  const storages: Storage[] = [];
  const make: TestMemory["make"] = (elements, values, type = "f32") => {
    const storage = new Storage(device, Math.ceil(elements / 4) * 16, "self-test");
    storage.retain();
    storages.push(storage);
    if (values) device.write(storage.buffer, type === "f16" ? encodeHalf(values) : values);
    else device.clear(storage.buffer);
    return { buffer: storage.buffer.buffer, size: storage.buffer.bytes };
  };
  const pack: TestMemory["pack"] = (launch, { weight, bias }) => {
    const packed = make(launch.packedLength);
    const [w, b] = [weight, bias].map((values) => make(values.length, values));
    device.run(launch.pack(true), [w, b, packed]);
    return packed;
  };
  try {
    const outputs = expected.map(({ length }) => make(length));
    await work({ make, pack }, outputs);
    const right = await Promise.all(
      expected.map(async (values, i) => {
        const bytes = await device.read(outputs[i].buffer, values.length * sizeOf(type));
        return agrees(bytes, values, type);
      }),
    );
    return right.every((same) => same);
  } finally {
    if (!device.isLost) for (const storage of storages) storage.release();
  }
}

function sizeOf(type: StorageType | undefined): number {
  return type === "f16" ? 2 : 4;
}

function agrees(
  bytes: ArrayBuffer,
  expected: Float64Array,
  type: StorageType | undefined,
): boolean {
  const half = type === "f16";
  const actual = half ? decodeHalf(new Uint16Array(bytes)) : new Float32Array(bytes);
  const most = half ? 2 ** -10 : 1e-4;
  return actual.every((v, i) => {
    const size = Math.abs(expected[i]);
    if (half && size > MOST_HALF) return !Number.isFinite(v);
    return Math.abs(v - expected[i]) <= most * (1 + size);
  });
}
