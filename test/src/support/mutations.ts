import fc from "fast-check";
import { concatBytes, littleEndian } from "./bytes.js";

/** One way to damage a file, at a place that is a share of its length. */
type Damage = (bytes: Uint8Array, at: number) => Uint8Array;

/** A share of a file's length, all alike: fast-check's doubles crowd near zero. */
const share = fc.noBias(fc.nat(2 ** 30)).map((n) => n / 2 ** 30);

const EXTREMES = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff];

const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.nat(7).map(
    (bit): Damage =>
      (bytes, at) =>
        overwrite(bytes, at, [bytes[at] ^ (1 << bit)]),
  ),
  fc.nat(255).map(
    (value): Damage =>
      (bytes, at) =>
        overwrite(bytes, at, [value]),
  ),
  fc.constantFrom(...EXTREMES).map(
    (value): Damage =>
      (bytes, at) =>
        overwrite(bytes, at, littleEndian(value, 4)),
  ),
  fc.constantFrom(...EXTREMES).map(
    (value): Damage =>
      (bytes, at) =>
        overwrite(bytes, at, littleEndian(BigInt(value) << 32n, 8)),
  ),
  fc.nat(40).map(
    (n): Damage =>
      (bytes, at) =>
        splice(bytes, at, at + n, []),
  ),
  fc.nat(40).map(
    (n): Damage =>
      (bytes, at) =>
        splice(bytes, at, at, bytes.subarray(at, at + n)),
  ),
  fc.uint8Array({ maxLength: 12 }).map(
    (more): Damage =>
      (bytes, at) =>
        splice(bytes, at, at, more),
  ),
  fc.tuple(share, fc.nat(30)).map(
    ([from, n]): Damage =>
      (bytes, at) => {
        const start = place(bytes, from);
        return overwrite(bytes, at, bytes.slice(start, start + n));
      },
  ),
);

const cut: fc.Arbitrary<Damage> = fc.constant((bytes, at) => bytes.slice(0, at));

function place(bytes: Uint8Array, where: number): number {
  return Math.min(bytes.length - 1, Math.floor(where * bytes.length));
}

function splice(bytes: Uint8Array, from: number, to: number, middle: ArrayLike<number>) {
  return concatBytes([bytes.subarray(0, from), Uint8Array.from(middle), bytes.subarray(to)]);
}

function overwrite(bytes: Uint8Array, at: number, values: ArrayLike<number>): Uint8Array {
  return splice(bytes, at, at + values.length, values);
}

/** A reproducible way to damage any file in one to four places. */
export const mutations: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .array(
    fc.tuple(share, fc.oneof({ weight: 20, arbitrary: damages }, { weight: 1, arbitrary: cut })),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) => (bytes: Uint8Array) => {
    let result = bytes;
    for (const [where, damage] of list) {
      if (result.length > 0) result = damage(result, place(result, where));
    }
    return result;
  });
