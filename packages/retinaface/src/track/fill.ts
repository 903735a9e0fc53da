import type { Face } from "../types.js";
import type { TrackedFace } from "./track.js";

type Box = Face["box"];

/**
 * Boxes of a recorded video without gaps: where a face was not found between two sights of it, it lies between the two,
 * and some frames before it was first found and after it was last found it lies where it was then.
 *
 * @param frames the tracked faces of each frame, predicted ones among them
 * @param around frames before the first and after the last sight
 * @returns boxes of each frame
 */
export function fillGaps(
  frames: readonly (readonly Pick<TrackedFace, "track" | "box">[])[],
  around: number,
): Box[][] {
  const sights = new Map<number, { frame: number; box: Box }[]>();
  for (const [frame, faces] of frames.entries()) {
    for (const { track, box } of faces) {
      const known = sights.get(track);
      if (known) known.push({ frame, box });
      else sights.set(track, [{ frame, box }]);
    }
  }
  const filled: Box[][] = frames.map(() => []);
  for (const seen of sights.values()) {
    const [first, last] = [seen[0], seen[seen.length - 1]];
    for (let n = Math.max(0, first.frame - around); n < first.frame; n++) filled[n].push(first.box);
    const end = Math.min(frames.length - 1, last.frame + around);
    for (let n = last.frame; n <= end; n++) filled[n].push(last.box);
    for (let k = 0; k + 1 < seen.length; k++) between(seen[k], seen[k + 1], filled);
  }
  return filled;
}

interface Sight {
  readonly frame: number;
  readonly box: Box;
}

function between(a: Sight, b: Sight, filled: Box[][]): void {
  for (let n = a.frame; n < b.frame; n++) {
    const share = (n - a.frame) / (b.frame - a.frame);
    filled[n].push(a.box.map((value, i) => value + share * (b.box[i] - value)) as Box);
  }
}
