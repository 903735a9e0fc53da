/**
 * Einstein's sum made of permutations, products and sums: operands are joined from left to right, each pair as one batched
 * matrix product over the labels that neither a later operand nor the result has.
 */
import { describe, requireList } from "../core/arguments.js";
import { ShapeError, TensorError } from "../core/errors.js";
import { showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { mul } from "./binary/forward.js";
import { matmul } from "./matmul/forward.js";
import { broadcastTo, permute, reshape, slice } from "./movement/forward.js";
import { commonDevice } from "./op.js";
import { sum } from "./reduce/forward.js";

/** A tensor with a label for each axis. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/**
 * Sums of products by Einstein's convention: `einsum("bij,bjk->bik", [a, b])`. Each operand has a letter for each axis;
 * letters that the result lacks are summed over. Without `->` the result has those that occur once, in alphabetical order.
 * `…` or `...` stands for axes that broadcast, a letter that an operand has twice for its diagonal, and an extent of 1
 * broadcasts (PyTorch's rules). Of several operands the first two are joined first.
 *
 * @throws TensorError `ARGUMENT` for an equation that is none, ShapeError where it does not fit the operands
 */
export function einsum(equation: string, operands: readonly Tensor[]): Tensor {
  if (typeof equation !== "string") throw invalid(describe(equation), "it is a string");
  requireList("einsum", operands, "tensors");
  if (operands.length === 0) throw invalid(equation, "it has at least one operand");
  commonDevice("einsum", operands);
  const { inputs, output } = labelsOf(equation, operands);
  const extents = extentsOf(inputs, operands);
  const labelled = inputs.map((labels, i) => expand(operands[i], labels, extents));
  let joined = labelled[0];
  for (const [i, next] of labelled.entries()) {
    const later = labelled.slice(i + 1).flatMap(({ labels }) => labels);
    const kept = new Set([...output, ...later]);
    joined = i === 0 ? reduceTo(joined, kept) : join(joined, next, kept);
  }
  return arrange(joined, output);
}

function invalid(equation: string, why: string): TensorError {
  return new TensorError(
    "ARGUMENT",
    `einsum("${equation}"): ${why}; write letters for axes, commas between operands and -> before the result.`,
  );
}

/** The letters of one operand or of the result; `…0`, `…1` from the right are the axes that broadcast. */
function parse(equation: string, term: string, broadcasting: number): string[] {
  const parts = term.split("…");
  if (parts.length > 2 || /[^A-Za-z…]/.test(term)) throw invalid(equation, `"${term}" is no term`);
  const dots = Array.from({ length: broadcasting }, (_, k) => `…${broadcasting - 1 - k}`);
  return parts.length === 1 ? [...term] : [...parts[0], ...dots, ...parts[1]];
}

function labelsOf(equation: string, operands: readonly Tensor[]) {
  const [left, right, more] = equation.replaceAll(/\s/g, "").replaceAll("...", "…").split("->");
  const terms = left.split(",");
  if (more !== undefined) throw invalid(equation, "it has more than one ->");
  if (terms.length !== operands.length) {
    throw invalid(equation, `it names ${terms.length} operands, and ${operands.length} were given`);
  }
  const broadcasting = terms.map((term, i) => {
    const letters = term.replace("…", "").length;
    const { rank, shape } = operands[i];
    if (term.includes("…") ? rank >= letters : rank === letters) return rank - letters;
    throw new ShapeError(
      `einsum("${equation}"): operand ${i} is ${showShape(shape)} and has ${letters} letters; give one for each axis`,
    );
  });
  const inputs = terms.map((term, i) => parse(equation, term, broadcasting[i]));
  const most = Math.max(...broadcasting);
  const output = right === undefined ? once(inputs, most) : parse(equation, right, most);
  const known = new Set(inputs.flat());
  const wrong = output.find((label, i) => !known.has(label) || output.indexOf(label) !== i);
  if (wrong) throw invalid(equation, `"${wrong}" of the result is twice there or in no operand`);
  return { inputs, output };
}

/** The result's labels where none are given. */
function once(inputs: readonly (readonly string[])[], broadcasting: number): string[] {
  const all = inputs.flat().filter((label) => !label.startsWith("…"));
  const single = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  const dots = Array.from({ length: broadcasting }, (_, k) => `…${broadcasting - 1 - k}`);
  return [...dots, ...single.sort()];
}

function extentsOf(
  inputs: readonly (readonly string[])[],
  operands: readonly Tensor[],
): Map<string, number> {
  const extents = new Map<string, number>();
  for (const [i, labels] of inputs.entries()) {
    for (const [axis, label] of labels.entries()) {
      const [extent, known = 1] = [operands[i].shape[axis], extents.get(label)];
      if (extent !== 1 && known !== 1 && extent !== known) {
        throw new ShapeError(
          `einsum: "${label}" has extent ${known} and, in operand ${i} ${showShape(operands[i].shape)}, ${extent}; they must agree or be 1`,
        );
      }
      extents.set(label, extent === 1 ? known : extent);
    }
  }
  return extents;
}

/** Axes of one label become their diagonal, extents of 1 what the label has elsewhere. */
function expand(
  operand: Tensor,
  given: readonly string[],
  extents: ReadonlyMap<string, number>,
): Labelled {
  let x = broadcastTo(
    operand,
    given.map((label) => extents.get(label)!),
  );
  let labels = given;
  for (const label of new Set(given)) {
    while (labels.indexOf(label) !== labels.lastIndexOf(label)) {
      const [i, j] = [labels.indexOf(label), labels.lastIndexOf(label)];
      const others = labels.map((_, axis) => axis).filter((axis) => axis !== i && axis !== j);
      const n = x.shape[i];
      const rest = others.map((axis) => x.shape[axis]);
      const flat = reshape(permute(x, [...others, i, j]), [...rest, n * n]);
      x = slice(flat, [...rest.map(() => undefined), { step: n + 1 }]);
      labels = [...others.map((axis) => labels[axis]), label];
    }
  }
  return { x, labels };
}

/** Sums over the labels that are not kept. */
function reduceTo({ x, labels }: Labelled, kept: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => (kept.has(label) ? [] : [axis]));
  if (axes.length === 0) return { x, labels };
  return { x: sum(x, { axes }), labels: labels.filter((label) => kept.has(label)) };
}

/** The operand's axes in the order of labels. */
function arrange({ x, labels }: Labelled, order: readonly string[]): Tensor {
  if (order.every((label, axis) => label === labels[axis])) return x;
  return permute(
    x,
    order.map((label) => labels.indexOf(label)),
  );
}

function join(left: Labelled, right: Labelled, kept: ReadonlySet<string>): Labelled {
  const a = reduceTo(left, new Set([...kept, ...right.labels]));
  const b = reduceTo(right, new Set([...kept, ...left.labels]));
  const common = a.labels.filter((label) => b.labels.includes(label));
  const batch = common.filter((label) => kept.has(label));
  const summed = common.filter((label) => !kept.has(label));
  const rows = a.labels.filter((label) => !common.includes(label));
  const columns = b.labels.filter((label) => !common.includes(label));
  const extents = new Map(
    [...a.labels, ...b.labels].map((label, i) => [label, [...a.x.shape, ...b.x.shape][i]]),
  );
  const shapeOf = (labels: readonly string[]) => labels.map((label) => extents.get(label)!);
  const size = (labels: readonly string[]) => shapeOf(labels).reduce((n, m) => n * m, 1);
  const lead = shapeOf(batch);
  const matrix = (x: Labelled, parts: readonly (readonly string[])[]) =>
    reshape(arrange(x, [...batch, ...parts.flat()]), [...lead, ...parts.map(size)]);
  const product =
    summed.length === 0
      ? mul(matrix(a, [rows, []]), matrix(b, [[], columns]))
      : matmul(matrix(a, [rows, summed]), matrix(b, [summed, columns]));
  const labels = [...batch, ...rows, ...columns];
  return { x: reshape(product, shapeOf(labels)), labels };
}
