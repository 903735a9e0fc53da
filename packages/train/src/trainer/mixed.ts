import { cast, type Device, isHostDevice, optim, type Tensor } from "@retinaface-webgpu/tensor";
import { type NetworkOutput, RetinaFaceError } from "retinaface-webgpu";

/**
 * Mixed precision: what goes into a network is stored as f16, and so is all that it makes of it and the gradients of these;
 * its outputs are f32 again, and with them the losses. The loss is scaled.
 */
export class MixedPrecision {
  readonly scaler: optim.GradScaler;

  /** @throws RetinaFaceError `PRECISION_UNAVAILABLE` where the device cannot store f16 */
  constructor(device: Device, scaling?: optim.GradScalerOptions) {
    if (isHostDevice(device)) {
      throw unavailable(
        "the WebAssembly engine computes in f32: train with precision f32, or on WebGPU",
      );
    }
    if (!device.has("shader-f16")) {
      throw unavailable(`${device.adapter.name} lacks shader-f16 here: train with precision f32`);
    }
    this.scaler = new optim.GradScaler(device, scaling);
  }

  narrow(maps: readonly Tensor[]): Tensor[] {
    return maps.map((map) => cast(map, "f16"));
  }

  widen(output: NetworkOutput): NetworkOutput {
    const wide = Object.entries(output).map(([name, tensor]) => [name, cast(tensor, "f32")]);
    return Object.fromEntries(wide);
  }
}

function unavailable(why: string): RetinaFaceError {
  return new RetinaFaceError("PRECISION_UNAVAILABLE", `Mixed precision: ${why}.`);
}
