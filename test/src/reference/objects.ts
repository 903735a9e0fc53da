/** RetinaNet's anchors and post-processing as torchvision has them, once more: plainly and in float64. */

/** One found object. */
export interface ReferenceObject {
  readonly box: number[];
  readonly score: number;
  readonly label: number;
}

/** To the even number of two that are as near. */
const round = (v: number) => (Math.abs(v % 1) === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));

/** Corners of the anchors of a level, row by row; heights over widths in `ratios`. */
export function torchvisionAnchors(
  [rows, columns]: readonly [number, number],
  stride: number,
  sizes: readonly number[],
  ratios: readonly number[] = [0.5, 1, 2],
): number[][] {
  const base = ratios.flatMap((ratio) =>
    sizes.map((size) => {
      const [w, h] = [size / Math.sqrt(ratio), size * Math.sqrt(ratio)];
      return [-w / 2, -h / 2, w / 2, h / 2].map(round);
    }),
  );
  const anchors: number[][] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = [column * stride, row * stride];
      for (const [x1, y1, x2, y2] of base) anchors.push([x1 + x, y1 + y, x2 + x, y2 + y]);
    }
  }
  return anchors;
}

function iou(a: readonly number[], b: readonly number[]): number {
  const w = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const h = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x1, y1, x2, y2]: readonly number[]) => (x2 - x1) * (y2 - y1);
  return (w * h) / (area(a) + area(b) - w * h);
}

function decode([x1, y1, x2, y2]: number[], delta: readonly number[]): number[] {
  const [w, h] = [x2 - x1, y2 - y1];
  const most = Math.log(1000 / 16);
  const [cx, cy] = [x1 + w / 2 + delta[0] * w, y1 + h / 2 + delta[1] * h];
  const [dw, dh] = [Math.min(delta[2], most), Math.min(delta[3], most)].map(Math.exp);
  return [cx - (dw * w) / 2, cy - (dh * h) / 2, cx + (dw * w) / 2, cy + (dh * h) / 2];
}

/**
 * Objects of an image of `[height, width]`.
 * @param levels anchors, K logits and 4 offsets of each
 */
export function torchvisionObjects(
  levels: readonly {
    readonly anchors: readonly number[][];
    readonly logits: readonly number[][];
    readonly deltas: readonly number[][];
  }[],
  [height, width]: readonly [number, number],
  { score: least, perLevel, nms, most }: Readonly<Record<string, number>>,
): ReferenceObject[] {
  const found = levels.flatMap(({ anchors, logits, deltas }) => {
    const all = logits.flatMap((row, anchor) =>
      row.map((logit, label) => ({ anchor, label: label + 1, score: 1 / (1 + Math.exp(-logit)) })),
    );
    const best = all.filter(({ score }) => score > least).sort((a, b) => b.score - a.score);
    return best.slice(0, perLevel).map(({ anchor, label, score }): ReferenceObject => {
      const box = decode(anchors[anchor], deltas[anchor]).map((v, i) =>
        Math.min(Math.max(v, 0), i % 2 === 0 ? width : height),
      );
      return { box, label, score };
    });
  });
  const kept: ReferenceObject[] = [];
  for (const one of found.sort((a, b) => b.score - a.score)) {
    const rivals = kept.filter(({ label }) => label === one.label);
    if (rivals.every(({ box }) => iou(box, one.box) <= nms)) kept.push(one);
  }
  return kept.slice(0, most);
}
