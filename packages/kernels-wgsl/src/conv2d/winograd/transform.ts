/**
 * The transforms of F(4×4, 3×3) (Lavin and Gray 2016) on a subgroup: their matrices, and text that applies one to the rows and
 * columns of a patch.
 *
 * With d a patch of 6×6, w 3×3 weights and y 4×4 outputs, y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ d B)]A; the gradient to the weights is the
 * same form read the other way, Gᵀ[(Bᵀ d B) ⊙ (A g Aᵀ)]G. The points are 0, ±3/4, ±3/2 and ∞. They matter: largest error relative to
 * the largest output, float32, 64 channels of normal numbers of which a fiftieth are twenty times as large (numpy, 2026-11-30):
 *
 *   points      0 ±1 ±2   0 ±1 ±1/2   0 ±1/2 ±3/2   0 ±3/4 ±3/2   F(2×2), 0 ±1
 *   outputs     3.6e-6    7.7e-6      3.4e-6        1.6e-6        0.4e-6
 *   gradient    6.4e-6    8.6e-6      2.4e-6        1.7e-6        0.6e-6
 *
 * A lane holds a column of the patch, so that a text has six loads and six stores instead of 36 of each, which take a CPU
 * adapter 6 to 15 ms to compile apiece: rows are combined within the lane, columns by broadcast.
 */
import { lines } from "../shared/text.js";

/** Rows and columns of a patch, of outputs and of weights. */
export const PATCH = 6;
export const OUTPUTS = 4;
const TAPS = 3;
/** Places of a transformed patch. */
export const PLACES = PATCH * PATCH;

const POINTS = [0, 0.75, -0.75, 1.5, -1.5];

type Matrix = readonly (readonly number[])[];

function transposed(matrix: Matrix): number[][] {
  return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

/** Coefficients of the product of (x − point), the constant first, as long as a row. */
function polynomial(points: readonly number[]): number[] {
  const product = points.reduce<number[]>(
    (factors, point) =>
      Array.from(
        { length: factors.length + 1 },
        (_, i) => (factors[i - 1] ?? 0) - point * (factors[i] ?? 0),
      ),
    [1],
  );
  return Array.from({ length: PATCH }, (_, i) => product[i] ?? 0);
}

function others(point: number): number[] {
  return POINTS.filter((other) => other !== point);
}

/** Powers of the points, those of ∞ last. */
function powers(count: number): number[][] {
  const finite = POINTS.map((point) => Array.from({ length: count }, (_, k) => point ** k));
  return [...finite, Array.from({ length: count }, (_, k) => (k === count - 1 ? 1 : 0))];
}

/** Bᵀ, 6×6. */
export const FROM_INPUT: Matrix = [
  ...POINTS.map((point) => polynomial(others(point))),
  polynomial(POINTS),
];
/** A, 6×4: of the output's gradient. */
export const FROM_GRADIENT: Matrix = powers(OUTPUTS);
/** Aᵀ, 4×6. */
export const TO_OUTPUT: Matrix = transposed(FROM_GRADIENT);
/** G, 6×3. */
export const FROM_WEIGHT: Matrix = powers(TAPS).map((row, i) => {
  const [point] = POINTS.slice(i, i + 1);
  if (point === undefined) return row;
  const scale = others(point).reduce((product, other) => product * (point - other), 1);
  return row.map((value) => value / scale);
});
/** Gᵀ, 3×6. */
export const TO_WEIGHT: Matrix = transposed(FROM_WEIGHT);
/** What the places of a row of A g are multiplied by to be the sum of g. */
export const SUM_OF_GRADIENT: readonly number[] = sumWeights();

function sumWeights(): number[] {
  const [, a] = POINTS;
  const [sum, difference] = [1 / a ** 2, 1 / a];
  return [1 - sum, (sum + difference) / 2, (sum - difference) / 2, 0, 0, 1 - a ** 2];
}

/** WGSL of a number, with a point. */
export function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** WGSL of the one of `values` that the lane has, 0 beyond them. */
export function ofLane(values: readonly number[]): string {
  return values.reduceRight(
    (rest, value, i) => `select(${rest}, ${float(value)}, lane == ${i}u)`,
    "0.0",
  );
}

/** WGSL: what `transformWgsl` multiplies columns by, declared once. */
export function columnsWgsl(matrix: Matrix): string {
  return lines(matrix[0].length, (column) => {
    return `  let k${column} = ${ofLane(matrix.map((row) => row[column]))};`;
  });
}

/**
 * WGSL that makes h0, h1, … of the vec4f d0, d1, …: the rows of matrix × d × matrixᵀ, of which each lane has a column. Behind
 * `columnsWgsl`, where all lanes are.
 */
export function transformWgsl(matrix: Matrix): string {
  const down = matrix.map((row, to) => {
    const terms = row.flatMap((value, from) => {
      if (value === 0) return [];
      return value === 1 ? [`d${from}`] : [`${float(value)} * d${from}`];
    });
    return `    let v${to} = ${terms.join(" + ")};`;
  });
  const across = matrix.map((row, to) => {
    const terms = row.map((_, from) => `k${from} * subgroupBroadcast(v${to}, ${from}u)`);
    return `    let h${to} = ${terms.join(" + ")};`;
  });
  return [...down, ...across].join("\n");
}
