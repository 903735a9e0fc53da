import { DeviceLostError } from "@retinaface-webgpu/tensor";
import {
  openTrainingDevice,
  type TrainingBackend,
  type TrainingDevice,
} from "../trainer/open-device.js";

/** Devices lost in a row, without a checkpoint between, after which a run gives up. */
const MAX_LOSSES = 3;

/** Work that can go on from what it has saved. */
export interface Recoverable<R> extends TrainingBackend {
  /** Does the work from the last checkpoint on. The device is destroyed afterwards. */
  work(opened: TrainingDevice): Promise<R>;
  /** The step of the last checkpoint, or undefined while there is none. */
  savedStep(): Promise<number | undefined>;
  onNotice(text: string): void;
}

/**
 * Does work on a device, and on a fresh one whenever it is lost.
 * @throws DeviceLostError once devices are lost again and again without a checkpoint between; whatever `work` throws
 */
export async function recovering<R>(task: Recoverable<R>): Promise<R> {
  const { work, savedStep, onNotice } = task;
  let losses = 0;
  for (;;) {
    const before = await savedStep();
    const opened = await openTrainingDevice(task, onNotice);
    try {
      return await work(opened);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      const step = await savedStep();
      losses = step === before ? losses + 1 : 1;
      if (losses > MAX_LOSSES) throw error;
      onNotice(`${error.message} Going on from step ${step ?? 0}.`);
    } finally {
      opened.close();
    }
  }
}
