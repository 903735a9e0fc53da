import { type Conv2dTraits, CPU_WINOGRAD, type Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { CPU_FORWARD } from "@retinaface-webgpu/kernels-wgsl/conv2d-cpu";

/** A bare WebGPU device to test kernels without the tensor library. */
export interface RawGpu {
  readonly device: GPUDevice;
  readonly traits: Conv2dTraits;
  readonly adapterName: string;
  /** A storage buffer holding `data`, padded to 16 bytes. */
  buffer(data: Float32Array | number): GPUBuffer;
  /** Encodes kernels with their bindings in order and submits them. */
  run(steps: readonly RawStep[]): void;
  read(buffer: GPUBuffer): Promise<Float32Array>;
  destroy(): void;
}

export interface RawStep {
  readonly kernel: Kernel;
  readonly bindings: readonly (GPUBuffer | GPUBufferBinding)[];
}

/** WebGPU of the runtime's own: a browser's, Deno's. Node has none. */
const ownGpu: GPU | undefined = globalThis.navigator?.gpu;

async function gpuOf(): Promise<GPU> {
  if (ownGpu) return ownGpu;
  const name = "webgpu";
  const { create, globals } = (await import(name)) as {
    create(options: string[]): GPU;
    globals: object;
  };
  Object.assign(globalThis, globals);
  return create([]);
}

/** How to wait for the device: as the library does in Node, where Dawn would keep a core busy. */
async function restOf(): Promise<<T>(promise: Promise<T>) => Promise<T>> {
  if (ownGpu) return (promise) => promise;
  const file = "../../../packages/tensor/dist/platform/rest.js";
  return (await import(file)).restDuring;
}

/** Dawn's instance must outlive its devices. */
const instances: GPU[] = [];

/** Opens a device with the features the adapter has; throws where there is no adapter. */
export async function openRawGpu(): Promise<RawGpu> {
  const [gpu, restDuring] = await Promise.all([gpuOf(), restOf()]);
  instances.push(gpu);
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const wanted: GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"];
  const requiredFeatures = wanted.filter((f) => adapter.features.has(f));
  const device = await adapter.requestDevice({ requiredFeatures });
  const pipelines = new Map<string, GPUComputePipeline>();

  const pipelineOf = (kernel: Kernel): GPUComputePipeline => {
    const key = JSON.stringify([kernel.wgsl, kernel.constants]);
    let pipeline = pipelines.get(key);
    if (!pipeline) {
      const module = device.createShaderModule({ label: kernel.name, code: kernel.wgsl });
      const constants = kernel.constants ?? {};
      pipeline = device.createComputePipeline({ layout: "auto", compute: { module, constants } });
      pipelines.set(key, pipeline);
    }
    return pipeline;
  };

  const buffer = (data: Float32Array | number): GPUBuffer => {
    const length = typeof data === "number" ? data : data.length;
    const made = device.createBuffer({
      size: Math.max(16, Math.ceil(length / 4) * 16),
      usage:
        GPUBufferUsage.STORAGE |
        GPUBufferUsage.UNIFORM |
        GPUBufferUsage.COPY_SRC |
        GPUBufferUsage.COPY_DST,
    });
    if (typeof data !== "number") device.queue.writeBuffer(made, 0, data as BufferSource);
    return made;
  };

  const bind = (step: RawStep, pipeline: GPUComputePipeline): GPUBindGroup => {
    const resources: (GPUBuffer | GPUBufferBinding)[] = [...step.bindings];
    const { params } = step.kernel;
    if (params) {
      const uniform = device.createBuffer({
        size: params.byteLength,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
      device.queue.writeBuffer(uniform, 0, params);
      resources.push(uniform);
    }
    const entries = resources.map((r, binding) => ({
      binding,
      resource: "buffer" in r ? r : { buffer: r },
    }));
    return device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  };

  const run = (steps: readonly RawStep[]): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const step of steps) {
      const pipeline = pipelineOf(step.kernel);
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bind(step, pipeline));
      pass.dispatchWorkgroups(...step.kernel.workgroups);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  };

  const read = async (source: GPUBuffer): Promise<Float32Array> => {
    const staging = device.createBuffer({
      size: source.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
    device.queue.submit([encoder.finish()]);
    await restDuring(staging.mapAsync(GPUMapMode.READ));
    const data = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return data;
  };

  device.addEventListener("uncapturederror", (event) => {
    throw new Error((event as GPUUncapturedErrorEvent).error.message);
  });
  const { limits, features } = device;
  return {
    device,
    traits: {
      maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
      maxUniformBinding: limits.maxUniformBufferBindingSize,
      maxStorageBinding: limits.maxStorageBufferBindingSize,
      scratch: true,
      subgroups: features.has("subgroups"),
      ...(adapter.info.subgroupMinSize === adapter.info.subgroupMaxSize
        ? { subgroupSize: adapter.info.subgroupMinSize }
        : {}),
      f16: features.has("shader-f16"),
      software: /llvmpipe|swiftshader/i.test(
        `${adapter.info.description} ${adapter.info.device} ${adapter.info.architecture}`,
      ),
      further: [CPU_WINOGRAD, ...CPU_FORWARD],
    },
    adapterName: adapter.info.description,
    buffer,
    run,
    read,
    destroy: () => device.destroy(),
  };
}
