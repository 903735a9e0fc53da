import { create, globals } from "webgpu";

export { restDuring } from "./rest.js";

/** Where adapters come from; `release` lets go of it once its device is gone. */
export interface GpuSource {
  readonly gpu: GPU;
  release(): void;
}

// Dawn frees its instance when the GPU object is collected, under the feet of a living device.
const open = new Set<GPU>();

/** Timestamps to the nanosecond: by default they come in steps of 65 µs, a precaution against web pages. */
const TOGGLES = ["disable-dawn-features=timestamp_quantization"];

/**
 * Opens Dawn. Each call creates its own instance: Dawn polls (and keeps Node alive) for as long as an
 * instance with a live device exists.
 */
export async function openGpu(): Promise<GpuSource> {
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }
  }
  const gpu = create(TOGGLES);
  open.add(gpu);
  return { gpu, release: () => void open.delete(gpu) };
}

export const noAdapterRemedy =
  "Dawn found no Vulkan, Metal or D3D12 adapter. On a Linux machine without a GPU install a software " +
  "one: `apt-get install mesa-vulkan-drivers` (version 25 or later; on Debian 12 from " +
  "bookworm-backports).";
