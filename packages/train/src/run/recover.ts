import { Device, DeviceLostError } from "@retinaface-webgpu/tensor";

/** Devices lost in a row, without a checkpoint between, after which a run gives up. */
const MAX_LOSSES = 3;

/** Work that can go on from what it has saved. */
export interface Recoverable<R> {
  /** Does the work from the last checkpoint on. The device is destroyed afterwards. */
  work(device: Device): Promise<R>;
  /** The step of the last checkpoint, or undefined while there is none. */
  savedStep(): Promise<number | undefined>;
  onNotice(text: string): void;
}

/**
 * Does work on a device, and on a fresh one whenever it is lost.
 * @throws DeviceLostError once devices are lost again and again without a checkpoint between; whatever `work` throws
 */
export async function recovering<R>({ work, savedStep, onNotice }: Recoverable<R>): Promise<R> {
  let losses = 0;
  for (;;) {
    const before = await savedStep();
    const device = await Device.create();
    try {
      return await work(device);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      const step = await savedStep();
      losses = step === before ? losses + 1 : 1;
      if (losses > MAX_LOSSES) throw error;
      onNotice(`${error.message} Going on from step ${step ?? 0}.`);
    } finally {
      device.destroy();
    }
  }
}
