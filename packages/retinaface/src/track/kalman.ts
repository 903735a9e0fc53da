/**
 * A box that moves at constant velocity, estimated by a Kalman filter with the noise of DeepSORT and ByteTrack
 * (Wojke et al. 2017; Zhang et al. 2022): position and velocity of centre, aspect ratio and height, with standard
 * deviations relative to the height. As neither motion nor measurement couples two of these coordinates, and their
 * noises are independent, the published filter of eight numbers is four filters of two; these are they.
 *
 * Time counts in frames and may be a fraction: between two frames of the published filter lies one.
 */
import type { Face } from "../types.js";

type Box = Readonly<Face["box"]>;

/** Standard deviations of position and velocity for each frame, relative to the height. */
const POSITION_NOISE = 1 / 20;
const VELOCITY_NOISE = 1 / 160;
/** Those of the aspect ratio, which has no unit: of its motion, its speed and its measurement. */
const ASPECT_NOISE = 1e-2;
const ASPECT_SPEED_NOISE = 1e-5;
const ASPECT_ERROR = 1e-1;
/** How much less is known at the start. */
const START_POSITION = 2;
const START_VELOCITY = 10;
/** A box is never thinner than this many pixels, however far its motion is continued. */
const LEAST_SIDE = 1;

/** One coordinate: its value and speed, and their covariance. */
class Coordinate {
  #variance: number;
  #covariance = 0;
  #speedVariance: number;
  value: number;
  speed = 0;

  constructor(value: number, deviation: number, speedDeviation: number) {
    this.value = value;
    this.#variance = deviation ** 2;
    this.#speedVariance = speedDeviation ** 2;
  }

  predict(frames: number, deviation: number, speedDeviation: number): void {
    const [p, c, s] = [this.#variance, this.#covariance, this.#speedVariance];
    this.value += frames * this.speed;
    this.#variance = p + 2 * frames * c + frames * frames * s + frames * deviation ** 2;
    this.#covariance = c + frames * s;
    this.#speedVariance = s + frames * speedDeviation ** 2;
  }

  update(measured: number, deviation: number): void {
    const total = this.#variance + deviation ** 2;
    const gain = this.#variance / total;
    const speedGain = this.#covariance / total;
    const error = measured - this.value;
    this.value += gain * error;
    this.speed += speedGain * error;
    this.#speedVariance -= speedGain * this.#covariance;
    this.#covariance *= 1 - gain;
    this.#variance *= 1 - gain;
  }
}

/** The filter of one box. */
export class BoxFilter {
  readonly #x: Coordinate;
  readonly #y: Coordinate;
  readonly #aspect: Coordinate;
  readonly #height: Coordinate;

  constructor(box: Box) {
    const { x, y, aspect, height } = measure(box);
    const position = START_POSITION * POSITION_NOISE * height;
    const speed = START_VELOCITY * VELOCITY_NOISE * height;
    this.#x = new Coordinate(x, position, speed);
    this.#y = new Coordinate(y, position, speed);
    this.#aspect = new Coordinate(aspect, ASPECT_NOISE, ASPECT_SPEED_NOISE);
    this.#height = new Coordinate(height, position, speed);
  }

  /** Where the box is believed to be, in pixels. */
  get box(): Face["box"] {
    const height = Math.max(this.#height.value, LEAST_SIDE);
    const width = Math.max(this.#aspect.value * height, LEAST_SIDE);
    const [x, y] = [this.#x.value, this.#y.value];
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
  }

  /** Moves on by so many frames. */
  predict(frames: number): void {
    const height = Math.max(this.#height.value, LEAST_SIDE);
    const [position, speed] = [POSITION_NOISE * height, VELOCITY_NOISE * height];
    for (const one of [this.#x, this.#y, this.#height]) one.predict(frames, position, speed);
    this.#aspect.predict(frames, ASPECT_NOISE, ASPECT_SPEED_NOISE);
  }

  /** Takes in where the box was seen. */
  update(box: Box): void {
    const { x, y, aspect, height } = measure(box);
    const error = POSITION_NOISE * Math.max(this.#height.value, LEAST_SIDE);
    this.#x.update(x, error);
    this.#y.update(y, error);
    this.#aspect.update(aspect, ASPECT_ERROR);
    this.#height.update(height, error);
  }

  /** How it is believed to move within so many frames: by pixels, and in size by a factor. */
  motion(frames: number): { readonly dx: number; readonly dy: number; readonly scale: number } {
    const { value, speed } = this.#height;
    const height = Math.max(value, LEAST_SIDE);
    const scale = Math.max(height + frames * speed, LEAST_SIDE) / height;
    return { dx: frames * this.#x.speed, dy: frames * this.#y.speed, scale };
  }

  /** Forgets how the height changes: of a face that is hidden it says nothing. */
  holdSize(): void {
    this.#height.speed = 0;
  }
}

function measure([x1, y1, x2, y2]: Box) {
  const height = Math.max(y2 - y1, LEAST_SIDE);
  return { x: (x1 + x2) / 2, y: (y1 + y2) / 2, aspect: (x2 - x1) / height, height };
}
