/** How an invocation goes over rows of its channels; what a sum in one dispatch shares with one in several. */
import { beforeActivation } from "./activation.js";

/** Rows that an invocation loads before it adds them up. */
const UNROLLED = 8;

/**
 * Statements over the rows `begin` ≤ r < `end`, of which the first is at `at` and a row has `p.perRow` elements: `group`
 * on eight, whose elements are `at(0)` to `at(7)`, `single` on each other.
 */
export function overRows(group: (at: (row: number) => string) => string, single: string): string {
  return `  var r = begin;
  for (; r + ${UNROLLED}u <= end; r += ${UNROLLED}u) {
${group((row) => `at + ${row}u * p.perRow`)}
    at += ${UNROLLED}u * p.perRow;
  }
  for (; r < end; r++) {
${single}
    at += p.perRow;
  }`;
}

/** One statement for each of eight rows. */
export function eachRow(statement: (row: number) => string): string {
  return Array.from({ length: UNROLLED }, (_, row) => `    ${statement(row)}`).join("\n");
}

/** The sum of a name for each of eight rows, in pairs. */
function pairwise(name: string): string {
  const pairs = [0, 2, 4, 6].map((row) => `(${name}${row} + ${name}${row + 1})`);
  return `((${pairs[0]} + ${pairs[1]}) + (${pairs[2]} + ${pairs[3]}))`;
}

/** Statements that make `mean` and `m2`, the sum of squared deviations, of `value` at these rows. */
export function statistics(value: (at: string) => string): string {
  return `  var mean = T(0.0);
  var m2 = T(0.0);
  var count = 0.0;
${overRows(
  (place) => `${eachRow((row) => `let x${row} = ${value(place(row))};`)}
    let own = ${pairwise("x")} * ${1 / UNROLLED};
${eachRow((row) => `let d${row} = x${row} - own;`)}
${eachRow((row) => `let q${row} = d${row} * d${row};`)}
    let delta = own - mean;
    let share = ${UNROLLED}.0 / (count + ${UNROLLED}.0);
    mean += delta * share;
    m2 += ${pairwise("q")} + delta * delta * (count * share);
    count += ${UNROLLED}.0;`,
  `    let value = ${value("at")};
    let delta = value - mean;
    count += 1.0;
    mean += delta / count;
    m2 += delta * (value - mean);`,
)}`;
}

/**
 * Statements that make of these rows `sum`, of the gradient g before the activation, and `dot`, of g·(x − m). Needs
 * `affinePrologue`.
 */
export function gradientSums(slope: number | undefined): string {
  const load = (row: string | number, at: string) => `let x${row} = x[${at}] - m;
    let g${row} = ${beforeActivation(slope, `gradY[${at}]`, `x${row}`)};`;
  return `  var sum = T(0.0);
  var dot = T(0.0);
${overRows(
  (place) => `${eachRow((row) => load(row, place(row)))}
${eachRow((row) => `let d${row} = g${row} * x${row};`)}
    sum += ${pairwise("g")};
    dot += ${pairwise("d")};`,
  `    ${load("r", "at")}
    sum += gr;
    dot += gr * xr;`,
)}`;
}

/** Statements that update element `i` of running statistics from a batch's, WGSL of which is given. */
export function runningUpdate(
  rows: number,
  momentum: number,
  mean = "mean[i]",
  variance = "variance[i]",
) {
  return {
    params: { momentum: { f32: momentum }, unbias: { f32: rows > 1 ? rows / (rows - 1) : 1 } },
    body: `  runningMean[i] += p.momentum * (${mean} - runningMean[i]);
  runningVariance[i] += p.momentum * (${variance} * p.unbias - runningVariance[i]);`,
  };
}
