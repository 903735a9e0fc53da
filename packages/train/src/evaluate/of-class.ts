import { type FaceRecord, filterFaces } from "../data/record.js";
import { type Detections, takeDetections } from "./detections.js";

/**
 * An image as one class sees it: its faces, those that are ignored whatever their class, and what was found to be of
 * the class. What was found at a face of another class is then false.
 */
export function ofClass(record: FaceRecord, detections: Detections, label: string) {
  const { classes = [] } = detections;
  const own = [...classes.keys()].filter((i) => classes[i] === label);
  return {
    record: filterFaces(record, (f) => record.labels[f] === label || record.ignored[f] === 1),
    detections: takeDetections(detections, own),
  };
}
