import { type StoredSize, turnUpright, uprightSizeOf } from "./orientation.js";
import type { FaceRecord, Problem } from "./record.js";
import { storedSize } from "./stored-size.node.js";

/** Whether boxes are of the image as it is shown, or of its pixels as they are stored. */
export type LabelOrientation = "upright" | "raw";

/** Records held against the pictures they are of. */
export interface SizedRecords {
  readonly records: FaceRecord[];
  readonly problems: Problem[];
  /** Boxes that reach out of their picture by more than {@link OUTSIDE} pixels. */
  readonly outside: number;
}

/** Formats that count pixels from 1, and rounding, put a box a pixel out: that is no fault. */
const OUTSIDE = 1.5;

function countOutside({ boxes }: FaceRecord, size: { width: number; height: number }): number {
  let outside = 0;
  for (let i = 0; i < boxes.length; i += 4) {
    const [x1, y1, x2, y2] = boxes.subarray(i, i + 4);
    const least = Math.min(x1, y1, size.width - x2, size.height - y2);
    if (least < -OUTSIDE) outside++;
  }
  return outside;
}

/** What contradicts the picture in what the labels state, with the remedy. */
function contradiction(record: FaceRecord, stored: StoredSize): string | undefined {
  const { width, height } = record;
  if (width === undefined || height === undefined) return undefined;
  const upright = uprightSizeOf(stored);
  if (width === upright.width && height === upright.height) return undefined;
  const states = `the labels state ${width}×${height}, the upright picture has`;
  const has = `${upright.width}×${upright.height}`;
  return width === stored.width && height === stored.height
    ? `${states} ${has}: they are of the stored pixels (EXIF orientation ${stored.orientation}); say orientation=raw in the SPEC`
    : `${states} ${has}: its boxes may be of another copy of it`;
}

/**
 * Holds what labels say against the headers of the image files: stated sizes that contradict the upright
 * picture, boxes that reach out of it.
 *
 * @param orientation `raw` turns coordinates of the stored pixels to the upright picture, by its EXIF
 * orientation; `upright` takes them as they are
 */
export function checkSizes(
  records: readonly FaceRecord[],
  orientation: LabelOrientation | undefined,
): SizedRecords {
  const problems: Problem[] = [];
  let outside = 0;
  const kept = records.map((record) => {
    const stored = typeof record.image === "string" ? storedSize(record.image) : undefined;
    if (!stored) {
      outside += record.outside ?? 0;
      return record;
    }
    const file = record.image as string;
    const turned = orientation === "raw" ? turnUpright(record, stored) : record;
    const message = orientation === undefined ? contradiction(record, stored) : undefined;
    if (message) problems.push({ file, message });
    outside += Math.max(record.outside ?? 0, countOutside(turned, uprightSizeOf(stored)));
    return turned;
  });
  return { records: kept, problems, outside };
}
