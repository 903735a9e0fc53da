import type { Conv2dSpec } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../core/errors.js";
import type { Device } from "../device/device.js";

/** The adapter computes convolutions wrong, also by the general kernel. */
export class SelfTestError extends TensorError {
  constructor(device: Device, specs: readonly Conv2dSpec[]) {
    const half = specs.some(({ outType }) => outType === "f16");
    super(
      "SELF_TEST",
      `${device.adapter.name} computes convolutions wrong: update its driver or use another adapter` +
        `${half ? " or f32" : ""}.`,
    );
  }
}
