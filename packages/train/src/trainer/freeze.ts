import type { nn } from "@retinaface-webgpu/tensor";
import { MobileNetV1, OptionError, ResNet50, type RetinaFaceNetwork } from "retinaface-webgpu";

/**
 * Parts of the network in the order of the forward pass; the heads come after them and always train.
 * `stem` is the first convolution, `stage1` ends at stride 8, `stage2` at 16, `stage3` at 32.
 */
export const PARTS = ["stem", "stage1", "stage2", "stage3", "fpn", "ssh"] as const;

export type Part = (typeof PARTS)[number];

const BACKBONE: readonly Part[] = ["stem", "stage1", "stage2", "stage3"];

/**
 * Parts to freeze, from a list such as `stem,stage1` with `backbone`, `none` and `all` (all but the
 * heads) as short names.
 * @throws {OptionError} for a name that is none of them.
 */
export function parseFreeze(text: string): Part[] {
  const frozen = new Set<Part>();
  for (const name of text.split(",").map((part) => part.trim())) {
    if (name === "backbone") for (const part of BACKBONE) frozen.add(part);
    else if (name === "all") for (const part of PARTS) frozen.add(part);
    else if ((PARTS as readonly string[]).includes(name)) frozen.add(name as Part);
    else if (name !== "none") {
      throw new OptionError(
        `cannot freeze "${name}": give a list of ${PARTS.join(", ")}, backbone, all or none`,
      );
    }
  }
  return PARTS.filter((part) => frozen.has(part));
}

/** The modules that make up each part. */
export function modulesOf(network: RetinaFaceNetwork): Record<Part, readonly nn.Module[]> {
  return {
    ...backboneModules(network),
    fpn: [network.fpn],
    ssh: [network.ssh1, network.ssh2, network.ssh3],
  };
}

function backboneModules({ body }: RetinaFaceNetwork) {
  if (body instanceof MobileNetV1) {
    const [stem, ...stage1] = Array.from({ length: body.stage1.length }, (_, i) => body.stage1[i]);
    return { stem: [stem], stage1, stage2: [body.stage2], stage3: [body.stage3] };
  }
  if (body instanceof ResNet50) {
    const stem = [body.conv1, body.bn1];
    return {
      stem,
      stage1: [body.layer1, body.layer2],
      stage2: [body.layer3],
      stage3: [body.layer4],
    };
  }
  throw new OptionError("only MobileNet and ResNet-50 backbones can be trained");
}

/**
 * Prepares a network for training: frozen parts need no gradient and their batch norm stays in inference
 * mode; with `fixedNorm` batch norm stays so everywhere, while its scale and shift still train.
 */
export function applyFreeze(
  network: RetinaFaceNetwork,
  frozen: readonly Part[],
  fixedNorm: boolean,
): void {
  network.train(!fixedNorm).requiresGrad(true);
  const modules = modulesOf(network);
  for (const part of frozen) {
    for (const module of modules[part]) module.eval().requiresGrad(false);
  }
}

/** How many parts at the start of the forward pass are frozen: they need no backward at all. */
export function frozenDepth(frozen: readonly Part[]): number {
  const first = PARTS.findIndex((part) => !frozen.includes(part));
  return first === -1 ? PARTS.length : first;
}
