import { Device, type DeviceOptions } from "@retinaface-webgpu/tensor";

/** What of uvu's suite this helper needs. */
interface Suite {
  before(hook: () => Promise<void>): void;
  after(hook: () => Promise<void>): void;
}

/** A device that passes for a graphics card: what runs there is right on any adapter. */
export async function asGpu(): Promise<Device> {
  const own = await Device.create();
  Object.assign(own.adapter, { software: false });
  return own;
}

/**
 * Gives a test file one device: created before its first test, destroyed after its last.
 */
export function useDevice(suite: Suite, options: DeviceOptions = {}): () => Device {
  let device: Device | undefined;
  suite.before(async () => {
    device = await Device.create(options);
  });
  suite.after(async () => {
    device?.destroy();
  });
  return () => {
    if (!device) throw new Error("useDevice: ask for the device inside a test");
    return device;
  };
}
