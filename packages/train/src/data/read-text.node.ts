import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { whyUnreadable } from "retinaface-webgpu/node";
import { DataError } from "../errors.js";

/** Just below the longest text that JavaScript holds; the largest label files in use are of 450 MB. */
const MOST_BYTES = 500_000_000;
const PIECE = 2 ** 20;
/** Programs on Windows put it before their text files. */
const BYTE_ORDER_MARK = /^\uFEFF/;

/**
 * The text of a label file or another that a data set or run consists of, or of a pipe.
 *
 * @throws {DataError} saying why it cannot be read; more than 500 MB are none of these
 */
export function readText(file: string): string {
  try {
    const fd = openSync(file, "r");
    try {
      return readAll(fd, file).toString("utf8").replace(BYTE_ORDER_MARK, "");
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`Cannot read ${file}: ${whyUnreadable(cause)}.`, { cause });
  }
}

function readAll(fd: number, file: string): Buffer {
  const status = fstatSync(fd);
  if (status.isCharacterDevice() || status.isBlockDevice()) {
    throw new DataError(`Cannot read ${file}: it is not a file.`);
  }
  const pieces: Buffer[] = [];
  for (let total = 0; ; ) {
    const piece = Buffer.allocUnsafe(PIECE);
    const length = readSync(fd, piece, 0, PIECE, null);
    if (length === 0) return Buffer.concat(pieces, total);
    pieces.push(piece.subarray(0, length));
    total += length;
    if (total > MOST_BYTES) {
      throw new DataError(`Cannot read ${file}: it holds more than 500 MB, more than labels take.`);
    }
  }
}
