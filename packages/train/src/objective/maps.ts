import type { Tensor } from "@retinaface-webgpu/tensor";
import { type NetworkPart, OptionError } from "retinaface-webgpu";

/** Before the names of maps among a network's outputs: `map.stage1.0`. */
export const MAP = "map.";

/** How a part is run. */
type RunPart = (part: NetworkPart, maps: readonly Tensor[]) => readonly Tensor[];

/**
 * Runs parts of a network one after the other.
 *
 * @param wanted names of parts whose maps are told as `map.stage1.0`; what a part only hands on is none of its own
 */
export function runParts(
  parts: readonly NetworkPart[],
  maps: readonly Tensor[],
  wanted: readonly string[],
  run: RunPart = (part, before) => part.run(before),
): { readonly reached: readonly Tensor[]; readonly told: Readonly<Record<string, Tensor>> } {
  let reached = maps;
  const told: Record<string, Tensor> = {};
  for (const part of parts) {
    const before = reached;
    reached = run(part, before);
    if (!wanted.includes(part.name)) continue;
    const own = reached.filter((map) => !before.includes(map));
    for (const [i, map] of own.entries()) told[`${MAP}${part.name}.${i}`] = map;
  }
  return { reached, told };
}

/** @throws OptionError for parts that the network has not */
export function checkWanted(wanted: readonly string[], parts: readonly NetworkPart[]): void {
  const names = parts.map(({ name }) => name);
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new OptionError(`there are no maps of "${unknown}": the parts are ${names.join(", ")}`);
}
