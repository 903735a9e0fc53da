/** The detector and its training, off the page's thread. */
import { TuneError } from "./errors.js";
import type { Answers, Request, WorkerMessage } from "./protocol.js";
import { Tuner } from "./tuner.js";

const NO_WEIGHTS = {
  code: "NO_WEIGHTS",
  message: "no weights are loaded yet: choose a file of them first",
};

let tuner: Tuner | undefined;

const post = (message: WorkerMessage) => self.postMessage(message);

async function load(weights: Blob): Promise<Answers["load"]> {
  const next = await Tuner.load(weights);
  tuner?.dispose();
  tuner = next;
  const { name, software } = next.device.adapter;
  return { adapter: software ? `${name} (software)` : name };
}

async function answer(request: Request): Promise<Answers[Request["kind"]]> {
  if (request.kind === "load") return load(request.weights);
  if (tuner === undefined) throw new TuneError(NO_WEIGHTS);
  switch (request.kind) {
    case "detect":
      return { boxes: await tuner.detect(request.photo) };
    case "stop":
      return tuner.stop() as undefined;
    case "save":
      return { weights: new Blob([tuner.save()], { type: "application/octet-stream" }) };
    case "tune":
      return { steps: await tune(tuner, request) };
  }
}

function tune(learner: Tuner, { photos, options }: Extract<Request, { kind: "tune" }>) {
  let last = performance.now();
  return learner.tune(photos, options, (losses) => {
    const now = performance.now();
    post({ losses, imagesPerSecond: (options.batchSize * 1000) / (now - last) });
    last = now;
  });
}

self.addEventListener("message", async ({ data }: MessageEvent<{ id: number } & Request>) => {
  try {
    post({ id: data.id, answer: await answer(data) });
  } catch (error) {
    const { code, message } = Object(error) as { code?: unknown; message?: unknown };
    const failure = { code: String(code ?? "INTERNAL"), message: String(message ?? error) };
    post({ id: data.id, failure });
  }
});
