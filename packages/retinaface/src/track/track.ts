import { faceLike, mapPoints, pointsOf } from "../decode/face.js";
import type { Face } from "../types.js";
import { BoxFilter } from "./kalman.js";
import { OneEuroFilter, type OneEuroOptions } from "./one-euro.js";

/** A face with an identity. */
export interface TrackedFace extends Face {
  /** The same number as long as it is the same face, from 1. */
  track: number;
  /** Not looked for in this frame, but where its motion brings it. */
  predicted?: boolean;
}

/**
 * `new`: seen once. `seen`: at the last update. `hidden`: not at the last, but before. `dropped`: a new one that was not
 * seen again.
 */
export type TrackState = "new" | "seen" | "hidden" | "dropped";

/** Frames a second for which the filter's noise was published. */
const FRAME_RATE = 30;

/** One face over time. */
export class Track {
  readonly #filter: BoxFilter;
  readonly #smoother: OneEuroFilter | undefined;
  #face: Face;
  #found = true;
  /** 0: not yet reported. */
  id = 0;
  state: TrackState = "new";
  /** When it was found for the first time, and for the last. */
  readonly since: number;
  seen: number;

  constructor(face: Face, seconds: number, smoothing: OneEuroOptions | undefined) {
    this.#filter = new BoxFilter(face.box);
    this.#smoother = smoothing && new OneEuroFilter(smoothing);
    this.#face = this.#steady(face, 0);
    this.since = seconds;
    this.seen = seconds;
  }

  /** Where it is believed to be. */
  get expected(): Face["box"] {
    return this.#filter.box;
  }

  /** As it was last found. */
  get last(): TrackedFace {
    return faceLike(this.#face, { ...this.#face, track: this.id });
  }

  /** It need not be seen twice. */
  confirm(): void {
    this.state = "seen";
  }

  /** Lets time go by. */
  advance(seconds: number): void {
    if (this.state === "hidden") this.#filter.holdSize();
    this.#filter.predict(seconds * FRAME_RATE);
    this.#found = false;
  }

  /** Has been found. */
  take(face: Face, seconds: number): void {
    this.#filter.update(face.box);
    this.#face = this.#steady(face, seconds - this.seen);
    this.seen = seconds;
    this.state = "seen";
    this.#found = true;
  }

  /** Ends an update: it was not found, unless it was. */
  miss(): void {
    if (!this.#found) this.state = this.state === "new" ? "dropped" : "hidden";
  }

  /** So many seconds after the last update. */
  predicted(seconds: number): TrackedFace {
    const face = this.#face;
    const { dx, dy, scale } = this.#filter.motion(seconds * FRAME_RATE);
    const [x1, y1, x2, y2] = face.box;
    const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
    const moved = mapPoints(face, ([px, py]) => [
      x + dx + scale * (px - x),
      y + dy + scale * (py - y),
    ]);
    return faceLike(moved, { ...moved, track: this.id, predicted: true });
  }

  /** The face smoothed; speeds count in its heights, so that a near and a far one are treated alike. */
  #steady(face: Face, seconds: number): Face {
    if (!this.#smoother) return face;
    const unit = Math.max(face.box[3] - face.box[1], 1);
    const smooth = this.#smoother.filter(pointsOf(face).flat(), seconds, unit);
    let k = 0;
    return mapPoints(face, () => [smooth[k++], smooth[k++]]);
  }
}
