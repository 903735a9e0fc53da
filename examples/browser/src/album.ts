/** The pictures chosen so far, and the strip of small copies that chooses between them. */
import { page } from "./page.js";
import type { Detection } from "./protocol.js";

export interface Photo {
  readonly name: string;
  readonly blob: Blob;
  detection?: Detection;
}

const THUMBNAIL = 72;

export class Album {
  readonly #buttons = new Map<Photo, HTMLButtonElement>();
  readonly #onChoose: (photo: Photo) => void;

  constructor(onChoose: (photo: Photo) => void) {
    this.#onChoose = onChoose;
  }

  get photos(): Iterable<Photo> {
    return this.#buttons.keys();
  }

  add(photo: Photo): void {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const mark = document.createElement("span");
    button.type = "button";
    button.title = photo.name;
    button.setAttribute("aria-label", photo.name);
    button.append(canvas, mark);
    button.addEventListener("click", () => this.#onChoose(photo));
    this.#buttons.set(photo, button);
    const item = document.createElement("li");
    item.append(button);
    page.album.append(item);
    page.album.hidden = this.#buttons.size < 2;
    void drawThumbnail(canvas, photo.blob);
  }

  /** Marks the picture on show. */
  select(photo: Photo | undefined): void {
    for (const [each, button] of this.#buttons) {
      button.setAttribute("aria-current", String(each === photo));
    }
  }

  /** Notes the number of faces on a picture's small copy. */
  label(photo: Photo, mark: string, description: string): void {
    const button = this.#buttons.get(photo);
    if (button === undefined) return;
    button.lastElementChild!.textContent = mark;
    button.setAttribute("aria-label", `${photo.name}: ${description}`);
  }
}

/** Fills a square; a file that is no picture leaves it empty, and detection says why. */
async function drawThumbnail(canvas: HTMLCanvasElement, blob: Blob): Promise<void> {
  const bitmap = await createImageBitmap(blob).catch(() => undefined);
  if (bitmap === undefined) return;
  const side = Math.min(bitmap.width, bitmap.height);
  const left = (bitmap.width - side) / 2;
  const top = (bitmap.height - side) / 2;
  canvas.width = canvas.height = THUMBNAIL * 2;
  const context = canvas.getContext("2d")!;
  context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
}
