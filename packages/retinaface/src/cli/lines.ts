import { once } from "node:events";
import type { Writable } from "node:stream";
import { printableJson } from "../printable.js";

/** Where output goes; tests bring their own. */
export interface Streams {
  stdout: Writable & { isTTY?: boolean };
  stderr: Writable & { isTTY?: boolean };
}

/** Writes whole JSON lines, harmless on a terminal, and knows when the reader has gone away (`| head`). */
export class JsonLines {
  #closed = false;
  readonly #whenClosed: Promise<unknown>;

  constructor(private readonly stream: Writable) {
    this.#whenClosed = new Promise<void>((resolve, reject) => {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        this.#closed = true;
        if (error.code === "EPIPE") resolve();
        else reject(error);
      });
    });
    this.#whenClosed.catch(() => undefined);
  }

  /** Whether the reader has gone away: nothing more needs to be written. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves once the stream takes more. */
  async write(value: unknown): Promise<void> {
    if (this.#closed) return;
    const more = this.stream.write(`${printableJson(value)}\n`);
    if (!more) await Promise.race([once(this.stream, "drain"), this.#whenClosed]);
  }
}
