/** People who walk through a picture, and what a detector would find of them. */
import type { Face } from "retinaface-webgpu";
import { Random } from "./random.js";

/** A face of a frame and whose it is. */
export interface Walker {
  readonly id: number;
  readonly box: Face["box"];
}

export interface Sequence {
  /** The visible faces of each frame. */
  readonly truth: readonly (readonly Walker[])[];
  /** What is found of them. */
  readonly found: readonly (readonly Face[])[];
}

export interface SequenceOptions {
  readonly people: number;
  readonly frames: number;
  /** Standard deviation of a found box's corners, relative to the height. */
  readonly jitter?: number;
  /** Probability that a face is only faintly found, for some frames. */
  readonly faint?: number;
  /** Probability that a face that is there is not found. */
  readonly missed?: number;
  /** False faces a frame. */
  readonly false?: number;
}

const WIDTH = 1280;
const HEIGHT = 720;
/** A pillar, behind which nobody is seen: the slowest for 20 frames. */
const PILLAR = [620, 660] as const;
const SPEED = [2, 6] as const;

/** A face at a place with landmarks at fixed shares of it. */
export function faceAt(box: Face["box"], score: number): Face {
  const [x1, y1, x2, y2] = box;
  const at = (x: number, y: number): [number, number] => [x1 + x * (x2 - x1), y1 + y * (y2 - y1)];
  return {
    box,
    score,
    landmarks: {
      leftEye: at(0.3, 0.4),
      rightEye: at(0.7, 0.4),
      nose: at(0.5, 0.6),
      leftMouth: at(0.35, 0.8),
      rightMouth: at(0.65, 0.8),
    },
  };
}

/** The same options give the same walk. */
export function walk(options: SequenceOptions, seed: number): Sequence {
  const { people, frames, jitter = 0.02, faint = 0.1, missed = 0.03, false: wrong = 0.1 } = options;
  const random = new Random(seed);
  const walkers = Array.from({ length: people }, () => {
    const height = random.uniform(50, 110);
    return {
      height,
      x: random.uniform(0, WIDTH),
      y: random.uniform(height, HEIGHT - height),
      speed: random.uniform(...SPEED) * (random.uniform() < 0.5 ? -1 : 1),
      sway: random.uniform(0, 0.3) * height,
      phase: random.uniform(0, 6.3),
    };
  });
  const truth: Walker[][] = [];
  const found: Face[][] = [];
  for (let n = 0; n < frames; n++) {
    const visible = walkers.flatMap(({ height, x, y, speed, sway, phase }, id) => {
      const round = Math.floor((x + n * speed) / WIDTH);
      const along = x + n * speed - round * WIDTH;
      if (along > PILLAR[0] && along < PILLAR[1]) return [];
      const centre = y + sway * Math.sin(n / 9 + phase);
      const half = 0.4 * height;
      const box: Face["box"] = [
        along - half,
        centre - height / 2,
        along + half,
        centre + height / 2,
      ];
      // Who comes in again on the other side is somebody else.
      return [
        { id: id + people * round, box, wraps: along < 2 * half || along > WIDTH - 2 * half },
      ];
    });
    const shown = visible.filter(({ wraps }) => !wraps);
    truth.push(shown.map(({ id, box }) => ({ id, box })));
    const faces = shown.flatMap(({ box }) => {
      if (random.uniform() < missed) return [];
      const noise = jitter * (box[3] - box[1]);
      const moved = box.map((value) => value + random.normal(0, noise)) as Face["box"];
      const score = random.uniform() < faint ? random.uniform(0.15, 0.45) : random.uniform(0.7, 1);
      return [faceAt(moved, score)];
    });
    if (random.uniform() < wrong) {
      const [x, y] = [random.uniform(0, WIDTH), random.uniform(0, HEIGHT)];
      faces.push(faceAt([x, y, x + 40, y + 50], random.uniform(0.3, 0.8)));
    }
    found.push(faces);
  }
  return { truth, found };
}
