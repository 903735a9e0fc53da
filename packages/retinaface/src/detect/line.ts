import { hasLandmarks } from "../decode/face.js";
import { type Face, LANDMARK_NAMES } from "../types.js";

/** What there is to say of a photo that was looked at. */
export interface PhotoFound {
  /** What it is called. */
  readonly file: string;
  /** Of the upright photo, in pixels. */
  readonly width: number;
  readonly height: number;
  /** What was amiss with its file. */
  readonly warnings?: readonly string[] | undefined;
  readonly faces: readonly Face[];
}

const pixels = (value: number) => Number(value.toFixed(2));

const degrees = (value: number) => Number(value.toFixed(1));

function mapValues<T extends object>(of: T, map: (value: number) => number): T {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, map(value)])) as T;
}

/** How a face is printed: hundredths of a pixel, millionths of a score. */
export function faceLine(face: Face, ignoreBelow = 0) {
  const { box, score, label, class: name, values, mesh, noMesh } = face;
  return {
    box: box.map(pixels),
    score: Number(score.toFixed(6)),
    ...(hasLandmarks(face) && {
      landmarks: LANDMARK_NAMES.map((point) => face.landmarks[point].map(pixels)),
    }),
    ...(name !== undefined ? { class: name } : label !== undefined && { label }),
    ...(score < ignoreBelow && { ignored: true }),
    ...(values && { values }),
    ...(mesh && { pose: mapValues(mesh.pose, degrees) }),
    ...(noMesh && { noMesh }),
  };
}

/**
 * The line of JSON that `retinaface detect` prints for a photo, as an object.
 *
 * @param ignoreBelow faces of lower scores are marked as ignored
 */
export function photoLine({ file, width, height, warnings, faces }: PhotoFound, ignoreBelow = 0) {
  const printed = faces.map((face) => faceLine(face, ignoreBelow));
  return { file, width, height, ...(warnings && { warnings }), faces: printed };
}

/** What takes the place of a photo's faces where it failed: the error's code and message. */
export function errorLine(cause: unknown): { code: string; message: string } {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { code?: unknown } | undefined)?.code;
  return { code: typeof code === "string" ? code : "INTERNAL", message };
}
