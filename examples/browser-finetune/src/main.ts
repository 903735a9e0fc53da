/** The page: photos are boxed by hand, the worker trains on them, the weights are downloaded. */
import { linePlot, type StepLosses } from "@retinaface-webgpu/train";
import { Board, type Sheet } from "./board.js";
import { Client, type Progress } from "./client.js";
import { TuneError } from "./errors.js";
import { formatLabels } from "./labels.js";
import { page, say } from "./page.js";
import type { TuneOptions } from "./protocol.js";
import { type KeptPhoto, Store } from "./store.js";

const KEPT = "Photos, boxes and trained weights are kept in this browser, on this device.";
const NOT_KEPT =
  "This browser keeps nothing for this page: download boxes and weights before you leave.";

const DEFAULT_WEIGHTS = "../weights/default.safetensors";

interface Photo extends Sheet {
  readonly id: number;
  readonly name: string;
  readonly blob: Blob;
  readonly button: HTMLButtonElement;
  /** Somebody said that no face is in it. */
  isEmpty: boolean;
}

const client = new Client(showProgress);
const board = new Board(page.board, changed);
const photos: Photo[] = [];
let current: Photo | undefined;
let losses: StepLosses[] = [];
let store: Store | undefined;
/** What the worker does now; it does one thing at a time. */
let busy: "nothing" | "loading" | "looking" | "training" = "loading";

const boxCount = () => photos.reduce((sum, { boxes }) => sum + boxes.length, 0);
/** Photos that train: with a box, or said to have no face. */
const labelled = () => photos.filter(({ boxes, isEmpty }) => boxes.length > 0 || isEmpty);

function describe({ name, boxes, isEmpty }: Photo): string {
  if (boxes.length > 0) return `${name} (${boxes.length})`;
  return `${name} (${isEmpty ? "no face" : "left out"})`;
}

/** Brings buttons and labels up to date. */
function refresh(): void {
  const idle = busy === "nothing";
  page.propose.disabled = !idle || current === undefined;
  page.remove.disabled = !board.hasChosen;
  page.clear.disabled = (current?.boxes.length ?? 0) === 0;
  page.empty.disabled = current === undefined || current.boxes.length > 0;
  page.empty.ariaPressed = String(current?.isEmpty ?? false);
  page.labels.disabled = labelled().length === 0;
  page.forget.disabled = !idle || photos.length === 0;
  page.train.disabled = !idle || boxCount() === 0;
  page.stop.disabled = busy !== "training";
  page.save.disabled = !idle;
  page.weights.disabled = !idle;
  for (const photo of photos) photo.button.textContent = describe(photo);
  if (current) {
    const { name, boxes } = current;
    page.board.setAttribute("aria-label", `${name}, boxes: ${boxes.length}`);
    page.chosen.textContent = board.chosenText;
  }
}

/** Says once that what follows is lost with the page. */
function notKept(): void {
  store = undefined;
  page.kept.textContent = NOT_KEPT;
}

/** Keeps a photo with its boxes; where there is no room any more, that is said. */
function keep({ id, name, blob, boxes, isEmpty }: Photo): void {
  store?.keepPhoto({ id, name, blob, boxes, isEmpty }).catch(notKept);
}

/** After boxes of the photo on show have changed, or another one was chosen. */
function changed(): void {
  if (current) {
    if (current.boxes.length > 0) current.isEmpty = false;
    keep(current);
  }
  refresh();
}

/** Runs `work` unless the worker is busy, and says what went wrong. */
async function doing(what: typeof busy, work: () => Promise<string>): Promise<void> {
  busy = what;
  refresh();
  try {
    say(await work());
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  } finally {
    busy = "nothing";
    refresh();
  }
}

function show(photo: Photo): void {
  current = photo;
  for (const { button } of photos) button.ariaPressed = String(button === photo.button);
  board.show(photo);
}

/** @throws DOMException for what is no picture */
async function addPhoto({ id, name, blob, boxes, isEmpty }: KeptPhoto): Promise<Photo> {
  const bitmap = await createImageBitmap(blob);
  const button = document.createElement("button");
  button.type = "button";
  const photo: Photo = { id, name, blob, bitmap, boxes: [...boxes], isEmpty, button };
  button.addEventListener("click", () => show(photo));
  const item = document.createElement("li");
  item.append(button);
  page.photos.append(item);
  photos.push(photo);
  if (!current) show(photo);
  return photo;
}

async function addPhotos(files: readonly File[]): Promise<void> {
  const failed: string[] = [];
  for (const blob of files) {
    const { name } = blob;
    const id = Math.max(0, ...photos.map((photo) => photo.id)) + 1;
    try {
      keep(await addPhoto({ id, name, blob, boxes: [], isEmpty: false }));
    } catch {
      failed.push(name);
    }
  }
  refresh();
  if (failed.length > 0) say(`not a picture: ${failed.join(", ")}`, "bad");
}

/** Puts boxes where the detector finds faces, to be corrected by hand. */
async function propose(): Promise<string> {
  const photo = current!;
  const { boxes } = await client.ask({ kind: "detect", photo: photo.blob });
  if (photo === current) board.replace(boxes);
  else {
    photo.boxes = [...boxes];
    keep(photo);
  }
  return `faces found in ${photo.name}: ${boxes.length}`;
}

/** @throws TuneError naming the field that is out of range */
function readOptions(): TuneOptions {
  for (const input of [page.steps, page.batch, page.size, page.rate]) {
    if (!input.checkValidity()) {
      const name = input.labels?.[0].textContent?.trim() ?? input.id;
      throw new TuneError({
        code: "OPTION_INVALID",
        message: `${name}: ${input.validationMessage}`,
      });
    }
  }
  return {
    steps: page.steps.valueAsNumber,
    batchSize: page.batch.valueAsNumber,
    imageSize: page.size.valueAsNumber,
    learningRate: page.rate.valueAsNumber,
  };
}

async function train(): Promise<string> {
  const options = readOptions();
  losses = [];
  page.progress.max = options.steps;
  page.progress.value = 0;
  const chosen = labelled().map(({ name, blob, boxes }) => ({ name, blob, boxes }));
  const left = photos.length - chosen.length;
  say("Training…");
  const { steps } = await client.ask({ kind: "tune", photos: chosen, options });
  const { weights } = await client.ask({ kind: "save" });
  await store?.keepWeights({ name: "weights trained here", blob: weights }).catch(notKept);
  const out = left > 0 ? `, ${left} without a box left out` : "";
  return `trained for ${steps} steps on ${chosen.length} photos${out}`;
}

function showProgress({ losses: step, imagesPerSecond }: Progress): void {
  losses.push(step);
  page.progress.value = losses.length;
  const left = ((page.progress.max - losses.length) * page.batch.valueAsNumber) / imagesPerSecond;
  say(
    `step ${losses.length} of ${page.progress.max}: loss ${step.total.toFixed(3)}, ` +
      `${imagesPerSecond.toFixed(1)} images/s, about ${Math.ceil(left)} s left`,
  );
  page.plot.innerHTML = linePlot({
    title: "Loss",
    x: { label: "step" },
    y: { label: "loss", min: 0 },
    series: (["total", "classes", "boxes"] as const).map((name) => ({
      name,
      points: losses.map((each) => [each.step + 1, each[name]] as const),
    })),
  });
}

function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function save(): Promise<string> {
  const { weights } = await client.ask({ kind: "save" });
  download(weights, "fine-tuned.safetensors");
  return "the weights are downloaded";
}

async function saveLabels(): Promise<string> {
  const chosen = labelled();
  download(new Blob([formatLabels(chosen)], { type: "application/jsonl" }), "labels.jsonl");
  return `boxes of ${chosen.length} photos are downloaded: put labels.jsonl beside the photos`;
}

/** Takes back what an earlier visit kept; its weights, if any were trained. */
async function restore(): Promise<string> {
  try {
    store = await Store.open();
  } catch {
    notKept();
    return loadDefault();
  }
  page.kept.textContent = KEPT;
  for (const photo of await store.photos()) await addPhoto(photo);
  refresh();
  const weights = await store.weights();
  return weights ? load(weights.blob, weights.name) : loadDefault();
}

async function forget(): Promise<string> {
  await store?.clear();
  photos.length = 0;
  current = undefined;
  page.photos.replaceChildren();
  page.board.hidden = true;
  page.chosen.textContent = "";
  return loadDefault();
}

async function load(weights: Blob, name: string): Promise<string> {
  const { adapter } = await client.ask({ kind: "load", weights });
  page.adapter.textContent = adapter;
  return `Ready, with ${name}. ${photos.length > 0 ? "Your photos are here again." : "Add photos to begin."}`;
}

async function loadFile(file: File): Promise<string> {
  const said = await load(file, file.name);
  await store?.keepWeights({ name: file.name, blob: file }).catch(notKept);
  return said;
}

async function loadDefault(): Promise<string> {
  const response = await fetch(DEFAULT_WEIGHTS);
  if (!response.ok) return "This copy of the page carries no weights: choose a checkpoint below.";
  return load(await response.blob(), "the page’s weights");
}

page.files.addEventListener("change", () => {
  const files = [...(page.files.files ?? [])];
  page.files.value = "";
  void addPhotos(files);
});
page.weights.addEventListener("change", () => {
  const file = page.weights.files?.[0];
  page.weights.value = "";
  if (file) void doing("loading", () => loadFile(file));
});
page.propose.addEventListener("click", () => void doing("looking", propose));
page.remove.addEventListener("click", () => board.removeChosen());
page.clear.addEventListener("click", () => board.replace([]));
page.empty.addEventListener("click", () => {
  if (current) current.isEmpty = !current.isEmpty;
  changed();
});
page.labels.addEventListener("click", () => void doing("loading", saveLabels));
page.forget.addEventListener("click", () => void doing("loading", forget));
page.train.addEventListener("click", () => void doing("training", train));
page.stop.addEventListener("click", () => void client.ask({ kind: "stop" }));
page.save.addEventListener("click", () => void doing("loading", save));
void doing("loading", restore);
