import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";

/** A kernel that packs weights, with or without a bias, as convolution launches have it. */
interface Packing {
  pack(withBias: boolean): Kernel;
}

/** Shapes remembered for each device: more than a training step of a large network has. */
const CAPACITY = 1024;

/**
 * Launches by what they were made of. Eager training records the same few hundred convolutions at every
 * step, and writing a kernel's text takes longer than recording its dispatch.
 */
export class LaunchCache<L> {
  readonly #byDevice = new WeakMap<Device, Map<string, L>>();

  /** The launch for a plain specification, made on first use. */
  get(device: Device, spec: object, make: () => L): L {
    let known = this.#byDevice.get(device);
    if (!known) {
      known = new Map();
      this.#byDevice.set(device, known);
    }
    const key = JSON.stringify(spec);
    let launch = known.get(key);
    if (launch === undefined) {
      launch = make();
      if (known.size >= CAPACITY) known.clear();
      known.set(key, launch);
    }
    return launch;
  }
}

/** The launch with its packing kernels kept. */
export function keepPacking<L extends Packing>(launch: L): L {
  const kernels = new Map<boolean, Kernel>();
  const pack = (withBias: boolean) => {
    const known = kernels.get(withBias) ?? launch.pack(withBias);
    kernels.set(withBias, known);
    return known;
  };
  return { ...launch, pack };
}
