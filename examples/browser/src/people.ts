/** Who is remembered in this browser, and who the faces of the picture are. Nothing of it leaves the page. */
import type { Gallery, Match } from "@retinaface-webgpu/identify";
import type { Face, RawImage } from "retinaface-webgpu";
import { page, plural } from "./page.js";
import { forgetGallery, keepGallery, keptGallery } from "./people-store.js";
import type { Answers } from "./protocol.js";
import { drawPixels } from "./view.js";

/** What the page does for faces that are to be recognised. */
export interface Recognition {
  load(weights: Blob): Promise<Answers["recogniser"]>;
  /** Upright crops of faces. */
  crops(faces: readonly Face[]): Promise<readonly RawImage[]>;
  embed(crops: readonly RawImage[]): Promise<readonly Float32Array[]>;
}

/** Faces shown; a crowd has more. */
const MOST_SHOWN = 20;

const loadGalleries = () => import("./recognise.js");

export class People {
  readonly #recognition: Recognition;
  #gallery: Gallery | undefined;
  #faces: readonly Face[] = [];
  #turn = 0;

  constructor(recognition: Recognition) {
    this.#recognition = recognition;
  }

  /** Takes an embedding network, and the gallery that was made with it, if one is kept. */
  async useWeights(file: File): Promise<void> {
    page.peopleStatus.textContent = `Loading ${file.name}…`;
    const { fingerprint, dimension } = await this.#recognition.load(file);
    const { decodeGallery, Gallery } = await loadGalleries();
    const kept = await keptGallery();
    const gallery = kept
      ? decodeGallery(kept)
      : new Gallery({ model: fingerprint, dimensions: dimension });
    gallery.requireModel(fingerprint);
    this.#gallery = gallery;
    await this.show(this.#faces);
  }

  /** Shows who the faces of a picture are; a later call overtakes an earlier one. */
  async show(faces: readonly Face[]): Promise<void> {
    const turn = ++this.#turn;
    this.#faces = faces;
    const gallery = this.#gallery;
    if (gallery === undefined) return;
    const { topMatches } = await loadGalleries();
    const shown = faces.slice(0, MOST_SHOWN);
    const crops = await this.#recognition.crops(shown);
    const vectors = await this.#recognition.embed(crops);
    if (turn !== this.#turn || this.#gallery !== gallery) return;
    const best = vectors.map((vector) => {
      const similarities = similaritiesTo(gallery, vector);
      return topMatches(gallery.rows(), similarities, { query: 0, queries: 1, limit: 1 })[0];
    });
    const items = shown.map((_, i) => this.#item(crops[i], vectors[i], best[i], i));
    page.peopleFaces.replaceChildren(...items);
    page.peopleStatus.textContent = statusOf(gallery);
  }

  /** Deletes everybody, here and in the browser's memory. */
  async forget(): Promise<void> {
    await forgetGallery();
    for (const { id } of this.#gallery?.list() ?? []) this.#gallery?.remove(id);
    await this.show(this.#faces);
    page.peopleStatus.textContent = "Everybody is forgotten.";
  }

  async #remember(name: string, vector: Float32Array): Promise<void> {
    const gallery = this.#gallery;
    if (gallery === undefined || name.trim() === "") return;
    const { encodeGallery } = await loadGalleries();
    gallery.enrol(name.trim(), [vector]);
    await keepGallery(encodeGallery(gallery));
    await this.show(this.#faces);
  }

  #item(crop: RawImage, vector: Float32Array, best: Match | undefined, index: number) {
    const canvas = document.createElement("canvas");
    drawPixels(canvas, crop);
    const who = document.createElement("span");
    who.className = "who";
    who.textContent = whoIs(best);
    const form = document.createElement("form");
    const name = document.createElement("input");
    name.type = "text";
    name.maxLength = 80;
    name.autocomplete = "off";
    name.setAttribute("aria-label", `Name of face ${index + 1}`);
    const button = document.createElement("button");
    button.textContent = "Remember this face";
    form.append(name, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#remember(name.value, vector).catch(complain);
    });
    const item = document.createElement("li");
    item.append(canvas, who, form);
    return item;
  }
}

/** To every row of a gallery. */
function similaritiesTo(gallery: Gallery, vector: Float32Array): Float32Array {
  const rows = gallery.list().flatMap(({ id }) => gallery.vectorsOf(id));
  return Float32Array.from(rows, (row) =>
    row.reduce((sum, value, i) => sum + value * vector[i], 0),
  );
}

function whoIs(best: Match | undefined): string {
  if (best === undefined) return "nobody is remembered yet";
  const likeness = best.similarity.toFixed(2);
  const least = Number(page.likeness.value);
  return best.similarity >= least
    ? `${best.id} (${likeness})`
    : `nobody remembered; nearest ${best.id} (${likeness})`;
}

function statusOf(gallery: Gallery): string {
  const pictures = plural(gallery.pictures, "picture");
  return `${plural(gallery.size, "person").replace("persons", "people")} remembered, ${pictures}.`;
}

/** Says what went wrong. */
export function complain(error: unknown): void {
  page.peopleStatus.textContent = error instanceof Error ? error.message : String(error);
}
