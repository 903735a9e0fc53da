/** What tracking is made of: the assignment, the filters, each against a plain reference. */
import { linearAssignment, overlap } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BoxFilter } from "../../../../packages/retinaface/dist/track/kalman.js";
import { OneEuroFilter } from "../../../../packages/retinaface/dist/track/one-euro.js";
import { assertClose } from "../../support/close.js";
import { Random } from "../../support/random.js";

test("linear assignment is as cheap as the best of all assignments, leaving out what is too dear", () => {
  const random = new Random(1);
  for (let trial = 0; trial < 300; trial++) {
    const [rows, columns] = [random.integer(0, 5), random.integer(0, 5)];
    const costs = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => random.uniform(-0.5, 1)),
    );
    const limit = random.uniform(0.2, 0.9);
    const pairs = linearAssignment(rows, columns, (i, j) => costs[i][j], limit);
    assert.is(new Set(pairs.map(({ row }) => row)).size, pairs.length);
    assert.is(new Set(pairs.map(({ column }) => column)).size, pairs.length);
    for (const { row, column } of pairs) assert.ok(costs[row][column] <= limit);
    const paired = pairs.reduce((sum, { row, column }) => sum + costs[row][column], 0);
    const total = paired + limit * (rows - pairs.length);
    assertClose([total], [best(costs, columns, limit)], { atol: 1e-9 });
  }
});

/** Least cost of all ways to pair rows with columns, a row alone costing `limit`. */
function best(costs: number[][], columns: number, limit: number, row = 0, used = 0): number {
  if (row === costs.length) return 0;
  let least = limit + best(costs, columns, limit, row + 1, used);
  for (let j = 0; j < columns; j++) {
    if (used & (1 << j) || costs[row][j] > limit) continue;
    least = Math.min(least, costs[row][j] + best(costs, columns, limit, row + 1, used | (1 << j)));
  }
  return least;
}

test("the box filter is the published Kalman filter of eight numbers", () => {
  const random = new Random(2);
  let box = [100, 80, 150, 150] as [number, number, number, number];
  const filter = new BoxFilter(box);
  const reference = new Reference(box);
  for (let frame = 0; frame < 60; frame++) {
    filter.predict(1);
    reference.predict();
    if (frame % 5 !== 3) {
      box = box.map((value, i) => value + (i % 2 ? 1 : 3) + random.normal(0, 2)) as typeof box;
      filter.update(box);
      reference.update(box);
    }
    assertClose(filter.box, reference.box(), { atol: 1e-9, rtol: 1e-9 });
  }
});

type Matrix = number[][];
const zeros = (n: number, m: number): Matrix => Array.from({ length: n }, () => Array(m).fill(0));
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));
const transpose = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const plus = (a: Matrix, b: Matrix, s = 1): Matrix =>
  a.map((row, i) => row.map((value, j) => value + s * b[i][j]));
const diagonal = (deviations: number[]): Matrix =>
  deviations.map((d, i) => deviations.map((_, j) => (i === j ? d * d : 0)));

/** The filter of DeepSORT as its paper and code define it, with whole matrices. */
class Reference {
  #mean: Matrix;
  #covariance: Matrix;
  readonly #motion = zeros(8, 8).map((row, i) => row.map((_, j) => +(j === i || j === i + 4)));
  readonly #project = zeros(4, 8).map((row, i) => row.map((_, j) => +(j === i)));

  constructor(box: readonly number[]) {
    const measured = measure(box);
    const h = measured[3];
    this.#mean = [...measured, 0, 0, 0, 0].map((value) => [value]);
    const [p, v] = [h / 10, h / 16];
    this.#covariance = diagonal([p, p, 1e-2, p, v, v, 1e-5, v]);
  }

  predict(): void {
    const h = this.#mean[3][0];
    const [p, v] = [h / 20, h / 160];
    const noise = diagonal([p, p, 1e-2, p, v, v, 1e-5, v]);
    this.#mean = times(this.#motion, this.#mean);
    const moved = times(times(this.#motion, this.#covariance), transpose(this.#motion));
    this.#covariance = plus(moved, noise);
  }

  update(box: readonly number[]): void {
    const p = this.#mean[3][0] / 20;
    const seen = times(times(this.#project, this.#covariance), transpose(this.#project));
    const total = plus(seen, diagonal([p, p, 1e-1, p]));
    const inverse = total.map((row, i) => row.map((_, j) => (i === j ? 1 / total[i][i] : 0)));
    const gain = times(times(this.#covariance, transpose(this.#project)), inverse);
    const error = plus(
      measure(box).map((value) => [value]),
      times(this.#project, this.#mean),
      -1,
    );
    this.#mean = plus(this.#mean, times(gain, error));
    const taken = times(times(gain, total), transpose(gain));
    this.#covariance = plus(this.#covariance, taken, -1);
  }

  box(): number[] {
    const [x, y, aspect, h] = this.#mean.map(([value]) => value);
    return [x - (aspect * h) / 2, y - h / 2, x + (aspect * h) / 2, y + h / 2];
  }
}

function measure([x1, y1, x2, y2]: readonly number[]): number[] {
  return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1];
}

test("the One-Euro filter steadies what rests and follows what moves", () => {
  const random = new Random(3);
  const still = new OneEuroFilter({ minCutoff: 1, beta: 0.01 });
  const noisy = Array.from({ length: 200 }, () => 10 + random.normal());
  const steady = noisy.map((value) => still.filter([value], 1 / 30)[0]).slice(50);
  assert.ok(deviation(steady) < 0.45 * deviation(noisy), `${deviation(steady)}`);
  const follower = new OneEuroFilter({ minCutoff: 1, beta: 0.5 });
  let last = 0;
  for (let n = 0; n < 60; n++) last = follower.filter([n * 20], 1 / 30)[0];
  assert.ok(59 * 20 - last < 10, `${59 * 20 - last} behind`);
});

test("the One-Euro filter's first steps are those of the paper's formulas", () => {
  const filter = new OneEuroFilter({ minCutoff: 1, beta: 2 });
  const t = 1 / 30;
  assert.equal(filter.filter([3, -1], 0), [3, -1]);
  const weight = (cutoff: number) => 1 / (1 + 1 / (2 * Math.PI * cutoff * t));
  const speed = weight(1) * ((4 - 3) / t);
  const expected = 3 + weight(1 + 2 * speed) * (4 - 3);
  assertClose(filter.filter([4, -1], t), [expected, -1], { atol: 1e-12 });
});

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

test("overlap is intersection over union, 0 without area", () => {
  assert.is(overlap([0, 0, 2, 2], [1, 1, 3, 3]), 1 / 7);
  assert.is(overlap([0, 0, 2, 2], [2, 0, 4, 2]), 0);
  assert.is(overlap([0, 0, 0, 0], [0, 0, 0, 0]), 0);
});

test.run();
