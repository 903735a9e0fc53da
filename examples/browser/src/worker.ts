/** The detector, off the page's thread. */
import type { Embedder } from "@retinaface-webgpu/identify";
import {
  alignFace,
  type BackendChoice,
  type Face,
  type RawImage,
  RetinaFace,
  readWeights,
  type Timings,
  toRawImage,
} from "retinaface-webgpu";
import { DetectorError } from "./errors.js";
import type { Cutoffs } from "./faces.js";
import type { Answers, Detection, Picture, Request, Timing, WorkerMessage } from "./protocol.js";

/** Keeps every candidate, so that the page can apply its own thresholds later. */
const EVERY_CANDIDATE = { nmsThreshold: 1, visThreshold: 0, keepTopK: 5000 };

/** A weight that only checkpoints with the branch for meshes have. */
const MESH_MARK = "MeshHead.decoder.fc.weight";

const NO_WEIGHTS = {
  code: "NO_WEIGHTS",
  message: "no weights are loaded yet: choose a file of them first",
};

let detector: RetinaFace | undefined;
let embedder: Embedder | undefined;
let watched: RetinaFace["device"] | undefined;

const post = (message: WorkerMessage, transfer: Transferable[] = []) =>
  self.postMessage(message, { transfer });

async function load(weights: Blob, backend: BackendChoice): Promise<Answers["load"]> {
  const bytes = new Uint8Array(await weights.arrayBuffer());
  const meshes = await readMeshes(bytes);
  const next = await RetinaFace.load({ weights: bytes, backend });
  detector?.dispose();
  detector = next;
  watchDevice();
  return { runsOn: engineOf(next), thresholds: { ...next.thresholds }, meshes };
}

/** Whether weights say meshes, whose code is then loaded: pages that only find faces go without. */
async function readMeshes(bytes: Uint8Array): Promise<boolean> {
  const { state } = readWeights(bytes);
  if (!state.has(MESH_MARK)) return false;
  const { registerMesh } = await import("retinaface-webgpu/mesh");
  registerMesh();
  return true;
}

async function loadEmbedder(weights: Blob, backend: BackendChoice): Promise<Answers["recogniser"]> {
  const { Embedder } = await import("./embedding.js");
  const next = await Embedder.load(weights, { backend });
  embedder?.dispose();
  embedder = next;
  return { fingerprint: next.fingerprint, dimension: next.dimension };
}

async function embed(crops: readonly RawImage[]): Promise<Answers["embed"]> {
  if (embedder === undefined) throw new DetectorError(NO_WEIGHTS);
  const numbers = await embedder.embed(crops);
  const { dimension } = embedder;
  return { vectors: crops.map((_, i) => numbers.slice(i * dimension, (i + 1) * dimension)) };
}

function engineOf({ backend, device, threads }: RetinaFace): string {
  const { name, software } = device.adapter;
  if (backend === "webgpu") return `${name}${software ? " (software)" : ""}`;
  return `your processor, ${threads} ${threads === 1 ? "thread" : "threads"}`;
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

async function detect(
  picture: Picture,
  maxSide: number | undefined,
  mesh: Cutoffs | undefined,
): Promise<Detection> {
  if (detector === undefined) throw new DetectorError(NO_WEIGHTS);
  const started = performance.now();
  const image = await decode(picture);
  const decoding = performance.now() - started;
  let timings: Timings | undefined;
  const candidates = await detector.detect(image, {
    ...EVERY_CANDIDATE,
    maxSide,
    profile: true,
    onTimings: (measured) => {
      timings = measured;
    },
  });
  if (mesh) await giveMeshes(detector, image, candidates, maxSide, mesh);
  watchDevice();
  const stages = [{ stage: "Decode", milliseconds: decoding }, ...stagesOf(timings!)];
  return { ...sizeOf(image), candidates, timings: stages };
}

/** Meshes of the faces that these cutoffs leave, by a pass of their own: of every candidate they would take minutes. */
async function giveMeshes(
  detector: RetinaFace,
  image: RawImage | VideoFrame,
  candidates: readonly Face[],
  maxSide: number | undefined,
  { score, nms }: Cutoffs,
): Promise<void> {
  const thresholds = { visThreshold: score, nmsThreshold: nms };
  const faces = await detector.detect(image, { ...thresholds, maxSide, mesh: true });
  const byBox = new Map(candidates.map((face) => [face.box.join(), face]));
  for (const { box, mesh } of faces) {
    const face = byBox.get(box.join());
    if (face && mesh) face.mesh = mesh;
  }
}

const isFrame = (image: RawImage | Picture): image is VideoFrame =>
  typeof VideoFrame === "function" && image instanceof VideoFrame;

function sizeOf(image: RawImage | VideoFrame): { width: number; height: number } {
  if (isFrame(image)) return { width: image.displayWidth, height: image.displayHeight };
  return { width: image.width, height: image.height };
}

/** The GPU's own stages where the adapter has timestamps, else its time in one piece. */
function stagesOf({ prepare, upload, gpu, faces, stages }: Timings): Timing[] {
  const gpuStages: [string, number][] = stages
    ? [
        ["Scale", stages.preprocess],
        ["Network", stages.network],
        ["Candidates", stages.postprocess],
        ["Read back", stages.readback],
      ]
    : [["Network", gpu]];
  const parts: [string, number][] = [
    ["Prepare", prepare],
    ["Upload", upload],
    ...gpuStages,
    ["Faces", faces],
  ];
  return parts.map(([stage, milliseconds]) => ({ stage, milliseconds }));
}

/** The pixels of a picture; a video's frame stays as it is, as the detector lends it to the GPU. */
async function decode(picture: Picture): Promise<RawImage | VideoFrame> {
  return isFrame(picture) ? picture : toRawImage(picture);
}

/** Gives a frame back to the camera, which has only a few. */
function release(picture: Picture): void {
  if (!(picture instanceof Blob)) picture.close();
}

async function answer(request: Request): Promise<Answers[Request["kind"]]> {
  if (request.kind === "load") return load(request.weights, request.backend);
  if (request.kind === "detect") {
    const { picture, maxSide, mesh } = request;
    return detect(picture, maxSide, mesh).finally(() => release(picture));
  }
  if (request.kind === "recogniser") return loadEmbedder(request.weights, request.backend);
  if (request.kind === "embed") return embed(request.crops);
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
