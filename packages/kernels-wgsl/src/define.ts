/**
 * Assembles a `Kernel` from the parts that differ between kernels: buffers, scalar parameters and the body
 * of `main`. Binding numbers, the uniform block, the entry point and the linear index are written here once.
 */
import {
  type BindingType,
  type Kernel,
  linearWorkgroups,
  type ParamValue,
  packParams,
} from "./kernel.js";

/** Element types of tensors. f16 is stored as such and computed in f32. */
export type ElementType = "f32" | "f16" | "i32" | "u32";

/** Bytes of one element. */
export function elementSize(type: ElementType): number {
  return type === "f16" ? 2 : 4;
}

/** The WGSL type in which elements of `type` are computed. */
export function computeType(type: ElementType): "f32" | "i32" | "u32" {
  return type === "f16" ? "f32" : type;
}

/** What a kernel binds: a storage buffer with the WGSL type of its elements, e.g. `vec4<f32>`, or a video frame. */
export interface BufferSpec {
  readonly name: string;
  readonly access: Exclude<BindingType, "uniform">;
  readonly element: string;
}

/** An input buffer. */
export function input(name: string, element: string): BufferSpec {
  return { name, access: "read", element };
}

/** A buffer the kernel writes, and may read. */
export function output(name: string, element: string): BufferSpec {
  return { name, access: "read_write", element };
}

/** A video frame. */
export function videoFrame(name: string): BufferSpec {
  return { name, access: "external", element: "texture_external" };
}

function declare({ name, access, element }: BufferSpec): string {
  if (access === "external") return `var ${name}: ${element};`;
  return `var<storage, ${access}> ${name}: array<${element}>;`;
}

/** Threads of a workgroup in kernels that give every invocation its own work item. */
export const THREADS = 64;

/** What `defineKernel` needs. */
export interface KernelDefinition {
  readonly name: string;
  readonly buffers: readonly BufferSpec[];
  /** Members of the uniform block `p`, in order, after the implicit `count`. */
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** Declarations before `main`: functions, constants, workgroup variables. */
  readonly globals?: string;
  /** How many work items there are: invocations, or workgroups with `perGroup`. */
  readonly count: number;
  /**
   * One work item is one invocation, and `main` sees its index as `i` (the default), or one whole workgroup,
   * and `main` sees the item as `group` and the invocation within as `lane`.
   */
  readonly perGroup?: boolean;
  /** Invocations a workgroup, at most 256. */
  readonly threads?: number;
  /** The statements of `main`. */
  readonly body: string;
  readonly flops: number;
  readonly bytes: number;
}

function paramType(value: ParamValue): string {
  if (typeof value === "number") return "u32";
  return "f32" in value ? "f32" : "i32";
}

/** Builds the WGSL module, uniform block and workgroup counts of a one-dimensional kernel. */
export function defineKernel(definition: KernelDefinition): Kernel {
  const { buffers, count, threads = THREADS, perGroup = false } = definition;
  const params: Record<string, ParamValue> = { count, ...definition.params };
  const usesF16 = buffers.some((b) => b.element.includes("f16"));
  const members = Object.entries(params).map(([name, value]) => `  ${name}: ${paramType(value)},`);
  const bindings = buffers.map((b, i) => `@group(0) @binding(${i}) ${declare(b)}`);
  const index = perGroup
    ? `  let group = wid.x + wid.y * groups.x;
  if (group >= p.count) { return; }`
    : `  let i = (wid.x + wid.y * groups.x) * ${threads}u + lane;
  if (i >= p.count) { return; }`;
  const wgsl = `${usesF16 ? "enable f16;\n" : ""}struct Params {
${members.join("\n")}
}
${bindings.join("\n")}
@group(0) @binding(${buffers.length}) var<uniform> p: Params;
${definition.globals ?? ""}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
${index}
${definition.body}
}
`;
  return {
    name: definition.name,
    wgsl,
    bindings: buffers.map((b) => b.access),
    params: packParams(Object.values(params)),
    workgroups: linearWorkgroups(perGroup ? count : count / threads),
    ...(usesF16 ? { features: ["shader-f16"] as const } : {}),
    flops: definition.flops,
    bytes: definition.bytes,
  };
}

/** WGSL for element type and vector width: `scalarOrVector("f32", 4)` is `vec4<f32>`. */
export function scalarOrVector(type: ElementType, width: 1 | 4): string {
  return width === 4 ? `vec4<${type}>` : type;
}

/** Product of a shape's extents. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * Statements that split the flat index `index` into coordinates, innermost first: `axes` are pairs of a name
 * and the WGSL of its extent (u32), and `outermost` gets what is left. One division an axis: integer division
 * is the costly part of most copies.
 */
export function splitIndex(
  index: string,
  axes: readonly (readonly [name: string, extent: string])[],
  outermost: string,
): string {
  const lines: string[] = [];
  let rest = index;
  for (const [k, [name, extent]] of axes.entries()) {
    const quotient = k === axes.length - 1 ? outermost : `${name}Rest`;
    lines.push(`  let ${quotient} = ${rest} / ${extent};`);
    lines.push(`  let ${name} = ${rest} - ${quotient} * ${extent};`);
    rest = quotient;
  }
  return lines.length > 0 ? lines.join("\n") : `  let ${outermost} = ${index};`;
}
