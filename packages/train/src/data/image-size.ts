import { imageSize } from "image-size";
import { readBytes } from "retinaface-webgpu";
import { uprightSizeOf } from "./orientation.js";
import type { FaceRecord, ReadResult } from "./record.js";

/** The upright size that an encoded image's header states. */
function uprightSize(bytes: Uint8Array): { width: number; height: number } {
  const { width, height, orientation = 1 } = imageSize(bytes);
  return uprightSizeOf({ width, height, orientation });
}

/** Fills in the sizes that labels do not state; images that cannot be read are left out. */
export async function withSizes(records: readonly FaceRecord[]): Promise<ReadResult> {
  const result: ReadResult = { records: [], problems: [] };
  for (const record of records) {
    if (record.width && record.height) {
      result.records.push(record);
      continue;
    }
    try {
      const { image } = record;
      const size = typeof image === "string" ? uprightSize(await readBytes(image)) : await image();
      result.records.push({ ...record, width: size.width, height: size.height });
    } catch (error) {
      result.problems.push({ file: record.id, message: (error as Error).message });
    }
  }
  return result;
}
