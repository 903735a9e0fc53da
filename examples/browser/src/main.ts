/** The page: pictures in, faces out; the thresholds act on the candidates of the last pass. */
import { type Face, FaceTracker } from "retinaface-webgpu";
import { Album, type Photo } from "./album.js";
import { Camera } from "./camera.js";
import { CROP_SIZE, Crops } from "./crops.js";
import { save, stem, toBlob, zipOfFaces } from "./downloads.js";
import { Engine } from "./engine.js";
import { listFaces } from "./face-list.js";
import { facesOf, toJson } from "./faces.js";
import { acceptPictures } from "./intake.js";
import { noteMeshes, saveMeshes, wantedMeshes } from "./meshes.js";
import { page, plural, say, showNotice } from "./page.js";
import { complain as complainOfPeople, People } from "./people.js";
import type { Detection } from "./protocol.js";
import { showFaceCount, showTimings } from "./results.js";
import { isUnavailable, noWebGpu } from "./unavailable.js";
import { drawView } from "./view.js";

const DEFAULT_WEIGHTS = "weights/default.safetensors";

/** Least time between two things said of the camera's picture: a screen reader reads them all. */
const SAY_EVERY_MS = 1000;

/** What is on show: a photo, or the camera's latest frame that was looked at. */
interface Shown {
  readonly name: string;
  readonly photo?: Photo;
  readonly source: CanvasImageSource;
  detection?: Detection;
  /** Faces of the camera with their identities over frames. */
  tracked?: readonly Face[];
}

/** Fainter faces are followed nowhere. */
const LEAST_FOLLOWED = 0.1;
const LOOKS_A_SECOND = 30;

const engine = new Engine(() => current?.photo && void look(current.photo, true));
const camera = new Camera(page.video);
const album = new Album((photo) => void choose(photo));
const crops = new Crops(cut, (index) => {
  stressed = index;
  draw();
});

const people = new People({
  load: (weights) => engine.recogniser(weights),
  crops: (wanted) => crops.of(wanted),
  embed: (pictures) => engine.embed(pictures),
});

let current: Shown | undefined;
let faces: readonly Face[] = [];
let stressed: number | undefined;
let cropTimer: ReturnType<typeof setTimeout> | undefined;
let recountTimer: ReturnType<typeof setTimeout> | undefined;
let looking: Promise<unknown> = Promise.resolve();
let keptPictures = 0;

const maxSide = () => (page.maxSide.value === "" ? undefined : Number(page.maxSide.value));
const complain = (error: unknown) =>
  say(error instanceof Error ? error.message : String(error), "bad");

/** Applies the thresholds to the candidates at hand and shows what is left. */
function update(): void {
  page.scoreValue.textContent = Number(page.score.value).toFixed(2);
  page.nmsValue.textContent = Number(page.nms.value).toFixed(2);
  const { detection } = current ?? {};
  if (detection === undefined) {
    faces = [];
    showFaceCount(undefined);
  } else {
    const started = performance.now();
    const limits = cutoffs();
    const { tracked } = current ?? {};
    faces =
      tracked?.filter(({ score }) => score >= limits.score) ??
      facesOf(detection.candidates, limits);
    const suppressed = performance.now();
    draw();
    const { timings } = detection;
    showTimings([
      ...timings,
      { stage: "Suppress", milliseconds: suppressed - started },
      { stage: "Draw", milliseconds: performance.now() - suppressed },
    ]);
    showFaceCount(faces.length);
    listFaces(faces, detection);
    scheduleCrops();
  }
  noteMeshes(faces);
  page.saveJson.disabled = detection === undefined;
  page.saveCrops.disabled = faces.length === 0 || current?.photo === undefined;
}

function draw(): void {
  if (current === undefined) return;
  const { detection, source } = current;
  const size = detection ?? sizeOf(source);
  const options = {
    landmarks: page.showLandmarks.checked,
    scores: page.showScores.checked,
    stressed,
  };
  page.view.hidden = !page.notice.hidden;
  page.empty.hidden = true;
  drawView(page.view, source, size, faces, options);
  const found = detection ? plural(faces.length, "face") : "not looked at yet";
  page.view.setAttribute("aria-label", `${current.name}: ${found}`);
}

function sizeOf(source: CanvasImageSource): { width: number; height: number } {
  if (source instanceof HTMLVideoElement) {
    return { width: source.videoWidth, height: source.videoHeight };
  }
  return source as ImageBitmap;
}

/** Crops wait until the slider rests. */
function scheduleCrops(): void {
  clearTimeout(cropTimer);
  if (current?.photo === undefined) crops.clear();
  else cropTimer = setTimeout(() => void showCrops().catch(complain), 120);
}

async function showCrops(): Promise<void> {
  await crops.show(faces);
  await people.show(faces).catch(complainOfPeople);
}

/** The sliders act at once; what is read out, and the marks of the small copies, wait until they rest. */
function slide(): void {
  update();
  clearTimeout(recountTimer);
  recountTimer = setTimeout(meshes() ? () => void ready().catch(complain) : recount, 300);
}

function recount(): void {
  for (const photo of album.photos) if (photo.detection) markFaces(photo, photo.detection);
  const { photo } = current ?? {};
  if (photo?.detection) say(summary(photo.name, photo.detection));
}

async function cut(wanted: readonly Face[]) {
  const photo = current?.photo;
  if (photo === undefined) return [];
  const request = { kind: "crop", picture: photo.blob, faces: wanted, size: CROP_SIZE } as const;
  return (await engine.crop(request)).crops;
}

/** Adds pictures, shows the first of them and looks at all. */
async function add(pictures: readonly { name: string; blob: Blob }[]): Promise<void> {
  if (pictures.length === 0) return;
  stopCamera();
  const photos = pictures.map((picture): Photo => ({ ...picture }));
  for (const photo of photos) album.add(photo);
  for (const [i, photo] of photos.entries()) await (i === 0 ? choose(photo) : look(photo));
  if (photos.length > 1 && engine.ready) sayTotal(photos);
}

function sayTotal(photos: readonly Photo[]): void {
  const read = photos.flatMap(({ detection }) => detection ?? []);
  const count = read.reduce((sum, detection) => sum + countFaces(detection), 0);
  const failed = photos.length - read.length;
  const rest = failed > 0 ? `; ${failed} could not be read` : "";
  say(
    `${plural(count, "face")} in ${plural(read.length, "picture")}${rest}.`,
    rest ? "bad" : "plain",
  );
}

/** Puts a photo on show, and looks at it if that was not done yet. */
async function choose(photo: Photo): Promise<void> {
  stopCamera();
  let source: ImageBitmap;
  try {
    source = await createImageBitmap(photo.blob);
  } catch {
    return look(photo);
  }
  album.select(photo);
  current = { name: photo.name, photo, source, detection: photo.detection };
  faces = [];
  draw();
  update();
  if (photo.detection) say(summary(photo.name, photo.detection));
  else await look(photo);
}

const cutoffs = () => ({ nms: Number(page.nms.value), score: Number(page.score.value) });

const meshes = () => wantedMeshes(cutoffs());

const countFaces = ({ candidates }: Detection) => facesOf(candidates, cutoffs()).length;

const summary = (name: string, detection: Detection) =>
  `${plural(countFaces(detection), "face")} in ${name} (${detection.width} × ${detection.height}).`;

/** One photo after the other: the graphics device has one queue. */
function look(photo: Photo, again = false): Promise<void> {
  const turn = looking.then(async () => {
    if (!engine.ready || (photo.detection && !again)) return;
    say(`Looking for faces in ${photo.name}…`, "busy");
    page.frame.setAttribute("aria-busy", "true");
    try {
      photo.detection = await engine.detect(async () => photo.blob, maxSide(), meshes());
      noteFaces(photo, photo.detection);
    } catch (error) {
      album.label(photo, "!", "could not be read");
      say(`${photo.name}: ${(error as Error).message}`, "bad");
    } finally {
      page.frame.setAttribute("aria-busy", "false");
    }
  });
  looking = turn;
  return turn;
}

function noteFaces(photo: Photo, detection: Detection): void {
  if (current?.photo === photo) {
    current.detection = detection;
    update();
  }
  markFaces(photo, detection);
  say(summary(photo.name, detection));
}

function markFaces(photo: Photo, detection: Detection): void {
  const count = countFaces(detection);
  album.label(photo, String(count), plural(count, "face"));
}

/** Follows faces that the slider lets be seen: where it is moved they are counted anew. */
class Follower {
  #score = Number.NaN;
  #looks = 0;
  #tracker = new FaceTracker();

  follow({ candidates }: Detection): readonly Face[] {
    const { score, nms } = cutoffs();
    if (score !== this.#score) {
      const newThreshold = Math.max(LEAST_FOLLOWED, score);
      const highThreshold = Math.min(newThreshold, 0.5);
      this.#tracker = new FaceTracker({
        newThreshold,
        highThreshold,
        lowThreshold: LEAST_FOLLOWED,
      });
      this.#score = score;
    }
    const found = facesOf(candidates, { nms, score: LEAST_FOLLOWED });
    // Time in looks: where each takes seconds faces would else have left in between.
    return this.#tracker.update(found, this.#looks++ / LOOKS_A_SECOND).faces;
  }
}

/** Looks at frames as fast as the device can; those that come meanwhile are not waited for. */
async function watchCamera(): Promise<void> {
  const { video } = camera;
  const shown: Shown = { name: "Camera", source: video };
  current = shown;
  album.select(undefined);
  const follower = new Follower();
  let said = -SAY_EVERY_MS;
  while (camera.running) {
    await camera.nextFrame();
    if (!camera.running) return;
    const detection = await engine.detect(() => camera.takeFrame(), maxSide(), meshes());
    if (current !== shown || !camera.running) return;
    shown.detection = detection;
    shown.tracked = follower.follow(detection);
    update();
    if (performance.now() - said < SAY_EVERY_MS) continue;
    said = performance.now();
    say(`${plural(faces.length, "face")} in the camera's picture.`);
  }
}

/** Keeps the picture moving between two looks. */
function animate(): void {
  if (!camera.running) return;
  if (current?.source === camera.video) draw();
  requestAnimationFrame(animate);
}

async function toggleCamera(): Promise<void> {
  if (camera.running) {
    stopCamera();
    say("The camera is off.");
    return;
  }
  try {
    await camera.start();
    page.camera.textContent = "Stop the camera";
    page.camera.className = "running";
    page.keep.hidden = false;
    requestAnimationFrame(animate);
    await watchCamera();
  } catch (error) {
    stopCamera();
    complain(error);
  }
}

function stopCamera(): void {
  if (!camera.running) return;
  camera.stop();
  page.camera.textContent = "Camera";
  page.camera.className = "";
  page.keep.hidden = true;
}

async function keepPicture(): Promise<void> {
  const { video } = camera;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")!.drawImage(video, 0, 0);
  const blob = await toBlob(canvas);
  await add([{ name: `camera-${++keptPictures}.png`, blob }]);
}

function saveJson(): void {
  const { name, detection } = current!;
  const { width, height } = detection!;
  const text = `${JSON.stringify(toJson(name, width, height, faces), null, 2)}\n`;
  save(new Blob([text], { type: "application/json" }), `${stem(name)}.json`);
}

async function saveCrops(): Promise<void> {
  const { name } = current!;
  save(await zipOfFaces(await crops.of(faces)), `${stem(name)}-faces.zip`);
}

async function useWeights(file: File): Promise<void> {
  await engine.load(file, file.name);
  await ready();
}

/** After new weights or another size: what is on show is looked at again. */
async function ready(): Promise<void> {
  update();
  if (current?.photo) await look(current.photo, true);
  else say("Ready. Choose a photo to begin.");
}

async function start(): Promise<void> {
  update();
  const named = new URLSearchParams(location.search).get("weights");
  try {
    if (await engine.loadFrom(new URL(named ?? DEFAULT_WEIGHTS, location.href))) return ready();
    showNotice({
      title: "Which weights?",
      text:
        named === null
          ? "This copy of the page carries no weights. Choose a RetinaFace checkpoint to begin."
          : `There is nothing at ${named}. Choose a RetinaFace checkpoint to begin.`,
      weights: true,
    });
    say("Waiting for weights.");
  } catch (error) {
    if (isUnavailable(error)) return noWebGpu(error.message);
    complain(error);
  }
}

page.empty.addEventListener("click", () => page.files.click());
acceptPictures((pictures) => void add(pictures).catch(complain));
page.sample.addEventListener("click", async () => {
  const response = await fetch("sample.png");
  await add([{ name: "sample.png", blob: await response.blob() }]);
});
for (const slider of [page.score, page.nms]) slider.addEventListener("input", slide);
for (const box of [page.showLandmarks, page.showScores]) box.addEventListener("change", draw);
for (const way of [page.maxSide, page.showMeshes])
  way.addEventListener("change", () => void ready().catch(complain));
page.camera.addEventListener("click", () => void toggleCamera());
page.keep.addEventListener("click", () => void keepPicture().catch(complain));
page.saveJson.addEventListener("click", saveJson);
page.saveMeshes.addEventListener(
  "click",
  () => void saveMeshes(current!.name, faces).catch(complain),
);
page.saveCrops.addEventListener("click", () => void saveCrops().catch(complain));
page.peopleWeights.addEventListener("change", () => {
  const file = page.peopleWeights.files?.[0];
  page.peopleWeights.value = "";
  if (file) void people.useWeights(file).catch(complainOfPeople);
});
page.likeness.addEventListener("change", () => void showCrops().catch(complain));
page.forget.addEventListener("click", () => void people.forget().catch(complainOfPeople));
for (const input of page.weightsInputs) {
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = "";
    if (file) void useWeights(file).catch(complain);
  });
}
new ResizeObserver(draw).observe(page.frame);
void start();
