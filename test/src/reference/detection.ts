/**
 * RetinaFace's pre- and post-processing once more, in double precision and as plainly as possible:
 * what the library's results are compared with.
 */

/** Pixels, four bytes each: R, G, B, A. */
export interface Rgba {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

export interface ReferenceFace {
  box: number[];
  score: number;
  landmarks: number[][];
}

const MEAN = [104, 117, 123];

/**
 * `[height, width, 3]`, B, G, R minus the mean; bilinear with half-pixel centres, a triangle over all
 * covered pixels where a side shrinks by more than 2.
 */
export function networkInput(image: Rgba, width: number, height: number): Float32Array {
  const columns = tent(image.width, width);
  const rows = tent(image.height, height);
  const out = new Float32Array(width * height * 3);
  const lines = new Map<number, Float64Array>();
  for (let y = 0; y < height; y++) {
    for (const key of lines.keys()) if (key < rows[y][0].at) lines.delete(key);
    for (let i = 0; i < width * 3; i++) out[y * width * 3 + i] = -MEAN[i % 3];
    for (const { at, weight } of rows[y]) {
      if (!lines.has(at)) lines.set(at, scaledLine(image, at, columns));
      const line = lines.get(at)!;
      for (let i = 0; i < width * 3; i++) out[y * width * 3 + i] += weight * line[i];
    }
  }
  return out;
}

function scaledLine(image: Rgba, y: number, columns: readonly Tap[][]): Float64Array {
  const line = new Float64Array(columns.length * 3);
  for (const [x, taps] of columns.entries()) {
    for (const { at, weight } of taps) {
      const pixel = (y * image.width + at) * 4;
      for (let c = 0; c < 3; c++) line[x * 3 + c] += weight * image.data[pixel + 2 - c];
    }
  }
  return line;
}

interface Tap {
  at: number;
  weight: number;
}

function tent(from: number, to: number): Tap[][] {
  const scale = from / to;
  const radius = scale > 2 ? scale : 1;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const taps: Tap[] = [];
    for (let s = Math.ceil(centre - radius); s <= Math.floor(centre + radius); s++) {
      const weight = 1 - Math.abs(s - centre) / radius;
      taps.push({ at: Math.min(Math.max(s, 0), from - 1), weight });
    }
    const total = taps.reduce((sum, { weight }) => sum + weight, 0);
    for (const tap of taps) tap.weight /= total;
    return taps.filter(({ weight }) => weight > 0).sort((a, b) => a.at - b.at);
  });
}

/** Faces above `vis`, best first, in pixels of an image of `imageWidth` × `imageHeight`. */
export function referenceFaces(
  outputs: { loc: ArrayLike<number>; conf: ArrayLike<number>; landms: ArrayLike<number> },
  size: { width: number; height: number; imageWidth: number; imageHeight: number },
  vis: number,
): ReferenceFace[] {
  const faces: ReferenceFace[] = [];
  let prior = 0;
  for (const [level, step] of [8, 16, 32].entries()) {
    for (let row = 0; row < Math.ceil(size.height / step); row++) {
      for (let column = 0; column < Math.ceil(size.width / step); column++) {
        for (const side of [16, 32].map((s) => s * 4 ** level)) {
          const score = outputs.conf[prior * 2 + 1];
          if (score > 0.02) {
            const cx = ((column + 0.5) * step) / size.width;
            const cy = ((row + 0.5) * step) / size.height;
            faces.push(
              decode(outputs, prior, [cx, cy, side / size.width, side / size.height], size),
            );
          }
          prior++;
        }
      }
    }
  }
  const order = faces.map((_, i) => i).sort((a, b) => faces[b].score - faces[a].score || a - b);
  return suppress(order.slice(0, 5000).map((i) => faces[i]))
    .slice(0, 750)
    .filter(({ score }) => score >= vis);
}

function decode(
  { loc, conf, landms }: Parameters<typeof referenceFaces>[0],
  prior: number,
  [px, py, pw, ph]: number[],
  size: Parameters<typeof referenceFaces>[1],
): ReferenceFace {
  const cx = px + loc[prior * 4] * 0.1 * pw;
  const cy = py + loc[prior * 4 + 1] * 0.1 * ph;
  const w = pw * Math.exp(loc[prior * 4 + 2] * 0.2);
  const h = ph * Math.exp(loc[prior * 4 + 3] * 0.2);
  const { imageWidth: sx, imageHeight: sy } = size;
  const point = (k: number) => [
    (px + landms[prior * 10 + 2 * k] * 0.1 * pw) * sx,
    (py + landms[prior * 10 + 2 * k + 1] * 0.1 * ph) * sy,
  ];
  return {
    box: [(cx - w / 2) * sx, (cy - h / 2) * sy, (cx + w / 2) * sx, (cy + h / 2) * sy],
    score: conf[prior * 2 + 1],
    landmarks: [0, 1, 2, 3, 4].map(point),
  };
}

function suppress(faces: readonly ReferenceFace[]): ReferenceFace[] {
  const kept: ReferenceFace[] = [];
  for (const face of faces) {
    if (kept.every((better) => overlap(better.box, face.box) <= 0.4)) kept.push(face);
  }
  return kept;
}

function overlap(a: readonly number[], b: readonly number[]): number {
  const area = ([x1, y1, x2, y2]: readonly number[]) => (x2 - x1 + 1) * (y2 - y1 + 1);
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1;
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1;
  const common = Math.max(0, w) * Math.max(0, h);
  return common / (area(a) + area(b) - common);
}
