import type { Face } from "retinaface-webgpu";

/** From left to right: scores of two may be as good as equal. */
export const byPlace = (faces: readonly Face[]): Face[] =>
  [...faces].sort((a, b) => a.box[0] - b.box[0]);
