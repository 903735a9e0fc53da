import type { Conv2dTraits } from "@retinaface-webgpu/kernels-wgsl";
import type {
  GPU,
  GPUAdapter,
  GPUAdapterInfo,
  GPUDeviceDescriptor,
  GPUPowerPreference,
} from "../core/web.js";

/** Options of `Device.create`. */
export interface DeviceOptions {
  /** Use this entry point instead of the platform's own. */
  gpu?: GPU | undefined;
  powerPreference?: GPUPowerPreference | undefined;
  /** Optional features to use where the adapter has them; default all that this library knows. */
  features?: readonly OptionalFeature[] | undefined;
  /** `"adapter"` (default) asks for the adapter's own limits, `"default"` for WebGPU's guaranteed ones. */
  limits?: "adapter" | "default" | undefined;
  /** Bytes of freed buffers kept for reuse; default 512 MiB. */
  poolBytes?: number | undefined;
}

export type OptionalFeature = "shader-f16" | "subgroups" | "timestamp-query";

const KNOWN_FEATURES: readonly OptionalFeature[] = ["shader-f16", "subgroups", "timestamp-query"];

const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Name and kind of the adapter, to print beside measurements. */
export interface AdapterDescription {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  /** True for an adapter that computes on the CPU (llvmpipe, SwiftShader, WARP). */
  readonly software: boolean;
  /** Invocations of every subgroup; absent where that varies or is not told. */
  readonly subgroupSize?: number;
}

/** What to ask the adapter for: only features and limits it has. */
export function deviceDescriptor(adapter: GPUAdapter, options: DeviceOptions): GPUDeviceDescriptor {
  const wanted = options.features ?? KNOWN_FEATURES;
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  if (options.limits !== "default") {
    for (const limit of RAISED_LIMITS) requiredLimits[limit] = adapter.limits[limit];
  }
  return { requiredFeatures: requiredFeatures as GPUFeatureName[], requiredLimits };
}

/**
 * Ways to convolve beyond those for every adapter. Those that run shaders on the CPU have some; only there is their code
 * loaded, with the device, so that what runs does not depend on when it was.
 */
export async function convolutionsFor({
  software,
}: AdapterDescription): Promise<Conv2dTraits["further"]> {
  if (!software) return undefined;
  return (await import("@retinaface-webgpu/kernels-wgsl/conv2d-cpu")).CPU_FORWARD;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|microsoft basic render|software/i;

/** The adapter's name and kind. */
export function describeAdapter(info: GPUAdapterInfo): AdapterDescription {
  const name = info.description || [info.vendor, info.architecture, info.device].join(" ").trim();
  const text = `${name} ${info.vendor} ${info.architecture} ${info.device}`;
  const { subgroupMinSize, subgroupMaxSize } = info;
  const fallback = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  return {
    name: name || "unnamed adapter",
    vendor: info.vendor,
    architecture: info.architecture,
    software: fallback || SOFTWARE.test(text),
    ...(subgroupMinSize > 0 && subgroupMinSize === subgroupMaxSize
      ? { subgroupSize: subgroupMinSize }
      : {}),
  };
}
