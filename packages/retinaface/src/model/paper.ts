import { type AnchorConfig, DEFAULT_CONFIG, type DetectorConfig } from "../types.js";
import type { NetworkConfig } from "./network.js";
import type { BackboneName } from "./registry.js";

/** Strides of P2 to P6. */
const STEPS = [4, 8, 16, 32, 64];
/** Anchors a cell, a third of an octave apart. */
const SIZES = 3;
/** Of the smallest, in strides. */
const SCALE = 4;

/** The paper's anchors (Deng et al. 2020, table 1): 16 to 406 pixels, three a cell, square; 102,300 at 640×640. */
export const PAPER_ANCHORS: AnchorConfig = {
  minSizes: STEPS.map((step) =>
    Array.from({ length: SIZES }, (_, k) => step * SCALE * 2 ** (k / SIZES)),
  ),
  steps: STEPS,
  ratios: [1],
  clip: false,
};

/** What the paper's network has that the published PyTorch one has not; each part can be left out. */
export const PAPER_PARTS = { extraLevels: 1, deformable: true, cascade: true } as const;

/**
 * The network of RetinaFace's paper over a backbone (Deng et al. 2020): levels P2 to P6, the last by a 3×3 convolution of
 * stride 2 from the backbone's coarsest map; deformable convolutions in context modules and merges; two stages.
 *
 *     const { network, config } = paperNetwork("resnet50", { cascade: false });
 *
 * @param others what is otherwise: `{ deformable: false }`
 */
export function paperNetwork(
  backbone: BackboneName,
  others: Partial<NetworkConfig> = {},
): { readonly network: NetworkConfig; readonly config: DetectorConfig } {
  const anchorsPerCell = STEPS.map(() => SIZES);
  return {
    network: { backbone, anchorsPerCell, ...PAPER_PARTS, ...others },
    config: { ...DEFAULT_CONFIG, anchors: PAPER_ANCHORS },
  };
}
