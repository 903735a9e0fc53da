import { voteFaces } from "retinaface-webgpu";
import { type Detections, packFaces, unpackFaces } from "./detections.js";

/** `voteFaces` of detections: those of several passes over one image, merged by box voting. */
export function voteDetections(detections: Detections, threshold: number): Detections {
  const voted = packFaces(voteFaces(unpackFaces(detections), threshold));
  return detections.landmarks ? voted : { ...voted, landmarks: undefined };
}
