import { corrupt } from "./errors.js";

/**
 * What a checkpoint may take in memory: its storages, inflated, and the tensors copied out of them, together
 * at most this many times the file. One that is stored plainly takes twice its size; weights hardly
 * compress, and tensors that share a storage are few.
 */
const MOST_TIMES = 16;
/** Small files may take this much. */
const FLOOR_BYTES = 16 * 2 ** 20;

/** @throws CheckpointError `CHECKPOINT_CORRUPT` where it would take more than the limit. */
export function checkUnfolded(bytes: number, fileBytes: number): void {
  const limit = Math.max(MOST_TIMES * fileBytes, FLOOR_BYTES);
  if (bytes <= limit) return;
  throw corrupt(
    `It would inflate to ${bytes} bytes in memory; a file of ${fileBytes} may take ${limit}.`,
  );
}
