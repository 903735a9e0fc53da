import type { Box } from "./protocol.js";

/** Boxes smaller than this many pixels of the photo are slips of the hand. */
const SMALLEST = 4;

/** A photo on the board, with its boxes. */
export interface Sheet {
  readonly bitmap: ImageBitmap;
  boxes: Box[];
}

type Point = readonly [x: number, y: number];

const holds = ([x1, y1, x2, y2]: Box, [x, y]: Point) => x >= x1 && x <= x2 && y >= y1 && y <= y2;

const area = ([x1, y1, x2, y2]: Box) => (x2 - x1) * (y2 - y1);

/** The smallest box that holds a place, or −1. */
function smallestAt(boxes: readonly Box[], place: Point): number {
  const under = boxes.filter((box) => holds(box, place)).sort((a, b) => area(a) - area(b));
  return under.length > 0 ? boxes.indexOf(under[0]) : -1;
}

const between = ([ax, ay]: Point, [bx, by]: Point): Box => [
  Math.min(ax, bx),
  Math.min(ay, by),
  Math.max(ax, bx),
  Math.max(ay, by),
];

/** A canvas on which boxes are drawn, chosen and removed. */
export class Board {
  readonly #canvas: HTMLCanvasElement;
  readonly #onChange: () => void;
  #sheet: Sheet | undefined;
  #chosen = -1;
  #from: Point | undefined;
  #to: Point | undefined;

  constructor(canvas: HTMLCanvasElement, onChange: () => void) {
    this.#canvas = canvas;
    this.#onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#drag(event));
    canvas.addEventListener("pointerup", (event) => this.#end(event));
    canvas.addEventListener("pointercancel", () => this.#forget());
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") this.removeChosen();
    });
  }

  get hasChosen(): boolean {
    return this.#chosen >= 0;
  }

  show(sheet: Sheet): void {
    this.#sheet = sheet;
    this.#canvas.width = sheet.bitmap.width;
    this.#canvas.height = sheet.bitmap.height;
    this.#canvas.hidden = false;
    this.#chosen = -1;
    this.#forget();
  }

  removeChosen(): void {
    if (!this.#sheet || this.#chosen < 0) return;
    this.#sheet.boxes.splice(this.#chosen, 1);
    this.#changed(-1);
  }

  /** Replaces all boxes of the photo on show. */
  replace(boxes: readonly Box[]): void {
    if (this.#sheet) this.#sheet.boxes = [...boxes];
    this.#changed(-1);
  }

  #changed(chosen: number): void {
    this.#chosen = chosen;
    this.#draw();
    this.#onChange();
  }

  /** The place of the pointer in pixels of the photo, at most at its edge. */
  #place({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const x = ((clientX - left) / width) * this.#canvas.width;
    const y = ((clientY - top) / height) * this.#canvas.height;
    return [
      Math.min(this.#canvas.width, Math.max(0, x)),
      Math.min(this.#canvas.height, Math.max(0, y)),
    ];
  }

  #begin(event: PointerEvent): void {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#from = this.#place(event);
    this.#to = this.#from;
  }

  #drag(event: PointerEvent): void {
    if (!this.#from) return;
    this.#to = this.#place(event);
    this.#draw();
  }

  #end(event: PointerEvent): void {
    if (!this.#from || !this.#sheet) return;
    const { boxes } = this.#sheet;
    const place = this.#place(event);
    const box = between(this.#from, place);
    this.#from = undefined;
    if (box[2] - box[0] >= SMALLEST && box[3] - box[1] >= SMALLEST) {
      boxes.push(box);
      this.#changed(boxes.length - 1);
    } else {
      this.#changed(smallestAt(boxes, place));
    }
  }

  #forget(): void {
    this.#from = undefined;
    this.#changed(this.#chosen);
  }

  #draw(): void {
    const context = this.#canvas.getContext("2d");
    if (!context || !this.#sheet) return;
    const { bitmap, boxes } = this.#sheet;
    context.drawImage(bitmap, 0, 0);
    context.lineWidth = Math.max(1, Math.max(bitmap.width, bitmap.height) / 400);
    const frame = ([x1, y1, x2, y2]: Box, colour: string) => {
      context.strokeStyle = colour;
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    };
    for (const [i, box] of boxes.entries()) frame(box, i === this.#chosen ? "#ff5722" : "#00e676");
    if (this.#from && this.#to) frame(between(this.#from, this.#to), "#ffc400");
  }
}
