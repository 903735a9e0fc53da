import { NumericError, RetinaFaceError } from "../errors.js";
import { BOX_NUMBERS, boxHead, POINT_NUMBERS, regressionHeads } from "../model/heads.js";
import { type Face, type HeadSpec, LANDMARK_NAMES, type Landmarks, type Point } from "../types.js";

/** Decoded numbers of each head by its name, a row a face; boxes and points in pixels of the original image. */
export type DecodedRows = Readonly<Record<string, Float64Array>>;

/** The loss whose head finds the five named landmarks. */
const LANDMARKS = "landmarks";

/** What faces inherit from whose weights find no landmarks: asking for them says so. */
const WITHOUT_LANDMARKS = {
  get landmarks(): never {
    throw new RetinaFaceError(
      "NO_LANDMARKS",
      "These weights find boxes without landmarks: use weights with a head for landmarks, or the box alone.",
    );
  },
};

/** Whether a face has landmarks; those of weights without a head for them have none. */
export function hasLandmarks(face: Face): boolean {
  return Object.hasOwn(face, "landmarks");
}

/** A face of these members, which goes on saying that it has no landmarks where `face` has none. */
export function faceLike<T extends Omit<Face, "landmarks">>(face: Face, members: T): Face & T {
  return Object.assign(Object.create(Object.getPrototypeOf(face)), members);
}

/** Corners, then landmarks. */
export function pointsOf(face: Face): Point[] {
  const [x1, y1, x2, y2] = face.box;
  const landmarks = hasLandmarks(face) ? LANDMARK_NAMES.map((name) => face.landmarks[name]) : [];
  return [[x1, y1], [x2, y2], ...landmarks];
}

/** A face with its points mapped in the order of `pointsOf`. */
export function mapPoints(face: Face, map: (point: Point) => Point): Face {
  const [first, second, ...rest] = pointsOf(face).map(map);
  const landmarks = Object.fromEntries(LANDMARK_NAMES.map((name, i) => [name, rest[i]]));
  return faceLike(face, {
    ...face,
    box: [...first, ...second],
    ...(rest.length > 0 && { landmarks: landmarks as unknown as Landmarks }),
  });
}

function landmarksOf(numbers: readonly number[]): Landmarks {
  const named = LANDMARK_NAMES.map((name, n): [string, Point] => {
    const at = n * POINT_NUMBERS;
    return [name, [numbers[at], numbers[at + 1]]];
  });
  return Object.fromEntries(named) as unknown as Landmarks;
}

/** Row `row` of what `head` decoded. @throws NumericError when it is not finite */
function numbersOf(rows: DecodedRows, { name, loss, width }: HeadSpec, row: number): number[] {
  const numbers = [...rows[name].subarray(row * width, (row + 1) * width)];
  if (numbers.every(Number.isFinite)) return numbers;
  throw new NumericError(
    `a face's ${loss} are not finite: check that the input image and the weights are finite numbers`,
  );
}

/**
 * One decoded row as a face.
 * @param label the class, from 1, where there are several
 * @throws NumericError when a number is not finite
 */
export function toFace(
  heads: readonly HeadSpec[],
  rows: DecodedRows,
  row: number,
  score: number,
  label?: number,
): Face {
  const [x1, y1, x2, y2] = rows[boxHead(heads).name].subarray(row * BOX_NUMBERS);
  let landmarks: Landmarks | undefined;
  const values: Record<string, number[]> = {};
  for (const head of regressionHeads(heads)) {
    if (head.meaning === "box") continue;
    const numbers = numbersOf(rows, head, row);
    if (head.loss === LANDMARKS) landmarks = landmarksOf(numbers);
    else values[head.loss] = numbers;
  }
  const face = landmarks ? {} : Object.create(WITHOUT_LANDMARKS);
  return Object.assign(face, {
    box: [x1, y1, x2, y2],
    score,
    ...(landmarks && { landmarks }),
    ...(label === undefined ? {} : { label }),
    ...(Object.keys(values).length > 0 ? { values } : {}),
  });
}
