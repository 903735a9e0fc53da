import { zipSync } from "fflate";
import type { RawImage } from "retinaface-webgpu";
import { DetectorError } from "./errors.js";
import { drawPixels } from "./view.js";

const NO_PNG = {
  code: "PNG_FAILED",
  message: "the browser could not make a PNG: make the picture smaller",
};

/** Hands a file to the browser's downloads. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A ZIP archive of PNGs, one a face, best first. */
export async function zipOfFaces(crops: readonly RawImage[]): Promise<Blob> {
  const digits = String(crops.length).length;
  const files: Record<string, Uint8Array> = {};
  for (const [i, crop] of crops.entries()) {
    const canvas = document.createElement("canvas");
    drawPixels(canvas, crop);
    const png = await toBlob(canvas);
    const number = String(i + 1).padStart(digits, "0");
    files[`face-${number}.png`] = new Uint8Array(await png.arrayBuffer());
  }
  return new Blob([zipSync(files, { level: 0 }) as BlobPart], { type: "application/zip" });
}

/** The PNG of a canvas. */
export function toBlob(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new DetectorError(NO_PNG));
      else resolve(blob);
    }, "image/png");
  });
}

/** `holiday.jpg` as `holiday`. */
export const stem = (name: string): string => name.replace(/\.[^.]*$/, "") || "photo";
