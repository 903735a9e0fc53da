/**
 * How often to repeat something that has to be tried often, such as damaged files: all of it in Node, a quarter in
 * browsers, where the same code runs on a slower machine.
 */
export const rounds = (inNode: number) =>
  typeof process === "undefined" ? Math.ceil(inNode / 4) : inNode;
