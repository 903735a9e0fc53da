import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** What one buffer of Node holds. */
const MOST_BYTES = 2 ** 31 - 1;

/** The bytes of a file. @throws the system's errors, RangeError for what is no file, or too large */
export async function readFileBytes(place: string | URL): Promise<Uint8Array> {
  const path = place instanceof URL ? fileURLToPath(place) : place;
  const status = await stat(path);
  if (!status.isFile() || status.size > MOST_BYTES) {
    throw new RangeError(`${path} is no file of at most 2 GiB: name an ONNX file`);
  }
  return readFile(path);
}
