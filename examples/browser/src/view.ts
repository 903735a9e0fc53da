import { type Face, LANDMARK_NAMES, type Landmarks } from "retinaface-webgpu";
import { trackOf } from "./faces.js";
import { drawMesh } from "./meshes.js";

/** After Okabe and Ito's palette, told apart by colour-blind people too. */
const LANDMARK_COLOURS: Readonly<Record<keyof Landmarks, string>> = {
  leftEye: "#56b4e9",
  rightEye: "#f0e442",
  nose: "#ffffff",
  leftMouth: "#cc79a7",
  rightMouth: "#d55e00",
};
const BOX = "#2ee6a6";
const RIM = "rgb(0 0 0 / 65%)";

/** What to draw beside the boxes. */
export interface ViewOptions {
  readonly landmarks: boolean;
  readonly scores: boolean;
  /** Index of a face to stress. */
  readonly stressed?: number;
}

/**
 * Taller pictures are shown smaller, so that one is seen whole with the buttons below it; in a narrow window
 * (that of the style sheet) it stays in sight above the controls.
 */
const mostOfWindow = () => (innerWidth > 860 ? 0.7 : 0.5);

/**
 * Fits a picture into the canvas's container and draws it with its faces at the size at which it is
 * shown, so that lines are sharp and equally thick at any resolution.
 */
export function drawView(
  canvas: HTMLCanvasElement,
  picture: CanvasImageSource,
  size: { width: number; height: number },
  faces: readonly Face[],
  options: ViewOptions,
): void {
  const ratio = globalThis.devicePixelRatio || 1;
  const room = canvas.parentElement!.clientWidth;
  const highest = Math.max(300, innerHeight * mostOfWindow());
  const fit = Math.min(room / size.width, highest / size.height);
  canvas.style.width = `${Math.round(size.width * fit)}px`;
  const scale = fit * ratio;
  canvas.width = Math.max(1, Math.round(size.width * scale));
  canvas.height = Math.max(1, Math.round(size.height * scale));
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  for (const [i, face] of [...faces.entries()].reverse()) {
    drawFace(context, face, { scale, ratio, stressed: i === options.stressed, ...pick(options) });
  }
}

const pick = ({ landmarks, scores }: ViewOptions) => ({ landmarks, scores });

interface Style {
  readonly scale: number;
  readonly ratio: number;
  readonly stressed: boolean;
  readonly landmarks: boolean;
  readonly scores: boolean;
}

function drawFace(context: CanvasRenderingContext2D, face: Face, style: Style): void {
  const { scale, ratio } = style;
  const [x1, y1, x2, y2] = face.box.map((value) => value * scale);
  const [width, height] = [x2 - x1, y2 - y1];
  const line = (style.stressed ? 4 : 2) * ratio;
  context.beginPath();
  context.roundRect(x1, y1, width, height, Math.min(width, height, 60 * ratio) * 0.12);
  context.lineWidth = line + 2 * ratio;
  context.strokeStyle = RIM;
  context.stroke();
  context.lineWidth = line;
  context.strokeStyle = BOX;
  context.stroke();
  if (face.mesh) drawMesh(context, face.mesh, style);
  if (style.landmarks) drawLandmarks(context, face, style, Math.min(width, height));
  if (style.scores) drawScore(context, face, x1, y1, width, style);
}

function drawLandmarks(
  context: CanvasRenderingContext2D,
  { landmarks }: Face,
  { scale, ratio }: Style,
  side: number,
): void {
  const radius = Math.max(1.2 * ratio, Math.min(3.5 * ratio, side / 24));
  for (const name of LANDMARK_NAMES) {
    const [x, y] = landmarks[name];
    context.beginPath();
    context.arc(x * scale, y * scale, radius, 0, 2 * Math.PI);
    context.lineWidth = ratio;
    context.strokeStyle = RIM;
    context.fillStyle = LANDMARK_COLOURS[name];
    context.fill();
    context.stroke();
  }
}

/** Which face it is and its score, above the box where there is room, else inside it; small faces carry none. */
function drawScore(
  context: CanvasRenderingContext2D,
  face: Face,
  x: number,
  y: number,
  width: number,
  { ratio, stressed }: Style,
): void {
  const font = Math.min(13, Math.max(9, width / ratio / 4)) * ratio;
  const track = trackOf(face);
  const text = `${track === undefined ? "" : `#${track} `}${Math.floor(face.score * 100)}%`;
  context.font = `600 ${font}px system-ui, sans-serif`;
  const textWidth = context.measureText(text).width + font * 0.8;
  if (textWidth > width * 1.6 && !stressed) return;
  const height = font * 1.45;
  const left = Math.min(Math.max(0, x), context.canvas.width - textWidth);
  const top = y - height - 3 * ratio < 0 ? Math.max(0, y) : y - height - 3 * ratio;
  context.beginPath();
  context.roundRect(left, top, textWidth, height, 4 * ratio);
  context.fillStyle = "rgb(0 0 0 / 72%)";
  context.fill();
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, left + font * 0.4, top + height / 2 + font * 0.05);
}

/** Puts raw pixels on a canvas of their size. */
export function drawPixels(
  canvas: HTMLCanvasElement,
  image: { data: ArrayLike<number>; width: number; height: number },
): void {
  canvas.width = image.width;
  canvas.height = image.height;
  const pixels = new ImageData(new Uint8ClampedArray(image.data), image.width, image.height);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
}
