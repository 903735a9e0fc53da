/** Losses of embeddings in double precision, written from the papers. */

/** Rows of numbers. */
export type Rows = readonly Float64Array[];

export interface MarginCase {
  readonly loss: "arcface" | "cosface" | "softmax" | "triplet";
  readonly scale: number;
  readonly margin: number;
}

function unit(row: Float64Array): Float64Array {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return row.map((value) => value / length);
}

const dot = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

/** cos(θ + m), by the angle itself; beyond π − m it goes on as cos θ − m sin m. */
function targetOf(cosine: number, { loss, margin }: MarginCase): number {
  if (loss === "softmax") return cosine;
  if (loss === "cosface") return cosine - margin;
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  return angle < Math.PI - margin ? Math.cos(angle + margin) : cosine - margin * Math.sin(margin);
}

/** Mean cross-entropy of s times the cosines, the target's after its margin. */
export function marginReference(
  embeddings: Rows,
  centres: Rows,
  labels: readonly number[],
  spec: MarginCase,
): number {
  const directions = centres.map(unit);
  const losses = embeddings.map((row, i) => {
    const own = unit(row);
    const logits = directions.map((direction, c) => {
      const cosine = dot(own, direction);
      return spec.scale * (c === labels[i] ? targetOf(cosine, spec) : cosine);
    });
    const top = Math.max(...logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    return Math.log(total) + top - logits[labels[i]];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** FaceNet's triplets: the nearest negative farther than the positive, else the farthest negative. */
export function tripletReference(
  embeddings: Rows,
  labels: readonly number[],
  margin: number,
): number {
  const units = embeddings.map(unit);
  const distance = (i: number, j: number) =>
    units[i].reduce((sum, value, k) => sum + (value - units[j][k]) ** 2, 0);
  const losses: number[] = [];
  for (const i of labels.keys()) {
    const negatives = [...labels.keys()].filter((k) => labels[k] !== labels[i]);
    if (negatives.length === 0) continue;
    for (const j of labels.keys()) {
      if (j === i || labels[j] !== labels[i]) continue;
      const positive = distance(i, j);
      const away = negatives.map((k) => distance(i, k));
      const farther = away.filter((value) => value > positive);
      const negative = farther.length > 0 ? Math.min(...farther) : Math.max(...away);
      losses.push(Math.max(0, margin + positive - negative));
    }
  }
  return losses.length === 0 ? 0 : losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/** Central differences of a function of rows, in the order of their numbers. */
export function differences(rows: Rows, value: (rows: Rows) => number, h = 1e-6): Float64Array {
  const flat: number[] = [];
  for (const [i, row] of rows.entries()) {
    for (const k of row.keys()) {
      const moved = (step: number) =>
        value(
          rows.map((other, at) =>
            at === i ? other.map((number, place) => number + (place === k ? step : 0)) : other,
          ),
        );
      flat.push((moved(h) - moved(-h)) / (2 * h));
    }
  }
  return Float64Array.from(flat);
}
