/** Faces tagged by hand by what makes them hard, and how many of each kind a detector finds. */
import { readFileSync } from "node:fs";
import type { EvaluatedImage } from "@retinaface-webgpu/train";
import { overlap } from "retinaface-webgpu";
import { UsageError } from "../options.js";

/** What stands for faces of every kind. */
export const ALL_KINDS = "all";

type Box = [x1: number, y1: number, x2: number, y2: number];

export interface TaggedFace {
  /** As the labels of the photos name it. */
  readonly image: string;
  /** Pixels of the photo. */
  readonly box: Box;
  readonly kinds: readonly string[];
}

/** Of one kind, what is found from the score on from which a detector shows faces. */
export interface KindFigures {
  readonly kind: string;
  readonly faces: number;
  readonly found: number;
}

/** IoU from which a detection is the tagged face: below that of the AP, for boxes of profiles are a matter of taste. */
const SAME = 0.4;

function isTagged(value: unknown): value is TaggedFace {
  const { image, box, kinds } = (value ?? {}) as Partial<Record<keyof TaggedFace, unknown>>;
  const numbers = Array.isArray(box) && box.length === 4 && box.every(Number.isFinite);
  const named =
    Array.isArray(kinds) && kinds.length > 0 && kinds.every((k) => typeof k === "string");
  return typeof image === "string" && numbers && named;
}

/**
 * Reads JSON lines `{"image": "a.jpg", "box": [x1, y1, x2, y2], "kinds": ["profile"]}`.
 * @throws UsageError with file and line for what is not that
 */
export function readKinds(file: string): TaggedFace[] {
  const rows = readFileSync(file, "utf8").split("\n");
  return rows.flatMap((row, i) => {
    if (row.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch {
      value = undefined;
    }
    if (isTagged(value)) return [value];
    throw new UsageError(`${file}:${i + 1}: a tagged face needs "image", "box" and "kinds"`);
  });
}

/** How many of the tagged faces were found, of each kind and, first, of all. Faces of other photos do not count. */
export function foundByKind(
  tagged: readonly TaggedFace[],
  images: readonly EvaluatedImage[],
  threshold: number,
): KindFigures[] {
  const byImage = new Map(images.map(({ record, detections }) => [record.id, detections]));
  const counts = new Map([[ALL_KINDS, { faces: 0, found: 0 }]]);
  for (const { image, box, kinds } of tagged) {
    const detections = byImage.get(image);
    if (!detections) continue;
    const { boxes, scores } = detections;
    const isFound = Array.from(scores).some(
      (score, i) =>
        score >= threshold && overlap(box, [...boxes.subarray(i * 4, i * 4 + 4)] as Box) >= SAME,
    );
    for (const kind of [ALL_KINDS, ...kinds]) {
      const { faces, found } = counts.get(kind) ?? { faces: 0, found: 0 };
      counts.set(kind, { faces: faces + 1, found: found + (isFound ? 1 : 0) });
    }
  }
  return [...counts].map(([kind, count]) => ({ kind, ...count }));
}
