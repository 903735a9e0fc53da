import type { HeadSpec } from "../types.js";
import type { BackboneName } from "./registry.js";
import type { P6Source } from "./retinanet/pyramid.js";

/** What a RetinaNet may be made with. */
export interface RetinaNetOptions {
  /** Default `C5`, as the paper and torchvision's second version; its first has `P5`. */
  readonly p6?: P6Source;
  /** GroupNorm of 32 groups in the subnets, as torchvision's second version; default false. */
  readonly groupNorm?: boolean;
}

/** What determines the network's shape. */
export interface NetworkConfig {
  backbone: BackboneName;
  /** MobileNet's width multiplier; default 0.25. */
  width?: number;
  /**
   * Channels of the pyramid, a multiple of 4; default 64 for MobileNet and ResNet-18, 256 for ResNet-50, 32 for `light`;
   * `slim` and `rfb` have none.
   */
  channels?: number;
  /**
   * Anchors a cell at each level, fine to coarse; default as published, mostly `[2, 2, 2]`. There are as many levels as
   * numbers: the coarsest of the backbone, one for each stride.
   */
  anchorsPerCell?: readonly number[];
  /** How many of the levels lie beyond the backbone's coarsest map; default 0, of RetinaNet 2. */
  extraLevels?: number;
  /** Default those published with the network. */
  heads?: readonly HeadSpec[];
  /** Whether each level of RetinaFace's pyramid has a context module; default true. */
  context?: boolean;
  /** Whether context modules and the pyramid's merges are deformable convolutions; default false. */
  deformable?: boolean;
  /**
   * Whether they are depthwise convolutions and pointwise ones in turn instead, which takes a fifth of the multiply-adds;
   * default as published with the backbone: over `light` they are.
   */
  separable?: boolean;
  /**
   * Whether heads of a second stage, behind context modules of their own, begin from the boxes that those of a first stage
   * regressed; default false. Outputs of the heads' names are then of both stages as one, relative to the anchors.
   */
  cascade?: boolean;
  /** RetinaNet's pyramid and shared subnets instead of RetinaFace's; absent: RetinaFace. */
  retinanet?: RetinaNetOptions;
}
