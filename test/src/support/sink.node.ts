import { Writable } from "node:stream";

/** A stream that keeps what it is given. */
export class Sink extends Writable {
  text = "";
  isTTY = false;
  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.text += chunk.toString();
    done();
  }
}
