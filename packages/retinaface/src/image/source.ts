import type { Known } from "@retinaface-webgpu/tensor/inference";
import type { RawImage } from "../types.js";
import type { Size } from "./fit.js";

/** A frame of a video that is still where the decoder put it. Whoever made it closes it. */
export interface LiveFrame {
  readonly frame: Known<"VideoFrame">;
  /** As shown, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Its pixels by way of the CPU, where the GPU cannot take the frame itself. */
  read(): RawImage;
}

/** What a network's input is made of. */
export type PixelSource = RawImage | LiveFrame;

/** Whether a source is a frame of a video. */
export function isLive(source: PixelSource): source is LiveFrame {
  return "frame" in source;
}

/** The size of what a source shows, which may have been decoded smaller. */
export function shownSize(source: PixelSource): Size {
  return "original" in source && source.original ? source.original : source;
}

/** Pixels of an image for each of its original, across and down: less than 1 where it was decoded smaller. */
export function scaleOf({ width, height, original }: RawImage): readonly [x: number, y: number] {
  return original ? [width / original.width, height / original.height] : [1, 1];
}

/** Gives frames back to their decoder, which has only a few. */
export function closeFrames(sources: readonly PixelSource[]): void {
  for (const source of sources) if (isLive(source)) source.frame.close();
}

/** The results of all, or the first error once none is pending; frames are then closed. */
export async function gatherSources(
  pending: readonly Promise<PixelSource>[],
): Promise<PixelSource[]> {
  try {
    return await Promise.all(pending);
  } catch (error) {
    const settled = await Promise.allSettled(pending);
    closeFrames(settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
    throw error;
  }
}
