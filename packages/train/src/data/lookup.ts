import type { ImageSource } from "./record.js";

/** Finds the first of some paths, as labels write them, that is an image that is there. */
export type FindImage = (
  candidates: readonly string[],
) => { readonly id: string; readonly image: ImageSource } | undefined;

/** Width and height in pixels of the image at a path, as labels write it; undefined where it cannot be read. */
export type SizeOf = (
  path: string,
) => { readonly width: number; readonly height: number } | undefined;
