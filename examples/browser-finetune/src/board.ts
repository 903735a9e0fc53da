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

/** What an arrow key moves: to the right, down. */
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Keeps `value` from `low` to `high`. */
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** A canvas on which boxes are drawn, chosen, moved and removed, by pointer or keys. */
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
      if (this.#press(event)) event.preventDefault();
    });
  }

  get hasChosen(): boolean {
    return this.#chosen >= 0;
  }

  /** The chosen box in words; empty where none is chosen. */
  get chosenText(): string {
    if (!this.#sheet || this.#chosen < 0) return "";
    const { boxes } = this.#sheet;
    const [x1, y1, x2, y2] = boxes[this.#chosen].map(Math.round);
    const place = `left ${x1}, top ${y1}, ${x2 - x1} × ${y2 - y1} pixels`;
    return `Box ${this.#chosen + 1} of ${boxes.length}: ${place}.`;
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

  /** Whether a key means something here. */
  #press({ key, shiftKey }: KeyboardEvent): boolean {
    if (!this.#sheet) return false;
    const { boxes } = this.#sheet;
    if (key === "Enter") this.#addInMiddle();
    else if (key === " " && boxes.length > 0) this.#changed((this.#chosen + 1) % boxes.length);
    else if (key === "Delete" || key === "Backspace") this.removeChosen();
    else if (key in ARROWS && this.hasChosen) this.#shift(ARROWS[key], shiftKey);
    else return false;
    return true;
  }

  #addInMiddle(): void {
    const { width, height } = this.#canvas;
    const half = Math.min(width, height) / 8;
    const [x, y] = [width / 2, height / 2];
    const { boxes } = this.#sheet!;
    boxes.push([x - half, y - half, x + half, y + half]);
    this.#changed(boxes.length - 1);
  }

  /** Moves the chosen box by a hundredth of the photo, or its right and lower edge only; it stays on the photo. */
  #shift([right, down]: Point, edgeOnly: boolean): void {
    const { width, height } = this.#canvas;
    const { boxes } = this.#sheet!;
    const [x1, y1, x2, y2] = boxes[this.#chosen];
    const step = Math.max(1, Math.max(width, height) / 100);
    const [dx, dy] = [right * step, down * step];
    if (edgeOnly) {
      const edges = [clamp(x2 + dx, x1 + SMALLEST, width), clamp(y2 + dy, y1 + SMALLEST, height)];
      boxes[this.#chosen] = [x1, y1, edges[0], edges[1]];
    } else {
      const [left, top] = [clamp(dx, -x1, width - x2), clamp(dy, -y1, height - y2)];
      boxes[this.#chosen] = [x1 + left, y1 + top, x2 + left, y2 + top];
    }
    this.#changed(this.#chosen);
  }

  /** The place of the pointer in pixels of the photo, at most at its edge. */
  #place({ clientX, clientY }: PointerEvent): Point {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const x = ((clientX - left) / width) * this.#canvas.width;
    const y = ((clientY - top) / height) * this.#canvas.height;
    return [clamp(x, 0, this.#canvas.width), clamp(y, 0, this.#canvas.height)];
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
