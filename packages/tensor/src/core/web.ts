/*
 * Classes of the platform that our types mention, for programs that are compiled without lib "dom" or
 * `@webgpu/types`: there they are `never`, where these are known the classes themselves. Types of ours that a
 * program sees name them through here; the global names would not compile.
 */

/** The class of a global constructor, or `never` where the program's libraries have none of that name. */
export type Known<Name extends string> =
  typeof globalThis extends Record<Name, { prototype: infer Class }> ? Class : never;

export type GPU = Known<"GPU">;
export type GPUAdapter = Known<"GPUAdapter">;
export type GPUAdapterInfo = Known<"GPUAdapterInfo">;
export type GPUBindGroup = Known<"GPUBindGroup">;
export type GPUBindGroupLayout = Known<"GPUBindGroupLayout">;
export type GPUBuffer = Known<"GPUBuffer">;
export type GPUCommandEncoder = Known<"GPUCommandEncoder">;
export type GPUComputePipeline = Known<"GPUComputePipeline">;
export type GPUDevice = Known<"GPUDevice">;
export type GPUError = Known<"GPUError">;
export type GPUExternalTexture = Known<"GPUExternalTexture">;
export type GPUSupportedLimits = Known<"GPUSupportedLimits">;

export type GPUPowerPreference = "low-power" | "high-performance";
export type GPUBufferUsageFlags = number;
export type GPUDeviceDescriptor = NonNullable<Parameters<GPUAdapter["requestDevice"]>[0]>;
export type GPUComputePassDescriptor = NonNullable<
  Parameters<GPUCommandEncoder["beginComputePass"]>[0]
>;

/** Bytes in memory of their own: `Uint8Array<ArrayBuffer>` since TypeScript 5.7, `Uint8Array` before. */
export type OwnBytes = ReturnType<Uint8Array["slice"]>;
