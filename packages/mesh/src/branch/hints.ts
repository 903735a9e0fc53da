/** What a branch is told of a face besides its patch: where the detector saw the five landmarks. */

import { projectOnHost } from "../generate/draw.js";
import { cameraFor } from "../render/pose.js";
import { faceTemplate } from "../template/face.js";
import { FACE_LANDMARKS, landmarksOf } from "../template/landmarks.js";
import { DISTANCE, FILLED, HALF } from "./scene.js";

/** Numbers of a hint: x and y of each landmark. */
export const HINT_LENGTH = 2 * Object.keys(FACE_LANDMARKS).length;

/** Landmarks are off by about a tenth of the square from where a face has them that looks into the camera. */
const SPREAD = 0.1;

let usual: readonly number[] | undefined;

/** Where a head has them that looks into the camera, as parts of the square. */
function usualPlaces(): readonly number[] {
  const camera = cameraFor({ distance: DISTANCE, focal: (FILLED * DISTANCE) / HALF });
  const [{ positions }] = faceTemplate().levels;
  usual ??= landmarksOf(projectOnHost(positions, camera, [1, 1])).flatMap((at) => at.slice(0, 2));
  return usual;
}

/**
 * A row of {@link HINT_LENGTH} numbers about 0.
 *
 * @param places x and y of the five landmarks, as parts of the square; a face without them gets zeros
 */
export function hintOf(places: ArrayLike<number>): Float32Array {
  const known = Array.from(places);
  if (known.length !== HINT_LENGTH || !known.every(Number.isFinite)) {
    return new Float32Array(HINT_LENGTH);
  }
  const middle = usualPlaces();
  return Float32Array.from(known, (value, i) => (value - middle[i]) / SPREAD);
}
