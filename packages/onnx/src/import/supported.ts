import { ONLY_CONSTANT } from "../fold/fold.js";
import { OPERATORS } from "./operators.js";

/** Names of the operators that can be imported, in alphabetical order. */
export function supportedOperators(): string[] {
  return [...new Set([...Object.keys(OPERATORS), ...ONLY_CONSTANT])].sort();
}
