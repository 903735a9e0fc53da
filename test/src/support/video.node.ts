import type { RawImage } from "retinaface-webgpu";

/**
 * A raw video (YUV4MPEG2, 4:2:0, BT.601) that shows one picture: what Chromium's fake camera plays.
 *
 * @param image sides even
 */
export function toY4m(image: RawImage, frames = 2): Buffer {
  const { width, height } = image;
  const frame = Buffer.concat([Buffer.from("FRAME\n"), toYuv420(image)]);
  const header = Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`);
  return Buffer.concat([header, ...Array.from({ length: frames }, () => frame)]);
}

function toYuv420({ data, width, height }: RawImage): Buffer {
  const luma = width * height;
  const chroma = luma / 4;
  const planes = Buffer.alloc(luma + 2 * chroma);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = data.subarray((y * width + x) * 4);
      planes[y * width + x] = clamp(16 + 0.257 * r + 0.504 * g + 0.098 * b);
      if (x % 2 || y % 2) continue;
      const at = luma + (y / 2) * (width / 2) + x / 2;
      planes[at] = clamp(128 - 0.148 * r - 0.291 * g + 0.439 * b);
      planes[at + chroma] = clamp(128 + 0.439 * r - 0.368 * g - 0.071 * b);
    }
  }
  return planes;
}

const clamp = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
