import type { BindingType, Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { restDuring } from "#platform";
import { GpuValidationError } from "../core/errors.js";
import type { GPUBindGroupLayout, GPUComputePipeline, GPUDevice, GPUError } from "../core/web.js";
import { COMPUTE_STAGE } from "./usage.js";

/** A compiled kernel: what a dispatch needs besides its buffers. */
export interface CompiledKernel {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const RESOURCE: Record<BindingType, Omit<GPUBindGroupLayoutEntry, "binding" | "visibility">> = {
  read: { buffer: { type: "read-only-storage" } },
  read_write: { buffer: { type: "storage" } },
  uniform: { buffer: { type: "uniform" } },
  external: { externalTexture: {} },
};

/**
 * Compiles kernels once. The key is the WGSL text, the override constants and the binding types. Params
 * are always bound with a dynamic offset, so that eager dispatches and plans share pipelines.
 */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, CompiledKernel>();
  /** The same by the kernel object, which spares hashing its text where the caller kept it. */
  readonly #byKernel = new WeakMap<Kernel, CompiledKernel>();
  readonly #pending = new Map<string, Promise<CompiledKernel>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get size(): number {
    return this.#pipelines.size;
  }

  /** The compiled kernel, compiling it now if need be; errors surface at the device's next `sync`. */
  get(kernel: Kernel, report: (scope: Promise<void>) => void): CompiledKernel {
    const same = this.#byKernel.get(kernel);
    if (same) return same;
    const compiled = this.#find(kernel, report);
    this.#byKernel.set(kernel, compiled);
    return compiled;
  }

  #find(kernel: Kernel, report: (scope: Promise<void>) => void): CompiledKernel {
    const key = pipelineKey(kernel);
    const known = this.#pipelines.get(key);
    if (known) return known;
    const layout = this.#layout(kernel);
    this.#device.pushErrorScope("validation");
    const module = this.#device.createShaderModule({ code: kernel.wgsl, label: kernel.name });
    const pipeline = this.#device.createComputePipeline(this.#descriptor(kernel, module, layout));
    report(explain(this.#device.popErrorScope(), module, kernel.name));
    const compiled = { name: kernel.name, pipeline, layout };
    this.#pipelines.set(key, compiled);
    return compiled;
  }

  /** Compiles without blocking; many calls compile in parallel. */
  async prepare(kernel: Kernel): Promise<CompiledKernel> {
    const key = pipelineKey(kernel);
    const known = this.#pipelines.get(key);
    if (known) return known;
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = this.#compile(kernel, key).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }

  async #compile(kernel: Kernel, key: string): Promise<CompiledKernel> {
    const layout = this.#layout(kernel);
    this.#device.pushErrorScope("validation");
    const module = this.#device.createShaderModule({ code: kernel.wgsl, label: kernel.name });
    void this.#device.popErrorScope();
    try {
      const pipeline = await restDuring(
        this.#device.createComputePipelineAsync(this.#descriptor(kernel, module, layout)),
      );
      const compiled = { name: kernel.name, pipeline, layout };
      this.#pipelines.set(key, compiled);
      return compiled;
    } catch (error) {
      const text = await compilationText(module);
      throw new GpuValidationError(kernel.name, text || String((error as Error).message));
    }
  }

  #layout(kernel: Kernel): GPUBindGroupLayout {
    const key = `${kernel.bindings.join()}${kernel.params ? "+p" : ""}`;
    const known = this.#layouts.get(key);
    if (known) return known;
    const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map((type, binding) => ({
      binding,
      visibility: COMPUTE_STAGE,
      ...RESOURCE[type],
    }));
    if (kernel.params) {
      entries.push({
        binding: entries.length,
        visibility: COMPUTE_STAGE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      });
    }
    const layout = this.#device.createBindGroupLayout({ entries, label: key });
    this.#layouts.set(key, layout);
    return layout;
  }

  /**
   * Every pipeline has a pipeline layout of its own, even where another's is equal: wgpu 29 (Deno
   * 2.9) takes over how long a shader's structs are only when a pass changes to another layout
   * object, and would hold a pipeline that shares the layout of the one before to the lengths of
   * that one.
   */
  #descriptor(
    kernel: Kernel,
    module: GPUShaderModule,
    bindGroupLayout: GPUBindGroupLayout,
  ): GPUComputePipelineDescriptor {
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] });
    return { layout, label: kernel.name, compute: { module, constants: { ...kernel.constants } } };
  }
}

function pipelineKey(kernel: Kernel): string {
  const constants = kernel.constants ? JSON.stringify(kernel.constants) : "";
  return `${kernel.bindings.join()}|${constants}|${kernel.wgsl}`;
}

async function explain(
  scope: Promise<GPUError | null>,
  module: GPUShaderModule,
  name: string,
): Promise<void> {
  const error = await scope;
  if (!error) return;
  throw new GpuValidationError(name, (await compilationText(module)) || error.message);
}

async function compilationText(module: GPUShaderModule): Promise<string> {
  const info = await module.getCompilationInfo().catch(() => undefined);
  return (info?.messages ?? [])
    .filter((m) => m.type === "error")
    .map((m) => `${m.lineNum}:${m.linePos} ${m.message}`)
    .join("; ");
}
