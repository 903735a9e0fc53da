/** Index just past the string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let i = start + 1;
  while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return i + 1;
}

/**
 * The first key that an object of the text names twice, at any depth; `JSON.parse` keeps the last
 * silently.
 *
 * @param json must be valid JSON
 */
export function findDuplicateKey(json: string): string | undefined {
  const scopes: (Set<string> | undefined)[] = [];
  let expectKey = false;
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === "{" || character === "[") {
      expectKey = character === "{";
      scopes.push(expectKey ? new Set() : undefined);
    } else if (character === "}" || character === "]") {
      scopes.pop();
    } else if (character === ",") {
      expectKey = scopes.at(-1) !== undefined;
    } else if (character === '"') {
      const end = stringEnd(json, i);
      const keys = expectKey ? scopes.at(-1) : undefined;
      if (keys) {
        const key = JSON.parse(json.slice(i, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      expectKey = false;
      i = end - 1;
    }
  }
  return undefined;
}
