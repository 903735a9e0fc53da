/** The five landmarks of RetinaFace on the face template; left and right are the image's, not the person's. */
export const FACE_LANDMARKS = {
  /** Its outer and its inner corner. */
  leftEye: [4, 2],
  rightEye: [9, 8],
  /** The tip. */
  nose: [182],
  leftMouth: [143],
  rightMouth: [142],
} as const;

/**
 * Where the landmarks of a mesh are: the means of their vertices.
 *
 * @param vertices a row of `width` numbers each, in the template's order
 * @returns as many numbers for each landmark, in the order of `FACE_LANDMARKS`
 */
export function landmarksOf(vertices: ArrayLike<number>, width = 3): number[][] {
  return Object.values(FACE_LANDMARKS).map((own) =>
    Array.from({ length: width }, (_, k) =>
      own.reduce((sum, v) => sum + vertices[v * width + k] / own.length, 0),
    ),
  );
}
