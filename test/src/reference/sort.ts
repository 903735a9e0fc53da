import { at, build, type NdArray, sizeOf } from "./array.js";

/** Before −∞ … ∞ nothing, behind them NaN. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The first `take` of each sorted line along `axis`: values and where they stood. */
export function sort(x: NdArray, axis: number, descending: boolean, take = x.shape[axis]) {
  const shape = x.shape.map((n, k) => (k === axis ? take : n));
  const sign = descending ? -1 : 1;
  const orders = new Map<string, number[]>();
  const orderOf = (index: readonly number[]): number[] => {
    const key = index.filter((_, k) => k !== axis).join();
    const known = orders.get(key);
    if (known) return known;
    const line = Array.from({ length: x.shape[axis] }, (_, i) => at(x, ...moved(index, axis, i)));
    const order = [...line.keys()].sort((i, j) => sign * compare(line[i], line[j]) || i - j);
    orders.set(key, order);
    return order;
  };
  const positions = sizeOf(shape)
    ? build(shape, (i) => orderOf(i)[i[axis]])
    : build(shape, () => 0);
  const values = build(shape, (i) => at(x, ...moved(i, axis, at(positions, ...i))));
  return { values, positions };
}

function moved(index: readonly number[], axis: number, to: number): number[] {
  return index.map((i, k) => (k === axis ? to : i));
}
