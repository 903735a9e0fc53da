import type { Detections } from "@retinaface-webgpu/train";
import {
  annotate,
  type Face,
  fillRect,
  LANDMARK_NAMES,
  type Point,
  type RawImage,
} from "retinaface-webgpu";

/** Pixels between two pictures. */
const GAP = 8;
const WHITE = [255, 255, 255] as const;

/** Detections as faces; those without landmarks have none. */
function facesOf({ boxes, scores, landmarks }: Detections, threshold: number): Face[] {
  const faces = Array.from(scores, (score, i) => {
    const at = (p: number): Point => [landmarks![i * 10 + p * 2], landmarks![i * 10 + p * 2 + 1]];
    const points = landmarks && LANDMARK_NAMES.map((name, p) => [name, at(p)]);
    return {
      box: Array.from(boxes.subarray(i * 4, i * 4 + 4)),
      score,
      ...(points && { landmarks: Object.fromEntries(points) }),
    } as unknown as Face;
  });
  return faces.filter(({ score }) => score >= threshold);
}

/** Draws a photo once for each detector, side by side, with what it shows. */
export function besideEachOther(
  image: RawImage,
  found: readonly { readonly detections: Detections; readonly threshold: number }[],
): RawImage {
  const { width, height } = image;
  const whole = width * found.length + GAP * (found.length - 1);
  const data = new Uint8ClampedArray(whole * height * 4);
  const sheet: RawImage = { data, width: whole, height };
  fillRect(sheet, 0, 0, whole, height, [...WHITE]);
  for (const [i, { detections, threshold }] of found.entries()) {
    const drawn = annotate(image, facesOf(detections, threshold));
    for (let y = 0; y < height; y++) {
      const row = drawn.data.subarray(y * width * 4, (y + 1) * width * 4);
      data.set(row, (y * whole + i * (width + GAP)) * 4);
    }
  }
  return sheet;
}
