import { at, build, type NdArray, sizeOf } from "./array.js";

/** Σ over all assignments of indices to letters; no ellipsis. Extents of 1 broadcast. */
export function einsum(equation: string, ...operands: NdArray[]): NdArray {
  const [left, right] = equation.split("->");
  const terms = left.split(",");
  const extents = new Map<string, number>();
  for (const [i, term] of terms.entries()) {
    for (const [axis, letter] of [...term].entries()) {
      extents.set(letter, Math.max(extents.get(letter) ?? 1, operands[i].shape[axis]));
    }
  }
  const summed = [...extents.keys()].filter((letter) => !right.includes(letter));
  const extentsOf = (letters: readonly string[]) => letters.map((letter) => extents.get(letter)!);
  return build(extentsOf([...right]), (index) => {
    let total = 0;
    for (let flat = 0; flat < sizeOf(extentsOf(summed)); flat++) {
      const place = new Map([...right].map((letter, k) => [letter, index[k]]));
      let rest = flat;
      for (const letter of summed) {
        place.set(letter, rest % extents.get(letter)!);
        rest = Math.floor(rest / extents.get(letter)!);
      }
      total += operands.reduce((product, x, i) => {
        const own = [...terms[i]].map((letter, k) => (x.shape[k] === 1 ? 0 : place.get(letter)!));
        return product * at(x, ...own);
      }, 1);
    }
    return total;
  });
}
