/**
 * Cameras and lights of the plain numbers that a network says, such that all numbers about 0 are a head which looks into the
 * camera and fills most of the image, with a light before it.
 */
import {
  addScalar,
  clamp,
  concat,
  exp,
  matmul,
  mul,
  mulScalar,
  narrow,
  neg,
  reshape,
  sigmoid,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";
import { CAMERA_LENGTH, cameraRotation } from "../render/camera.js";

/** Half the height of a face, and how far the camera is from it: in centimetres. */
export const [HALF, DISTANCE] = [9.5, 70];
/** How much of half the image the face fills. */
export const FILLED = 0.78;

/**
 * A camera of where the head is seen (2 numbers, in centimetres), its distance, three angles, and how much of the image it
 * fills: near 0 they are so as `HeadGenerator` has them.
 *
 * @param numbers `[n, 7]` @returns `[n, 7]`, see `project`
 */
export function cameraOfNumbers(numbers: Tensor): Tensor {
  const factor = (k: number) => exp(clamp(narrow(numbers, 1, k, 1), -1, 1));
  const distance = mulScalar(factor(2), DISTANCE);
  const filled = mulScalar(factor(CAMERA_LENGTH - 1), FILLED);
  const before = concat([neg(narrow(numbers, 1, 0, 2)), distance], 1);
  const turned = cameraRotation(numbers);
  const place = matmul(reshape(before, [-1, 1, 3]), turned, { transposeB: true });
  const focal = mulScalar(mul(filled, distance), 1 / HALF);
  return concat([reshape(place, [-1, 3]), narrow(numbers, 1, 3, 3), focal], 1);
}

/**
 * A light in front of the head, of colours from 0 to 1.5.
 *
 * @param numbers `[n, 9]` @returns `[n, 9]`, see `shade`
 */
export function lightOfNumbers(numbers: Tensor): Tensor {
  const across = mulScalar(narrow(numbers, 1, 0, 2), 60);
  const front = addScalar(mulScalar(narrow(numbers, 1, 2, 1), 30), 75);
  return concat([across, front, mulScalar(sigmoid(narrow(numbers, 1, 3, 6)), 1.5)], 1);
}
