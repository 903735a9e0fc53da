/** The page: photos are boxed by hand, the worker trains on them, the weights are downloaded. */
import { linePlot, type StepLosses } from "@retinaface-webgpu/train";
import { Board, type Sheet } from "./board.js";
import { Client, type Progress } from "./client.js";
import { TuneError } from "./errors.js";
import { page, say } from "./page.js";
import type { TuneOptions } from "./protocol.js";

const DEFAULT_WEIGHTS = "../weights/default.safetensors";

interface Photo extends Sheet {
  readonly name: string;
  readonly blob: Blob;
  readonly button: HTMLButtonElement;
}

const client = new Client(showProgress);
const board = new Board(page.board, refresh);
const photos: Photo[] = [];
let current: Photo | undefined;
let losses: StepLosses[] = [];
/** What the worker does now; it does one thing at a time. */
let busy: "nothing" | "loading" | "looking" | "training" = "loading";

const boxCount = () => photos.reduce((sum, { boxes }) => sum + boxes.length, 0);

/** Brings buttons and labels up to date. */
function refresh(): void {
  const idle = busy === "nothing";
  page.propose.disabled = !idle || current === undefined;
  page.remove.disabled = !board.hasChosen;
  page.clear.disabled = (current?.boxes.length ?? 0) === 0;
  page.train.disabled = !idle || boxCount() === 0;
  page.stop.disabled = busy !== "training";
  page.save.disabled = !idle;
  page.weights.disabled = !idle;
  for (const { button, name, boxes } of photos) button.textContent = `${name} (${boxes.length})`;
  if (current) {
    const { name, boxes } = current;
    page.board.setAttribute("aria-label", `${name}, boxes: ${boxes.length}`);
    page.chosen.textContent = board.chosenText;
  }
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

async function addPhotos(files: readonly File[]): Promise<void> {
  const failed: string[] = [];
  for (const blob of files) {
    const { name } = blob;
    let bitmap: ImageBitmap;
    try {
      bitmap = await createImageBitmap(blob);
    } catch {
      failed.push(name);
      continue;
    }
    const button = document.createElement("button");
    button.type = "button";
    const photo: Photo = { name, blob, bitmap, boxes: [], button };
    button.addEventListener("click", () => show(photo));
    const item = document.createElement("li");
    item.append(button);
    page.photos.append(item);
    photos.push(photo);
    if (!current) show(photo);
  }
  refresh();
  if (failed.length > 0) say(`not a picture: ${failed.join(", ")}`, "bad");
}

/** Puts boxes where the detector finds faces, to be corrected by hand. */
async function propose(): Promise<string> {
  const photo = current!;
  const { boxes } = await client.ask({ kind: "detect", photo: photo.blob });
  if (photo === current) board.replace(boxes);
  else photo.boxes = [...boxes];
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
  const labelled = photos
    .filter(({ boxes }) => boxes.length > 0)
    .map(({ name, blob, boxes }) => ({ name, blob, boxes }));
  say("Training…");
  const { steps } = await client.ask({ kind: "tune", photos: labelled, options });
  return `trained for ${steps} steps on ${labelled.length} photos`;
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

async function save(): Promise<string> {
  const { weights } = await client.ask({ kind: "save" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(weights);
  link.download = "fine-tuned.safetensors";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return "the weights are downloaded";
}

async function load(weights: Blob, name: string): Promise<string> {
  const { adapter } = await client.ask({ kind: "load", weights });
  page.adapter.textContent = adapter;
  return `Ready, with ${name}. Add photos to begin.`;
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
  if (file) void doing("loading", () => load(file, file.name));
});
page.propose.addEventListener("click", () => void doing("looking", propose));
page.remove.addEventListener("click", () => board.removeChosen());
page.clear.addEventListener("click", () => board.replace([]));
page.train.addEventListener("click", () => void doing("training", train));
page.stop.addEventListener("click", () => void client.ask({ kind: "stop" }));
page.save.addEventListener("click", () => void doing("loading", save));
void doing("loading", loadDefault);
