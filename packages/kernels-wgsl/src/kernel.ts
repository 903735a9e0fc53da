/**
 * How a resource is bound: `@group(0) @binding(i)`, in the order of `Kernel.bindings`. `external` is a video frame
 * (`texture_external`), the others are storage and uniform buffers.
 */
export type BindingType = "read" | "read_write" | "uniform" | "external";

/** Workgroup counts of one dispatch. */
export type Workgroups = readonly [x: number, y: number, z: number];

/**
 * One compute dispatch as plain data: what a device needs to compile and launch it.
 *
 * Shapes and scalars go into `params`, so that one pipeline serves every shape; `wgsl` together with
 * `constants` is the key of the pipeline cache.
 */
export interface Kernel {
  /** Short name of algorithm and variant, shown in errors, timings and benchmarks. */
  readonly name: string;
  readonly wgsl: string;
  /** Values of the shader's `override` constants. */
  readonly constants?: Readonly<Record<string, number>>;
  readonly bindings: readonly BindingType[];
  /**
   * Contents of the uniform block `@binding(bindings.length)`, exactly as long as the shader's struct;
   * absent when the shader declares none.
   */
  readonly params?: ArrayBuffer;
  readonly workgroups: Workgroups;
  /** WGSL extensions the shader enables. */
  readonly features?: readonly ("shader-f16" | "subgroups")[];
  /** Floating-point operations (a fused multiply-add counts 2), for benchmarks. */
  readonly flops: number;
  /** Bytes that must move at least once, for benchmarks. */
  readonly bytes: number;
}

/** A value of a uniform block: `u32` by default, or tagged. */
export type ParamValue = number | { readonly f32: number } | { readonly i32: number };

/**
 * Packs scalars in order into a uniform block of 4-byte fields. Declare the WGSL struct with the same order of
 * `u32`/`i32`/`f32` members: the block is as long as that struct. Padding would hide that one of them has fewer.
 */
export function packParams(values: readonly ParamValue[]): ArrayBuffer {
  const buffer = new ArrayBuffer(values.length * 4);
  const view = new DataView(buffer);
  for (const [i, value] of values.entries()) {
    if (typeof value === "number") view.setUint32(i * 4, value, true);
    else if ("f32" in value) view.setFloat32(i * 4, value.f32, true);
    else view.setInt32(i * 4, value.i32, true);
  }
  return buffer;
}

/** The most workgroups one dimension of a dispatch may have under WebGPU's default limits. */
export const MAX_WORKGROUPS_PER_DIMENSION = 65535;

/**
 * Spreads `count` workgroups over x and y; the shader finds its linear index as
 * `workgroup_id.x + workgroup_id.y * num_workgroups.x` and must ignore indices at or past its own count.
 */
export function linearWorkgroups(count: number): Workgroups {
  const n = Math.max(1, Math.ceil(count));
  if (n <= MAX_WORKGROUPS_PER_DIMENSION) return [n, 1, 1];
  const y = Math.ceil(n / MAX_WORKGROUPS_PER_DIMENSION);
  return [Math.ceil(n / y), y, 1];
}
