import type { Pyramid } from "./pyramid.js";
import type { Matte } from "./turn/matte.js";

/** A face of a photo, in its pixels. */
export interface PhotoFace {
  readonly box: readonly [x1: number, y1: number, x2: number, y2: number];
  /** Ten numbers; a point that is not known is NaN. */
  readonly landmarks?: readonly number[];
  /** Whether box or landmarks are labels to learn, rather than where a teacher found a face. */
  readonly labelled: boolean;
  /** Labelled, but neither as a face nor as background. */
  readonly ignored?: boolean;
  /** How often views aim at it, relative to the photo's other faces; default 1. */
  readonly weight?: number;
}

type Box = PhotoFace["box"];

/** Of a box, in its photo's pixels. */
export function areaOf([x1, y1, x2, y2]: Box): number {
  return (x2 - x1) * (y2 - y1);
}

/** Of a square as large as a box. */
export function sideOf(box: Box): number {
  return Math.sqrt(areaOf(box));
}

/** The area that two boxes share. */
export function sharedArea(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return Math.max(0, width) * Math.max(0, height);
}

export interface Photo {
  readonly id: string;
  readonly pyramid: Pyramid;
  readonly faces: readonly PhotoFace[];
  /** What of it is its first face's head, where it is to be laid on another photo. Default an ellipse. */
  readonly matte?: Matte;
}

/** How portraits are turned before they are used. */
export interface TurnSpec {
  /** Probability that one is. */
  readonly share: number;
  /** Largest angles in degrees, to either side and up or down. */
  readonly yaw: number;
  readonly pitch: number;
}

/** Photos that are used alike. */
export interface PhotoSet {
  readonly name: string;
  readonly photos: readonly Photo[];
  /** How often views are made of this set, relative to the others. */
  readonly share: number;
  /** Probability that faces are cut out and laid on another photo instead. */
  readonly paste: number;
  /** First step at which views are made of it. */
  readonly from: number;
  /** Whether every face is labelled, so that the rest is background whatever a teacher says. */
  readonly complete?: boolean;
  /** Turns the heads of frontal faces that are alone in their photos. Default none. */
  readonly turn?: TurnSpec | undefined;
}
