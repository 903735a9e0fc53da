/** The detector as the page sees it: its weights, and passes that survive a lost graphics device. */
import type { BackendChoice, RawImage } from "retinaface-webgpu";
import { DetectorClient } from "./detector-client.js";
import { DetectorError } from "./errors.js";
import type { Cutoffs } from "./faces.js";
import { offerMeshes } from "./meshes.js";
import { page, say, showNotice } from "./page.js";
import type { Answers, Detection, Picture, Request } from "./protocol.js";

/** Waits before each new attempt after a lost device; a driver that was reset takes a moment. */
const RETRY_MS = [100, 500, 1000, 2000, 4000];

/** `?backend=webgpu` or `wasm` in the page's address; else the detector chooses. */
function chosenBackend(): BackendChoice {
  const named = new URLSearchParams(location.search).get("backend");
  return named === "webgpu" || named === "wasm" ? named : "auto";
}

const sleep = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

export class Engine {
  readonly #client: DetectorClient;
  #busy = 0;
  #passes = 0;
  #ready = false;

  /** @param onIdleLoss called when the device was lost while no pass was under way. */
  constructor(onIdleLoss: () => void) {
    this.#client = new DetectorClient(() => {
      if (this.#busy === 0) onIdleLoss();
    });
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Loads the weights at a URL of this origin; false where there are none. */
  async loadFrom(url: URL): Promise<boolean> {
    if (url.origin !== location.origin) {
      const message = "weights come from this page's own site: save the file and choose it here";
      throw new DetectorError({ code: "WEIGHTS_URL_REFUSED", message });
    }
    const response = await fetch(url);
    if (!response.ok) return false;
    await this.load(await response.blob(), url.pathname.split("/").at(-1)!);
    return true;
  }

  async load(weights: Blob, name: string): Promise<void> {
    say("Loading the weights…", "busy");
    const request = { kind: "load", weights, backend: chosenBackend() } as const;
    const { runsOn, thresholds, meshes } = await this.#client.ask(request);
    this.#ready = true;
    page.score.value = String(thresholds.visThreshold);
    page.nms.value = String(thresholds.nmsThreshold);
    page.weightsName.textContent = name;
    offerMeshes(meshes);
    page.adapter.textContent = `Runs on ${runsOn}`;
    page.adapter.hidden = false;
    showNotice(undefined);
  }

  /**
   * One pass of the network, on a fresh device where the old one is gone.
   *
   * @param picture a function, as a frame can be sent only once.
   * @param mesh which faces get their mesh: those that a detector with these thresholds gives
   */
  async detect(
    picture: () => Promise<Picture>,
    maxSide: number | undefined,
    mesh: Cutoffs | undefined,
  ): Promise<Detection> {
    this.#busy++;
    try {
      return await this.#surviving(async () => {
        const sent = await picture();
        this.#passes++;
        page.passes.textContent = String(this.#passes);
        const transfer = sent instanceof Blob ? [] : [sent];
        return this.#client.ask({ kind: "detect", picture: sent, maxSide, mesh }, transfer);
      });
    } finally {
      this.#busy--;
    }
  }

  crop(request: Extract<Request, { kind: "crop" }>): Promise<Answers["crop"]> {
    return this.#client.ask(request);
  }

  /** Takes an embedding network's weights. */
  recogniser(weights: Blob): Promise<Answers["recogniser"]> {
    return this.#client.ask({ kind: "recogniser", weights, backend: chosenBackend() });
  }

  async embed(crops: readonly RawImage[]): Promise<readonly Float32Array[]> {
    return (await this.#client.ask({ kind: "embed", crops })).vectors;
  }

  async #surviving<T>(attempt: () => Promise<T>): Promise<T> {
    for (const wait of RETRY_MS) {
      try {
        return await attempt();
      } catch (error) {
        if (!isLoss(error)) throw error;
        say("The graphics device was lost. Starting it again…", "busy");
        await sleep(wait);
      }
    }
    return attempt();
  }
}

/** Gone, or not yet back: both pass. */
function isLoss(error: unknown): boolean {
  return (
    error instanceof DetectorError &&
    (error.code === "DEVICE_LOST" || error.code === "WEBGPU_UNAVAILABLE")
  );
}
