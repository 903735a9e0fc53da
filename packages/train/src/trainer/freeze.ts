import type { nn } from "@retinaface-webgpu/tensor";
import {
  anchorHeads,
  type BackboneName,
  hasPyramid,
  OptionError,
  type RetinaFaceNetwork,
  STAGE_NAMES,
  stageNames,
} from "retinaface-webgpu";

/** Parts that are not the backbone's. */
const NECK = ["fpn", "ssh"] as const;

/** What finds faces, which a network with a branch for meshes can keep as it is while the branch trains. */
export const HEADS = "heads";

/**
 * Parts of the network in the order of the forward pass; the heads come after them, and train unless {@link HEADS} is
 * frozen too.
 * `stem` is the first convolution, `stage1` ends at stride 8, `stage2` at 16, `stage3` at 32. A backbone of other stages
 * has theirs: see `RetinaFaceNetwork.parts`.
 */
export const PARTS = [...STAGE_NAMES, ...NECK] as const;

export type Part = (typeof PARTS)[number];

/** Names of the parts of networks over a backbone. @param retinanet RetinaNet's have no context modules */
export function partNames(backbone: BackboneName, retinanet = false): string[] {
  if (retinanet) return [...stageNames(backbone), NECK[0]];
  return [...stageNames(backbone), ...(hasPyramid(backbone) ? NECK : [])];
}

/**
 * Parts to freeze, from a list such as `stem,stage1` with `backbone`, `none` and `all` (all but the
 * heads) as short names; `heads` besides.
 * @param parts that the network has, in their order
 * @throws {OptionError} for a name that is none of them.
 */
export function parseFreeze(text: string): Part[];
export function parseFreeze(text: string, parts: readonly string[]): string[];
export function parseFreeze(text: string, parts: readonly string[] = PARTS): string[] {
  const frozen = new Set<string>();
  for (const name of text.split(",").map((part) => part.trim())) {
    if (name === "all") for (const part of parts) frozen.add(part);
    else if (name === "backbone") {
      for (const part of parts) if (!(NECK as readonly string[]).includes(part)) frozen.add(part);
    } else if (name === HEADS || parts.includes(name)) frozen.add(name);
    else if (name !== "none") {
      throw new OptionError(
        `cannot freeze "${name}": give a list of ${parts.join(", ")}, ${HEADS}, backbone, all or none`,
      );
    }
  }
  return [...parts, HEADS].filter((part) => frozen.has(part));
}

/** Names of a network's parts, in the order of the forward pass. */
export function partsOf(network: RetinaFaceNetwork): string[] {
  return network.parts().map(({ name }) => name);
}

/** The modules that make up each part. */
export function modulesOf(network: RetinaFaceNetwork): Record<string, readonly nn.Module[]> {
  return Object.fromEntries(network.parts().map(({ name, modules }) => [name, modules]));
}

/**
 * Prepares a network for training: frozen parts need no gradient and their batch norm stays in inference
 * mode; with `fixedNorm` batch norm stays so everywhere, while its scale and shift still train.
 * @throws {OptionError} for a part that the network does not have, and where nothing is left to train
 */
export function applyFreeze(
  network: RetinaFaceNetwork,
  frozen: readonly string[],
  fixedNorm: boolean,
): void {
  parseFreeze(["none", ...frozen].join(), partsOf(network));
  network.train(!fixedNorm).requiresGrad(true);
  for (const { name, modules } of network.parts()) {
    if (!frozen.includes(name)) continue;
    for (const module of modules) module.eval().requiresGrad(false);
  }
  if (frozen.includes(HEADS)) freezeHeads(network);
}

function freezeHeads(network: RetinaFaceNetwork): void {
  if (!network.mesh) {
    throw new OptionError(
      `"${HEADS}" may be frozen while a branch for meshes trains, and the network has none: add it by --mesh`,
    );
  }
  const specs = [...anchorHeads(network.headSpecs), ...network.firstHeadSpecs];
  const names = specs.map(({ module }): string => module);
  for (const [path, module] of network.namedModules()) {
    if (names.includes(path.split(".")[0])) module.eval().requiresGrad(false);
  }
}

/** How many parts at the start of the forward pass are frozen: they need no backward at all. */
export function frozenDepth(frozen: readonly string[], parts: readonly string[] = PARTS): number {
  const first = parts.findIndex((part) => !frozen.includes(part));
  return first === -1 ? parts.length : first;
}
