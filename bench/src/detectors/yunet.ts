/**
 * YuNet (Wu et al. 2023) as libfacedetection.train exports it: one centre a cell without anchors, score = class ×
 * objectness, and that code's threshold of 0.5 for both score and suppression. Input B, G, R from 0 to 255, its sides
 * multiples of 32.
 */
import { type Detections, takeDetections } from "@retinaface-webgpu/train";
import { nms, type RawImage, type WantedSides } from "retinaface-webgpu";
import { framePicture } from "./frame.js";
import type { OnnxModel, OrtTensor } from "./ort.js";

const STRIDES = [8, 16, 32];
const POINT_NUMBERS = 10;
const NMS_THRESHOLD = 0.5;
const KEEP = 750;
/** Below it nothing counts in an evaluation; the others' is the same. */
const LEAST_SCORE = 0.02;

/** The score from which YuNet's own code shows faces. */
export const YUNET_THRESHOLD = 0.5;

/** Whether a model's outputs are YuNet's. */
export function isYunet({ outputNames }: Pick<OnnxModel, "outputNames">): boolean {
  return STRIDES.every((stride) => outputNames.includes(`obj_${stride}`));
}

/** Faces of YuNet's outputs for a frame `width` pixels wide, in pixels of the frame, before suppression. */
export function decodeYunet(outputs: Record<string, OrtTensor>, width: number): Detections {
  const boxes: number[] = [];
  const scores: number[] = [];
  const landmarks: number[] = [];
  for (const stride of STRIDES) {
    const values = (name: string) => outputs[`${name}_${stride}`].data;
    const [cls, obj, box, points] = ["cls", "obj", "bbox", "kps"].map(values);
    const columns = width / stride;
    for (let cell = 0; cell < cls.length; cell++) {
      const score = cls[cell] * obj[cell];
      if (!(score > LEAST_SCORE)) continue;
      const [column, row] = [cell % columns, Math.floor(cell / columns)];
      const cx = (column + box[cell * 4]) * stride;
      const cy = (row + box[cell * 4 + 1]) * stride;
      const halfW = (Math.exp(box[cell * 4 + 2]) * stride) / 2;
      const halfH = (Math.exp(box[cell * 4 + 3]) * stride) / 2;
      boxes.push(cx - halfW, cy - halfH, cx + halfW, cy + halfH);
      scores.push(score);
      for (let i = 0; i < POINT_NUMBERS; i++) {
        const at = i % 2 === 0 ? column : row;
        landmarks.push((at + points[cell * POINT_NUMBERS + i]) * stride);
      }
    }
  }
  return {
    boxes: Float64Array.from(boxes),
    scores: Float64Array.from(scores),
    landmarks: Float64Array.from(landmarks),
  };
}

/** YuNet's faces of a picture, in its pixels. */
export async function detectYunet(
  model: OnnxModel,
  image: RawImage,
  sides: WantedSides | undefined,
): Promise<Detections> {
  const frame = framePicture(image, { sides, size: model.size, multiple: 32, mean: [0, 0, 0] });
  const found = decodeYunet(await model.run(frame.planes, frame.width, frame.height), frame.width);
  const kept = takeDetections(found, nms(found.boxes, found.scores, NMS_THRESHOLD, KEEP));
  const unscale = (values: Float64Array) =>
    values.map((value, i) => value / (i % 2 === 0 ? frame.scaleX : frame.scaleY));
  return {
    boxes: unscale(kept.boxes),
    scores: kept.scores,
    ...(kept.landmarks && { landmarks: unscale(kept.landmarks) }),
  };
}
