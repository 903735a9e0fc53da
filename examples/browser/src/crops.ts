/** The strip of aligned faces, and the files made of them. */
import type { Face, RawImage } from "retinaface-webgpu";
import { save, toBlob } from "./downloads.js";
import { page } from "./page.js";
import { drawPixels } from "./view.js";

/** Faces shown; a crowd has more, and the download holds them all. */
const MOST_SHOWN = 60;

/** Side of a crop in pixels: what recognition networks take. */
export const CROP_SIZE = 112;

export class Crops {
  readonly #known = new WeakMap<Face, RawImage>();
  readonly #cut: (faces: readonly Face[]) => Promise<readonly RawImage[]>;
  readonly #stress: (index: number | undefined) => void;
  #wanted = 0;

  /** @param stress marks a face of the picture while its crop is pointed at */
  constructor(
    cut: (faces: readonly Face[]) => Promise<readonly RawImage[]>,
    stress: (index: number | undefined) => void,
  ) {
    this.#cut = cut;
    this.#stress = stress;
  }

  /** Aligned crops of these faces, each cut once. */
  async of(faces: readonly Face[]): Promise<readonly RawImage[]> {
    const missing = faces.filter((face) => !this.#known.has(face));
    if (missing.length > 0) {
      const crops = await this.#cut(missing);
      for (const [i, face] of missing.entries()) this.#known.set(face, crops[i]);
    }
    return faces.map((face) => this.#known.get(face)!);
  }

  /** Shows the crops; a later call overtakes an earlier one that is still being cut. */
  async show(faces: readonly Face[]): Promise<void> {
    const turn = ++this.#wanted;
    const shown = faces.slice(0, MOST_SHOWN);
    const crops = await this.of(shown);
    if (turn !== this.#wanted) return;
    page.cropsEmpty.hidden = faces.length > 0;
    page.crops.replaceChildren(...crops.map((crop, i) => this.#item(crop, shown[i], i)));
    if (faces.length > shown.length) {
      const rest = document.createElement("li");
      rest.className = "muted";
      rest.textContent = `and ${faces.length - shown.length} more`;
      page.crops.append(rest);
    }
  }

  /** Empties the strip. */
  clear(): void {
    this.#wanted++;
    page.crops.replaceChildren();
    page.cropsEmpty.hidden = false;
  }

  /** A crop that is saved by a click, and marks its face on the picture while it is pointed at. */
  #item(crop: RawImage, face: Face, index: number): HTMLLIElement {
    const canvas = document.createElement("canvas");
    const button = document.createElement("button");
    const percent = `${Math.floor(face.score * 100)}%`;
    drawPixels(canvas, crop);
    button.type = "button";
    button.title = `${percent}, save as PNG`;
    button.setAttribute("aria-label", `Save face ${index + 1}, score ${percent}`);
    button.append(canvas);
    button.addEventListener("click", async () => {
      save(await toBlob(canvas), `face-${index + 1}.png`);
    });
    for (const [event, value] of [
      ["pointerenter", index],
      ["focus", index],
      ["pointerleave", undefined],
      ["blur", undefined],
    ] as const) {
      button.addEventListener(event, () => this.#stress(value));
    }
    const item = document.createElement("li");
    item.append(button);
    return item;
  }
}
