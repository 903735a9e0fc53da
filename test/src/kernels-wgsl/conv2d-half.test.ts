/** Convolutions of operands that are stored as f16: every variant, every mixture of f16 and f32. */
import {
  bindConv2d,
  type Conv2dParts,
  type Conv2dSpec,
  conv2d,
  conv2dOutputSize,
  conv2dVariants,
  offerMeasuredConv2d,
  type StorageType,
} from "@retinaface-webgpu/kernels-wgsl";
import { decodeHalf, encodeHalf } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { referenceConv2d } from "../reference/conv2d.js";
import { openRawGpu } from "../support/raw-gpu.js";
import { caseName, randomData, SPECS } from "./conv2d-cases.js";

const gpu = await openRawGpu();
offerMeasuredConv2d();

const FILL = -7.5;
/**
 * A convolution for each variant; each kernel's text takes a software adapter a while to compile, and what does not
 * depend on the types is tested with f32.
 */
const CASES: readonly (readonly [
  variant: string,
  find: RegExp,
  input: StorageType,
  output: StorageType,
])[] = [
  ["subgroup-gemm", /^3×3 3→8 .*stride 2×2$/, "f32", "f16"],
  ["subgroup-gemm", /residual after-activation/, "f16", "f16"],
  ["tiled", /residual after-activation/, "f16", "f16"],
  ["winograd", /^3×3 16→6 .*residual before-activation/, "f16", "f16"],
  ["subgroup-winograd", /^3×3 16→6 .*residual before-activation/, "f16", "f16"],
  ["direct", /^3×3 16→6 .*residual before-activation/, "f16", "f16"],
  ["direct", /^3×3 8→7 .*slices/, "f16", "f32"],
  ["subgroup-depthwise", /groups 16 stride 2×2/, "f16", "f16"],
  ["depthwise", /groups 8 .*residual/, "f16", "f16"],
  ["depthwise", /groups 6 stride 2×2/, "f16", "f32"],
];

/** Values as they lie in memory, as words. */
function store(values: Float32Array, type: StorageType): Float32Array {
  if (type === "f32") return values;
  const words = new Uint16Array(Math.ceil(values.length / 2) * 2);
  words.set(encodeHalf(values));
  return new Float32Array(words.buffer);
}

/** What is left of values once they are stored. */
function rounded(values: Float32Array, type: StorageType): Float32Array {
  return type === "f32" ? values : decodeHalf(encodeHalf(values));
}

async function check(spec: Conv2dSpec, variant: string): Promise<void> {
  const { inType = "f32", outType = "f32" } = spec;
  const data = randomData(spec, 1);
  const residual = data.residual && rounded(data.residual, inType);
  const input = rounded(data.input, inType);
  const expected = referenceConv2d(spec, { ...data, input, ...(residual ? { residual } : {}) });
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
  const [h, w] = conv2dOutputSize(spec);
  const { outChannels: channels, outStride: stride = channels, outOffset: offset = 0 } = spec;
  const length = spec.batch * h * w * stride;
  const launch = conv2d(spec, gpu.traits, variant);
  const packed = gpu.buffer(new Float32Array(launch.packedLength).fill(Number.NaN));
  const output = gpu.buffer(store(new Float32Array(length + 4).fill(FILL), outType));
  const bias = data.bias ?? new Float32Array(4).fill(Number.NaN);
  const parts: Conv2dParts<GPUBuffer | GPUBufferBinding> = {
    input: gpu.buffer(store(input, inType)),
    output,
    residual: residual && gpu.buffer(store(residual, inType)),
    scratch: launch.scratch?.map((n) => gpu.buffer(new Float32Array(n).fill(Number.NaN))),
    packed: (at, size) => ({ buffer: packed, offset: at * 4, size: size * 4 }),
  };
  const weights = [data.weight, bias].map((values) => gpu.buffer(values));
  gpu.run([
    { kernel: launch.pack(data.bias !== undefined), bindings: [...weights, packed] },
    ...launch.dispatches.map((one) => ({
      kernel: one.kernel,
      bindings: bindConv2d(one, parts),
    })),
  ]);
  const words = await gpu.read(output);
  const actual = outType === "f32" ? words : decodeHalf(new Uint16Array(words.buffer));
  const precision = outType === "f32" ? 0 : 2 ** -10;
  for (let at = 0; at < length + 4; at++) {
    const channel = (at % stride) - offset;
    const inside = at < length && channel >= 0 && channel < channels;
    const want = inside ? expected[Math.floor(at / stride) * channels + channel]! : FILL;
    const most = inside ? 2e-5 * scale + precision * Math.abs(want) : 0;
    const error = Math.abs(actual[at]! - want);
    assert.ok(error <= most, `${variant}, element ${at}: ${actual[at]}, not ${want}`);
  }
}

for (const [variant, find, inType, outType] of CASES) {
  test(`${variant}: ${find.source}, ${inType} to ${outType}`, async () => {
    if (!gpu.traits.f16) return console.log("# skipped: the adapter has no shader-f16");
    const spec = SPECS.find((one) => find.test(caseName(one)));
    assert.ok(spec, "no such case");
    const residual = spec.residual && { ...spec.residual, type: inType };
    const typed = { ...spec, inType, outType, ...(residual ? { residual } : {}) };
    if (!conv2dVariants(typed, gpu.traits).includes(variant)) return;
    await check(typed, variant);
  });
}

test("f16 operands without shader-f16 are refused", () => {
  const traits = { ...gpu.traits, f16: false };
  assert.throws(
    () => conv2d({ ...SPECS[0]!, outType: "f16" }, traits),
    (e: { code?: string; message: string }) =>
      e.code === "CONV2D_SPEC" && /shader-f16/.test(e.message),
  );
});

test("what f16 cannot hold becomes infinite", async () => {
  if (!gpu.traits.f16) return console.log("# skipped: the adapter has no shader-f16");
  const spec: Conv2dSpec = {
    ...SPECS[0]!,
    inHeight: 1,
    inWidth: 1,
    kernelSize: [1, 1],
    padding: [0, 0, 0, 0],
    outType: "f16",
  };
  const launch = conv2d(spec, gpu.traits);
  const packed = gpu.buffer(launch.packedLength);
  const output = gpu.buffer(4);
  const weight = Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? (-1) ** i : 0));
  const parts: Conv2dParts<GPUBuffer | GPUBufferBinding> = {
    input: gpu.buffer(new Float32Array(8).fill(70000)),
    output,
    packed: (at, size) => ({ buffer: packed, offset: at * 4, size: size * 4 }),
  };
  gpu.run([
    { kernel: launch.pack(false), bindings: [gpu.buffer(weight), gpu.buffer(4), packed] },
    ...launch.dispatches.map((one) => ({ kernel: one.kernel, bindings: bindConv2d(one, parts) })),
  ]);
  const words = new Uint16Array((await gpu.read(output)).buffer);
  assert.equal(
    [...decodeHalf(words)],
    Array.from({ length: 8 }, (_, i) => (-1) ** i * Number.POSITIVE_INFINITY),
  );
});

test.after(() => gpu.destroy());
test.run();
