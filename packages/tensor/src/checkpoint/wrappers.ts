/** What wrappers put before all names: torch.nn.DataParallel, torch.compile, and training programs. */
const PREFIXES = ["module.", "_orig_mod.", "model."] as const;
/** torch.compile of a part of the network. */
const COMPILED_PART = /(?<=\.)_orig_mod\./g;

/** Takes off wrappers' prefixes that all names share, and `_orig_mod.` wherever it stands. */
export function stripWrappers<T>(tensors: Map<string, T>): Map<string, T> {
  let stripped = tensors;
  for (let prefix = sharedPrefix(stripped); prefix; prefix = sharedPrefix(stripped)) {
    const { length } = prefix;
    stripped = new Map([...stripped].map(([name, tensor]) => [name.slice(length), tensor]));
  }
  const plain = new Map([...stripped].map(([name, t]) => [name.replace(COMPILED_PART, ""), t]));
  return plain.size === stripped.size ? plain : stripped;
}

function sharedPrefix(tensors: ReadonlyMap<string, unknown>): string | undefined {
  const names = [...tensors.keys()];
  if (names.length === 0) return undefined;
  return PREFIXES.find((prefix) =>
    names.every((name) => name.startsWith(prefix) && name.length > prefix.length),
  );
}
