import { LANDMARK_COORDINATES, type RawImage } from "retinaface-webgpu";

/**
 * Where a record's pixels come from: a path (Node) or URL (browser), or a function that yields the
 * upright image. Only paths can be sent to worker threads.
 */
export type ImageSource = string | (() => Promise<RawImage>);

/** One labelled image. All coordinates are pixels of the upright image, x to the right, y down. */
export interface FaceRecord {
  /** Unique and stable within a data set (a relative path): splits and reports go by it. */
  readonly id: string;
  readonly image: ImageSource;
  /** Image size in pixels, where the labels state it. */
  readonly width?: number;
  readonly height?: number;
  /** `[n, 4]`: x1, y1, x2, y2. */
  readonly boxes: Float32Array;
  /**
   * `[n, 10]`: x, y of the eye and then the other eye, nose tip, mouth corners, the one at the image's
   * left first. All ten are NaN for a face whose landmarks are absent.
   */
  readonly landmarks: Float32Array;
  /** `[n]`: class names. */
  readonly labels: readonly string[];
  /**
   * `[n]`: 1 for a face that counts neither as found nor as missed (VOC `difficult`, COCO `iscrowd`,
   * WIDER `invalid`) and that trains neither as face nor as background.
   */
  readonly ignored: Uint8Array;
  /** Boxes that reached out of the stated size before they were clipped to it, where there are any. */
  readonly outside?: number;
}

/** Boxes that count pixels from 1, or are rounded, reach out so far without being wrong. */
const CLIPPED_SILENTLY = 1.5;

/** Something wrong in a data set that was skipped. */
export interface Problem {
  readonly file: string;
  /** Counted from 1, where the format has lines. */
  readonly line?: number;
  readonly message: string;
}

/** What a reader found. */
export interface ReadResult {
  readonly records: FaceRecord[];
  readonly problems: Problem[];
}

/** `file:line: message`, as compilers print it. */
export function formatProblem(problem: Problem): string {
  const where = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return `${where}: ${problem.message}`;
}

/** Number of faces of each class, most frequent first. */
export function countClasses(records: readonly FaceRecord[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { labels } of records) {
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}

/** One face as a reader found it. */
export interface FaceInput {
  /** x1, y1, x2, y2 in pixels. */
  readonly box: readonly number[];
  /** Ten numbers, or undefined where absent. */
  readonly landmarks?: readonly number[];
  readonly label: string;
  readonly ignored?: boolean;
}

/** Collects the faces of one image, skipping what cannot be a face. */
export class RecordBuilder {
  readonly #image: ImageSource;
  readonly #size: { width: number; height: number } | undefined;
  readonly #boxes: number[] = [];
  readonly #landmarks: number[] = [];
  readonly #labels: string[] = [];
  readonly #ignored: number[] = [];
  #outside = 0;

  constructor(
    readonly id: string,
    image: ImageSource,
    size?: { width: number; height: number },
  ) {
    this.#image = image;
    this.#size = size;
  }

  /**
   * Adds a face, its box clipped to the image where the size is known. Landmarks that are no landmarks are
   * left out, and the box is kept: without it the face would train as background.
   * @returns what is wrong with the face, if it or its landmarks were left out.
   */
  add(face: FaceInput): string | undefined {
    if (face.box.length !== 4 || !face.box.map(Math.fround).every(Number.isFinite)) {
      return `a box needs 4 finite numbers, not [${face.box.join(", ")}]`;
    }
    let [x1, y1, x2, y2] = face.box.map(Math.fround);
    const shown = `[${face.box.join(", ")}]`;
    if (x2 <= x1 || y2 <= y1) return `degenerate box ${shown}`;
    if (this.#size) {
      const { width, height } = this.#size;
      if (Math.min(x1, y1, width - x2, height - y2) < -CLIPPED_SILENTLY) this.#outside++;
      x1 = Math.max(x1, 0);
      y1 = Math.max(y1, 0);
      x2 = Math.min(x2, width);
      y2 = Math.min(y2, height);
      if (x2 <= x1 || y2 <= y1) return `box ${shown} lies outside the image`;
    }
    const { landmarks } = face;
    const areSound =
      landmarks?.length === LANDMARK_COORDINATES &&
      landmarks.map(Math.fround).every(Number.isFinite);
    const points = areSound ? landmarks : Array<number>(LANDMARK_COORDINATES).fill(Number.NaN);
    this.#boxes.push(x1, y1, x2, y2);
    this.#landmarks.push(...points);
    this.#labels.push(face.label);
    this.#ignored.push(face.ignored ? 1 : 0);
    if (areSound || !landmarks) return undefined;
    const given = landmarks.join(", ");
    return `landmarks need ${LANDMARK_COORDINATES} finite numbers, not [${given}]; its box is kept`;
  }

  build(): FaceRecord {
    return {
      id: this.id,
      image: this.#image,
      ...this.#size,
      boxes: Float32Array.from(this.#boxes),
      landmarks: Float32Array.from(this.#landmarks),
      labels: this.#labels,
      ignored: Uint8Array.from(this.#ignored),
      ...(this.#outside > 0 && { outside: this.#outside }),
    };
  }
}

/** The record with only the faces for which `keep(index)` holds. */
export function filterFaces(record: FaceRecord, keep: (face: number) => boolean): FaceRecord {
  const kept = record.labels.map((_, i) => i).filter(keep);
  const rows = (values: Float32Array, width: number) => {
    const out = new Float32Array(kept.length * width);
    for (const [to, from] of kept.entries()) {
      out.set(values.subarray(from * width, (from + 1) * width), to * width);
    }
    return out;
  };
  return {
    ...record,
    boxes: rows(record.boxes, 4),
    landmarks: rows(record.landmarks, LANDMARK_COORDINATES),
    labels: kept.map((i) => record.labels[i]),
    ignored: Uint8Array.from(kept, (i) => record.ignored[i]),
  };
}
