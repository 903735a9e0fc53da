/** What holds for every kernel, by its text and geometry alone. */
import * as kernels from "@retinaface-webgpu/kernels-wgsl";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cpuScratchTraits, cpuTraits, HELPERS, snapshotCases, traits } from "./snapshot-cases.js";

test("every exported kernel has a case", () => {
  const covered = new Set([...snapshotCases().keys()].map((title) => title.split(" ")[0]));
  const functions = Object.entries(kernels).filter(([, value]) => typeof value === "function");
  const missing = functions
    .map(([name]) => name)
    .filter((name) => !covered.has(name) && !HELPERS.includes(name));
  assert.equal(missing, [], "add them to test/src/kernels-wgsl/snapshot-cases.ts");
});

/** Storage buffers of a kernel that is taken only where a device has as many: `isWholeBatchNorm`. */
const WIDE = 9;

test("every kernel can be launched on a device with default limits", () => {
  for (const [title, kernel] of snapshotCases()) {
    const { wgsl, bindings, params, workgroups } = kernel;
    assert.ok(
      workgroups.every((n) => Number.isInteger(n) && n >= 1 && n <= 65535),
      title,
    );
    const most = title.startsWith("batchNormBackwardWhole") ? WIDE : 8;
    assert.ok(bindings.filter((b) => b !== "uniform").length <= most, title);
    assert.is((params?.byteLength ?? 0) % 4, 0, title);
    const declared = [...wgsl.matchAll(/@group\(0\) @binding\((\d+)\)/g)].map((m) => Number(m[1]));
    const expected = bindings.length + (params ? 1 : 0);
    assert.equal(
      declared.sort((a, b) => a - b),
      [...Array(expected).keys()],
      title,
    );
  }
});

test("the first choice for a convolution follows the adapter and the size of the image", () => {
  const plainCpu = { ...cpuTraits, subgroups: false };
  const named = new Map(kernels.conv2dBenchCases().map(({ name, spec }) => [name, spec]));
  const first = (name: string, of: typeof traits) => {
    const spec = { ...named.get(name)!, residual: undefined };
    return [kernels.conv2dVariants(spec, of)[0], kernels.conv2dBackwardWeightVariants(spec, of)[0]];
  };
  assert.equal(first("3×3 64→64 @160", traits), ["tiled", "tiled-weight-gradient"]);
  assert.equal(first("3×3 64→64 @40", traits), ["tiled-small", "tiled-weight-gradient"]);
  assert.equal(first("first 3→8 @640", traits), ["direct", "tiled-weight-gradient"]);
  assert.equal(first("depthwise 64→64 @160", traits), ["depthwise", "depthwise-gradient"]);
  assert.equal(first("3×3 64→64 @160", plainCpu), ["direct", "weight-gradient"]);
  assert.equal(first("depthwise 64→64 @160", plainCpu), ["depthwise", "weight-gradient"]);
  assert.equal(first("3×3 64→64 @160", cpuTraits), ["subgroup-gemm", "subgroup-weight-gradient"]);
  const winograd = ["subgroup-winograd", "subgroup-winograd-weight-gradient"];
  assert.equal(first("3×3 64→64 @160", cpuScratchTraits), winograd);
  const gpuScratch = { ...cpuScratchTraits, software: false };
  assert.equal(first("3×3 64→64 @160", gpuScratch), ["tiled", "tiled-weight-gradient"]);
});

test.run();
