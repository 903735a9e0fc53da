import { close, constants, fstat, open, read } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";
import { ReadError } from "../errors.js";

/** What Node puts into one buffer. */
export const MOST_FILE_BYTES = 2 ** 31 - 1;
/** More than an encoded image or checkpoint takes; a pipe does not say where it ends. */
export const MOST_PIPE_BYTES = 2 ** 29;

/** How much is read before the signal is looked at again. */
const PIECE = 2 ** 22;

const calls = {
  open: promisify(open),
  close: promisify(close),
  fstat: promisify(fstat),
  read: promisify(read),
};

/**
 * All bytes of a file or pipe. Opening never waits: a thread that waits for a pipe's other end could not be ended.
 *
 * @throws ReadError for a folder or device and for more than the limits above; the signal's reason; the system's errors.
 */
export async function readWhole(
  path: string,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  const fd = await calls.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  let owned = true;
  try {
    const status = await calls.fstat(fd);
    signal?.throwIfAborted();
    if (status.isFIFO()) {
      owned = false;
      return await readPipe(fd, path, signal);
    }
    if (status.isDirectory()) {
      throw Object.assign(new Error(`${path} is a folder`), { code: "EISDIR" });
    }
    if (!status.isFile()) throw new ReadError(`cannot read ${path}: it is not a file`);
    return await readFileBytes(fd, path, status.size, signal);
  } finally {
    if (owned) await calls.close(fd);
  }
}

/** Files whose size is not known, as in /proc, are read to their end. */
async function readFileBytes(
  fd: number,
  path: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  if (size > MOST_FILE_BYTES) throw tooLarge(path, MOST_FILE_BYTES);
  let bytes = new Uint8Array(size || PIECE);
  let done = 0;
  for (;;) {
    signal?.throwIfAborted();
    if (done === bytes.length) {
      if (size > 0) return bytes;
      if (done >= MOST_PIPE_BYTES) throw tooLarge(path, MOST_PIPE_BYTES);
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    const wanted = Math.min(PIECE, bytes.length - done);
    const { bytesRead } = await calls.read(fd, bytes, done, wanted, done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
}

/** Reads a pipe to its end; closes it. */
function readPipe(
  fd: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const pipe = new Socket({ fd, readable: true, writable: false });
    const pieces: Uint8Array[] = [];
    let total = 0;
    const end = (finish: () => void) => {
      signal?.removeEventListener("abort", abort);
      pipe.destroy();
      finish();
    };
    const abort = () => end(() => reject(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    pipe.on("data", (piece: Uint8Array) => {
      pieces.push(piece);
      total += piece.length;
      if (total > MOST_PIPE_BYTES) end(() => reject(tooLarge(path, MOST_PIPE_BYTES)));
    });
    pipe.on("error", (error) => end(() => reject(error)));
    pipe.on("end", () => end(() => resolve(joined(pieces, total))));
  });
}

function joined(pieces: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function tooLarge(path: string, most: number): ReadError {
  return new ReadError(
    `cannot read ${path}: it holds more than ${Math.round(most / 2 ** 20)} MiB, more than an image or checkpoint takes`,
  );
}
