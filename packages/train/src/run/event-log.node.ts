import { appendFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { WriteError } from "retinaface-webgpu/node";
import { eventFileStart, type Scalar, scalarEvents } from "../report/tensorboard.js";

/** Of this process, which may begin several within a second. */
let begun = 0;

/** An event file of a run's folder, `events.out.tfevents.SECONDS.HOST.PROCESS.N`: `tensorboard --logdir FOLDER` shows it. */
export class EventLog {
  readonly #file: string;

  /** @param step from which it goes on; what earlier files say of later ones no longer counts */
  constructor(folder: string, step: number) {
    const seconds = Date.now() / 1000;
    const name = `events.out.tfevents.${Math.floor(seconds)}.${os.hostname()}.${process.pid}.${begun++}`;
    this.#file = path.join(folder, name);
    this.#write(eventFileStart(seconds, step));
  }

  append(scalars: readonly Scalar[]): void {
    this.#write(scalarEvents(Date.now() / 1000, scalars));
  }

  #write(records: Uint8Array): void {
    try {
      appendFileSync(this.#file, records);
    } catch (cause) {
      throw new WriteError(this.#file, cause);
    }
  }
}
