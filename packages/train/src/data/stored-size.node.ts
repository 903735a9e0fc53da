import { closeSync, openSync, readSync } from "node:fs";
import { imageSize } from "image-size";
import type { StoredSize } from "./orientation.js";

/** Size and orientation stand before this many bytes, but for large previews and colour profiles. */
const HEAD_BYTES = 2 ** 17;

function readHead(file: string, most: number): Buffer {
  const fd = openSync(file, "r");
  try {
    const head = Buffer.allocUnsafe(most);
    return head.subarray(0, readSync(fd, head, 0, most, 0));
  } finally {
    closeSync(fd);
  }
}

/** What an image's header states; undefined where it cannot be read, which whoever decodes it will say. */
export function storedSize(file: string): StoredSize | undefined {
  for (const most of [HEAD_BYTES, HEAD_BYTES * 64]) {
    try {
      const { width, height, orientation = 1 } = imageSize(readHead(file, most));
      return { width, height, orientation };
    } catch {
      // Further in, or no image.
    }
  }
  return undefined;
}
