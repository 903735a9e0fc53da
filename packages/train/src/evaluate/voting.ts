import { LANDMARK_COORDINATES } from "retinaface-webgpu";
import { boxIou, byScore, type Detections } from "./detections.js";

/** The class with the highest sum of scores among those who vote; the first of equals. */
export function votedClass(votes: readonly { readonly name: string; readonly score: number }[]) {
  const sums = new Map<string, number>();
  for (const { name, score } of votes) sums.set(name, (sums.get(name) ?? 0) + score);
  const most = Math.max(...sums.values());
  return [...sums].find(([, sum]) => sum === most)![0];
}

/**
 * Merges detections of several passes over one image by box voting (Gidaris & Komodakis, "Object
 * detection via a multi-region & semantic segmentation-aware CNN model", 2015): from the best score
 * down, a detection and all others that overlap it by at least `threshold` become their mean, weighted
 * by score, with the best score, and the class with the highest sum of scores. IoU counts both end pixels, as non-maximum suppression here does.
 */
export function voteDetections(detections: Detections, threshold: number): Detections {
  const { boxes, scores, landmarks, classes } = detections;
  const order = byScore(scores);
  const used = new Uint8Array(order.length);
  const out = { boxes: [] as number[], scores: [] as number[], landmarks: [] as number[] };
  const voted: string[] = [];
  for (const leader of order) {
    if (used[leader]) continue;
    const voters = order.filter(
      (other) =>
        other === leader || (!used[other] && boxIou(boxes, leader, boxes, other, 1) >= threshold),
    );
    for (const voter of voters) used[voter] = 1;
    const weight = voters.reduce((sum, voter) => sum + scores[voter], 0);
    const mean = (values: Float64Array, width: number, column: number) =>
      weight > 0
        ? voters.reduce((sum, v) => sum + scores[v] * values[v * width + column], 0) / weight
        : values[leader * width + column];
    for (let c = 0; c < 4; c++) out.boxes.push(mean(boxes, 4, c));
    if (landmarks) {
      for (let c = 0; c < LANDMARK_COORDINATES; c++) {
        out.landmarks.push(mean(landmarks, LANDMARK_COORDINATES, c));
      }
    }
    out.scores.push(scores[leader]);
    if (classes)
      voted.push(votedClass(voters.map((v) => ({ name: classes[v], score: scores[v] }))));
  }
  return {
    boxes: Float64Array.from(out.boxes),
    scores: Float64Array.from(out.scores),
    landmarks: landmarks && Float64Array.from(out.landmarks),
    classes: classes && voted,
  };
}
