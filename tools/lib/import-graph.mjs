// What imports what: module names in a file's text, and circles among files.
import path from "node:path";

/** Module names in static imports, re-exports, dynamic imports and import types; types count as values do. */
export function importsOf(text) {
  const code = withoutComments(text);
  const statement = /^[ \t]*(?:import|export)\b(?:[^"'`;=()]*?\bfrom)?\s*["']([^"'\n]+)["']/gm;
  const call = /\b(?:import|require)\(\s*["']([^"'\n]+)["']/g;
  return [...code.matchAll(statement), ...code.matchAll(call)].map((match) => match[1]);
}

/** Drops comments that start a line: enough for formatted code, and strings stay whole. */
export function withoutComments(text) {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, "").replace(/^[ \t]*\/\/.*$/gm, "");
}

/** A relative import as the source file that it names: compiled names end in .js where sources end in .ts. */
export function sourceOf(file, specifier) {
  return path.resolve(path.dirname(file), specifier).replace(/\.js$/, ".ts");
}

/**
 * Circles of files that import each other, over however many steps: the strongly connected components of more than one
 * file (Tarjan 1972), and files that import themselves.
 *
 * @param {ReadonlyMap<string, readonly string[]>} imports what each file imports; files that are no keys are passed over
 * @returns {string[][]} each circle's files in the order of the keys
 */
export function circlesOf(imports) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const circles = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const next of imports.get(file)) {
      if (!imports.has(next)) continue;
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file), low.get(next)));
    }
    if (low.get(file) !== index.get(file)) return;
    const members = stack.splice(stack.indexOf(file));
    if (members.length > 1 || imports.get(file).includes(file)) circles.push(members);
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  const order = [...imports.keys()];
  return circles.map((files) => files.sort((a, b) => order.indexOf(a) - order.indexOf(b)));
}
