/** Where nothing is there to compute on. */
import { page, say, showNotice } from "./page.js";

/** Neither the graphics card nor WebAssembly, or not the one that was asked for. */
const CODES: ReadonlySet<unknown> = new Set(["WEBGPU_UNAVAILABLE", "WASM_UNAVAILABLE"]);

export function isUnavailable(error: unknown): error is Error {
  return CODES.has((error as { code?: unknown }).code);
}

/** Says it in the picture's place. */
export function noWebGpu(detail = ""): void {
  const insecure = !globalThis.isSecureContext;
  showNotice({
    title: "WebGPU is not available here",
    text: insecure
      ? "Browsers offer it only to pages that come over https or from localhost."
      : detail ||
        "This page computes on your graphics card, by a part of the browser that is missing here.",
    list: [
      "Chrome and Edge have it from version 113, Safari from 26, Firefox from 141 on Windows and 145 on Macs.",
      "It needs hardware acceleration: look for it under “System” in the browser's settings.",
      "On Linux, chrome://flags/#enable-unsafe-webgpu turns it on in Chrome.",
    ],
  });
  for (const way of [page.files, page.sample, page.camera]) way.disabled = true;
  say("WebGPU is not available, so no faces can be looked for.", "bad");
}
