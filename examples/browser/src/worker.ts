/** The detector, off the page's thread. */
import { alignFace, type RawImage, RetinaFace, toRawImage } from "retinaface-webgpu";
import type { Answers, Detection, Picture, Request, WorkerMessage } from "./protocol.js";

/** Keeps every candidate, so that the page can apply its own thresholds later. */
const EVERY_CANDIDATE = { nmsThreshold: 1, visThreshold: 0, keepTopK: 5000 };

let detector: RetinaFace | undefined;
let watched: RetinaFace["device"] | undefined;

const post = (message: WorkerMessage, transfer: Transferable[] = []) =>
  self.postMessage(message, { transfer });

async function load(weights: Blob): Promise<Answers["load"]> {
  const next = await RetinaFace.load({ weights });
  detector?.dispose();
  detector = next;
  watchDevice();
  const { name, software } = next.device.adapter;
  return { adapter: name, software };
}

/** Tells the page when the device in use is lost; the detector takes a fresh one by itself. */
function watchDevice(): void {
  const device = detector?.device;
  if (device === undefined || device === watched) return;
  watched = device;
  device.onLost((error) => {
    if (detector?.device === device) post({ lost: error.message });
  });
}

async function detect(picture: Picture, maxSide: number | undefined): Promise<Detection> {
  if (detector === undefined) throw new Error("no weights are loaded yet");
  const started = performance.now();
  const image = await decode(picture);
  const decoded = performance.now();
  const candidates = await detector.detect(image, { ...EVERY_CANDIDATE, maxSide });
  const detected = performance.now();
  watchDevice();
  return {
    width: image.width,
    height: image.height,
    candidates,
    timings: [
      { stage: "Decode", milliseconds: decoded - started },
      { stage: "Detect", milliseconds: detected - decoded },
    ],
  };
}

async function decode(picture: Picture): Promise<RawImage> {
  try {
    return await toRawImage(picture);
  } finally {
    if (picture instanceof ImageBitmap) picture.close();
  }
}

async function answer(request: Request): Promise<Answers[Request["kind"]]> {
  if (request.kind === "load") return load(request.weights);
  if (request.kind === "detect") return detect(request.picture, request.maxSide);
  const image = await toRawImage(request.picture);
  return { crops: request.faces.map((face) => alignFace(image, face, request.size)) };
}

self.addEventListener("message", async ({ data }: MessageEvent<{ id: number } & Request>) => {
  try {
    post({ id: data.id, answer: await answer(data) });
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const failure = { code: String(code ?? "INTERNAL"), message: String(message ?? error) };
    post({ id: data.id, failure });
  }
});
