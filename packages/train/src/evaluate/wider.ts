import { FormatError } from "../errors.js";
import { boxIou, byScore, type Detections, takeDetections } from "./detections.js";
import { type MatValue, parseMat } from "./mat.js";
import { averagePrecision } from "./precision-recall.js";

/** WIDER FACE's three selections of the validation faces. */
export const WIDER_SETTINGS = ["easy", "medium", "hard"] as const;
export type WiderSetting = (typeof WIDER_SETTINGS)[number];

/** One validation image. */
export interface WiderImage {
  /** Such as `0--Parade`. */
  readonly event: string;
  /** File name without extension. */
  readonly name: string;
  /** `[n, 4]`: x1, y1, x2, y2 in pixels. */
  readonly boxes: Float64Array;
  /** [n] a setting: 1 for the faces to be found in it; the others are ignored. */
  readonly counted: Readonly<Record<WiderSetting, Uint8Array>>;
}

/** The official files: `wider_face_val.mat` and `wider_{easy,medium,hard}_val.mat`. */
export type WiderFiles = Readonly<Record<"face" | WiderSetting, Uint8Array>>;

/** Average precision and curve of one setting. */
export interface WiderResult {
  readonly ap: number;
  readonly faces: number;
  /** A point a threshold on normalised scores, from the highest down. */
  readonly curve: readonly { readonly precision: number; readonly recall: number }[];
}

const THRESHOLDS = 1000;

/** Something that the official files do not have. */
function notWider(what: string): FormatError {
  return new FormatError(`${what} It is not WIDER FACE's own: fetch the evaluation tools again.`);
}

function cellsOf(value: MatValue | undefined, what: string): readonly MatValue[] {
  if (value?.kind !== "cell") throw notWider(`WIDER's .mat file has no cells ${what}.`);
  return value.cells;
}

function textOf(value: MatValue | undefined, what: string): string {
  if (value?.kind !== "char") throw notWider(`WIDER's .mat file has no text ${what}.`);
  return value.text;
}

function cornersOf(value: MatValue | undefined, what: string): Float64Array {
  if (value?.kind !== "numeric" || (value.data.length > 0 && value.dims[1] !== 4)) {
    throw notWider(`WIDER's .mat file has no boxes [n, 4] ${what}.`);
  }
  const count = value.data.length / 4;
  const boxes = new Float64Array(count * 4);
  for (let i = 0; i < count; i++) {
    const [x, y, w, h] = [0, 1, 2, 3].map((column) => value.data[column * count + i]);
    boxes.set([x, y, x + w, y + h], i * 4);
  }
  return boxes;
}

function countedOf(value: MatValue | undefined, faces: number, what: string): Uint8Array {
  if (value?.kind !== "numeric") throw notWider(`WIDER's .mat file has no list ${what}.`);
  const counted = new Uint8Array(faces);
  for (const index of value.data) {
    if (!(index >= 1 && index <= faces)) {
      throw notWider(`WIDER's .mat file counts the face ${index} of ${faces} ${what}.`);
    }
    counted[index - 1] = 1;
  }
  return counted;
}

/**
 * Reads WIDER FACE's validation ground truth (Yang et al., "WIDER FACE", 2016).
 * @throws {FormatError} if a file is damaged or is another.
 */
export function parseWiderValidation(files: WiderFiles): WiderImage[] {
  const face = parseMat(files.face, ["event_list", "file_list", "face_bbx_list"]);
  const events = cellsOf(face.get("event_list"), "event_list");
  const names = cellsOf(face.get("file_list"), "file_list");
  const boxes = cellsOf(face.get("face_bbx_list"), "face_bbx_list");
  const selections = WIDER_SETTINGS.map((setting) =>
    cellsOf(parseMat(files[setting], ["gt_list"]).get("gt_list"), `gt_list (${setting})`),
  );
  return events.flatMap((eventValue, e) => {
    const event = textOf(eventValue, `event_list{${e + 1}}`);
    const itsBoxes = cellsOf(boxes[e], `face_bbx_list{${e + 1}}`);
    const itsSelections = selections.map((cells) => cellsOf(cells[e], `gt_list{${e + 1}}`));
    return cellsOf(names[e], `file_list{${e + 1}}`).map((nameValue, i) => {
      const where = `of ${event}, image ${i + 1}`;
      const corners = cornersOf(itsBoxes[i], where);
      const [easy, medium, hard] = itsSelections.map((cells) =>
        countedOf(cells[i], corners.length / 4, where),
      );
      const name = textOf(nameValue, where);
      return { event, name, boxes: corners, counted: { easy, medium, hard } };
    });
  });
}

/** The key of an image's predictions: `event/name`, without extension. */
export function widerKey({ event, name }: Pick<WiderImage, "event" | "name">): string {
  return `${event}/${name}`;
}

/** Stretches the scores of all images together to 0…1; equal scores become 1. */
function normaliseScores(predictions: ReadonlyMap<string, Detections>): Map<string, Detections> {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { scores } of predictions.values()) {
    for (const score of scores) {
      low = Math.min(low, score);
      high = Math.max(high, score);
    }
  }
  const range = high - low;
  const normalise = (score: number) => (range === 0 ? 1 : (score - low) / range);
  return new Map(
    [...predictions].map(([key, detections]) => {
      const sorted = takeDetections(detections, byScore(detections.scores));
      return [key, { ...sorted, scores: sorted.scores.map(normalise) }];
    }),
  );
}

/** For each detection the face it overlaps most, the first of equals, or −1 below an IoU of 0.5. */
function closestFaces(detections: Detections, image: WiderImage): Int32Array {
  const faces = image.boxes.length / 4;
  const closest = new Int32Array(detections.scores.length).fill(-1);
  for (let d = 0; d < closest.length; d++) {
    let best = 0;
    for (let f = 0; f < faces; f++) {
      const iou = boxIou(detections.boxes, d, image.boxes, f, 1);
      if (iou <= best) continue;
      best = iou;
      closest[d] = iou >= 0.5 ? f : -1;
    }
  }
  return closest;
}

/** Adds one image's proposals and found faces at each threshold. */
function addImage(
  totals: { proposals: Float64Array; found: Float64Array },
  scores: Float64Array,
  closest: Int32Array,
  counted: Uint8Array,
): void {
  const seen = new Uint8Array(counted.length);
  let proposals = 0;
  let found = 0;
  let d = 0;
  for (let t = 0; t < THRESHOLDS; t++) {
    const threshold = 1 - (t + 1) / THRESHOLDS;
    for (; d < scores.length && scores[d] >= threshold; d++) {
      const face = closest[d];
      if (face !== -1 && !counted[face]) continue;
      proposals++;
      if (face === -1 || seen[face]) continue;
      seen[face] = 1;
      found++;
    }
    totals.proposals[t] += proposals;
    totals.found[t] += found;
  }
}

function evaluateSetting(
  images: readonly WiderImage[],
  setting: WiderSetting,
  predictions: ReadonlyMap<string, Detections>,
  closest: ReadonlyMap<string, Int32Array>,
): WiderResult {
  const totals = {
    proposals: new Float64Array(THRESHOLDS),
    found: new Float64Array(THRESHOLDS),
  };
  let faces = 0;
  for (const image of images) {
    const counted = image.counted[setting];
    for (const flag of counted) faces += flag;
    const key = widerKey(image);
    const detections = predictions.get(key);
    if (detections && counted.length > 0) {
      addImage(totals, detections.scores, closest.get(key)!, counted);
    }
  }
  const curve = Array.from(totals.proposals, (proposals, t) => ({
    precision: proposals === 0 ? 0 : totals.found[t] / proposals,
    recall: faces === 0 ? 0 : totals.found[t] / faces,
  }));
  return { ap: averagePrecision(curve), faces, curve };
}

/**
 * WIDER FACE's official protocol: IoU 0.5 with sides that count both end pixels, scores normalised
 * over the set, 1,000 thresholds, detections of faces outside the setting ignored, area under the
 * curve at all points.
 *
 * @param predictions by {@link widerKey}; an image without an entry counts as nothing found
 */
export function evaluateWider(
  images: readonly WiderImage[],
  predictions: ReadonlyMap<string, Detections>,
): Record<WiderSetting, WiderResult> {
  const normalised = normaliseScores(predictions);
  const closest = new Map<string, Int32Array>();
  for (const image of images) {
    const detections = normalised.get(widerKey(image));
    if (detections) closest.set(widerKey(image), closestFaces(detections, image));
  }
  const [easy, medium, hard] = WIDER_SETTINGS.map((setting) =>
    evaluateSetting(images, setting, normalised, closest),
  );
  return { easy, medium, hard };
}
