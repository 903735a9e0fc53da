/** Checks of arguments, for programs without types: a wrong one is an error that says what was expected. */
import { TensorError } from "./errors.js";

/** What a value is, for a message. */
export function describe(value: unknown): string {
  if (value === null || typeof value === "undefined") return String(value);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return `an object of ${value.constructor?.name ?? "no class"}`;
  if (typeof value === "function") return "a function";
  return `the ${typeof value} ${String(value)}`;
}

/** @throws TensorError `ARGUMENT` unless `options` is a plain object with no other names than the known ones. */
export function requireOptions(what: string, options: object, known: readonly string[]): void {
  const names = known.join(", ");
  const proto = options !== null && typeof options === "object" && Object.getPrototypeOf(options);
  if (proto !== Object.prototype && proto !== null) {
    throw new TensorError(
      "ARGUMENT",
      `${what} takes its options as an object ({ ${names} }), not ${describe(options)}.`,
    );
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new TensorError("ARGUMENT", `${what} has no option "${unknown}"; it takes ${names}.`);
  }
}

/** @throws TensorError `ARGUMENT` unless `list` is an array (of anything). */
export function requireList(what: string, list: unknown, of: string): void {
  if (Array.isArray(list) || ArrayBuffer.isView(list)) return;
  throw new TensorError("ARGUMENT", `${what} takes an array of ${of}, not ${describe(list)}.`);
}

/** @throws TensorError `ARGUMENT` unless all numbers are integers of at least `low`. */
export function requireIntegers(what: string, numbers: readonly number[], low: number): void {
  const list: readonly unknown[] = Array.isArray(numbers) ? numbers : [numbers];
  const at = list.findIndex((n) => !Number.isInteger(n) || (n as number) < low);
  if (at < 0) return;
  const wrong = list[at];
  throw new TensorError(
    "ARGUMENT",
    `${what} takes integers of at least ${low}, not ${describe(wrong)}.`,
  );
}
