/**
 * From a video frame where the decoder put it to RGBA words, the layout in which `imageInput` takes images. The browser
 * converts YUV to sRGB as it samples; the bytes are those that a canvas would give, without a way through the CPU.
 */
import { defineKernel, output, videoFrame } from "../define.js";
import type { Kernel } from "../kernel.js";

/** A frame's size as it is shown, in pixels. */
export interface FramePixelsSpec {
  readonly width: number;
  readonly height: number;
}

const BODY = `
  let y = i / p.width;
  let x = i - y * p.width;
  let at = vec2<u32>(x, y) * textureDimensions(frame) / vec2<u32>(p.width, p.height);
  pixels[i] = pack4x8unorm(vec4<f32>(textureLoad(frame, at).rgb, 1.0));`;

/** Bindings: the frame, its pixels as one RGBA word each. */
export function framePixels({ width, height }: FramePixelsSpec): Kernel {
  return defineKernel({
    name: "frame-pixels",
    buffers: [videoFrame("frame"), output("pixels", "u32")],
    params: { width, height },
    count: width * height,
    body: BODY,
    flops: 0,
    bytes: width * height * 8,
  });
}
