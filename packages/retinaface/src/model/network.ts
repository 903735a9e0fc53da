import { concat, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { OptionError } from "../errors.js";
import type { HeadSpec } from "../types.js";
import type { Backbone, BackboneStage } from "./backbones/backbone.js";
import { FPN, named, SSH } from "./fpn.js";
import { type Head, makeHead } from "./head.js";
import { checkHeadTable, RETINAFACE_HEADS, sameHeads } from "./heads.js";
import { anchorsPerCellOf, LEVEL_NAMES, type Level, levelsOf, pyramidStages } from "./levels.js";
import { type BackboneName, backboneEntry, publishedConfig } from "./registry.js";

/** What determines the network's shape. */
export interface NetworkConfig {
  backbone: BackboneName;
  /** MobileNet's width multiplier; default 0.25. */
  width?: number;
  /** Channels of the pyramid, a multiple of 4; default 64 for MobileNet, 256 for ResNet-50; `slim` and `rfb` have none. */
  channels?: number;
  /**
   * Anchors a cell at each level, fine to coarse; default as published, mostly `[2, 2, 2]`. There are as many levels as numbers: the coarsest
   * of the backbone, one for each stride.
   */
  anchorsPerCell?: readonly number[];
  /** How many of the levels lie beyond the backbone's coarsest map; default 0. */
  extraLevels?: number;
  /** Default {@link RETINAFACE_HEADS}. */
  heads?: readonly HeadSpec[];
}

/**
 * Raw outputs over all priors, levels fine to coarse, row by row: `[n, priors, width]` for each head by its name. Of the
 * published heads `loc` has 4 offsets of a box, `conf` the logits of background and face, `landms` 10 of landmarks.
 */
export type NetworkOutput = Readonly<Record<string, Tensor>>;

/** What each head predicts at each level, NHWC with the priors of a cell side by side, by the heads' names. */
export type HeadOutput = Readonly<Record<string, readonly Tensor[]>>;

/** One part of the forward pass up to the heads: from the feature maps so far to the next ones. */
export interface NetworkPart {
  /** As `--freeze` calls it. */
  readonly name: string;
  readonly modules: readonly nn.Module[];
  /** @param maps of the part before; the first part takes the image alone */
  run(maps: readonly Tensor[]): Tensor[];
}

/** @throws OptionError for a pyramid that cannot be, or where there is none */
function checkPyramid(
  { backbone, extraLevels }: NetworkConfig,
  channels: number | undefined,
): void {
  if (backboneEntry(backbone).channels === undefined) {
    if (channels === undefined && !extraLevels) return;
    throw new OptionError(
      `heads over ${backbone} read its maps without a pyramid: leave channels and extraLevels out`,
    );
  }
  if (Number.isSafeInteger(channels) && channels! > 0 && channels! % 4 === 0) return;
  throw new OptionError(`a pyramid of ${channels} channels: give channels a multiple of 4`);
}

/**
 * RetinaFace (Deng et al. 2019): backbone, feature pyramid, a context module for each level and the heads, named as in
 * the public PyTorch checkpoints; over the light backbones the heads alone. This is the one definition of a network: compiled inference, training, frozen prefixes
 * and groups of parameters read its `parts()`, `levels` and `headSpecs`.
 */
export class RetinaFaceNetwork extends nn.Module {
  readonly body: Backbone;
  /** Absent where the heads read the backbone's maps. */
  readonly fpn: FPN | undefined;
  readonly [context: `ssh${number}`]: SSH;
  /** A head of each level: `ClassHead`, `BboxHead`, `LandmarkHead` of the published network. */
  readonly [head: `${string}Head`]: readonly Head[];
  readonly config: Readonly<NetworkConfig & { width: number; anchorsPerCell: readonly number[] }>;
  /** Fine to coarse. */
  readonly levels: readonly Level[];
  readonly headSpecs: readonly HeadSpec[];
  readonly #contexts: readonly SSH[];
  readonly #heads: ReadonlyMap<string, readonly Head[]>;

  /** @throws OptionError for a shape that no network can have */
  constructor(init: nn.Init, config: NetworkConfig) {
    super();
    const entry = backboneEntry(config.backbone);
    const { width = 0.25, channels = entry.channels, extraLevels = 0 } = config;
    const { anchors } = publishedConfig(config.backbone);
    const anchorsPerCell = config.anchorsPerCell ?? anchorsPerCellOf(anchors);
    const heads = config.heads ?? RETINAFACE_HEADS;
    checkHeadTable(heads);
    checkPyramid(config, channels);
    this.config = {
      backbone: config.backbone,
      width,
      ...(channels === undefined ? {} : { channels }),
      anchorsPerCell,
      ...(extraLevels > 0 ? { extraLevels } : {}),
      ...(sameHeads(heads, RETINAFACE_HEADS) ? {} : { heads }),
    };
    this.headSpecs = heads;
    this.body = entry.create(init, width);
    const stages = this.body.stages();
    try {
      this.levels = levelsOf(stages, channels, anchorsPerCell, extraLevels);
    } catch (error) {
      this.body.dispose();
      throw error;
    }
    const fed = pyramidStages(stages, this.levels.length - extraLevels);
    const inChannels = fed.map((i) => stages[i].channels);
    const neck = channels !== undefined;
    this.fpn = neck ? new FPN(init, inChannels, channels, extraLevels) : undefined;
    this.#contexts = neck
      ? named(
          this,
          this.levels.length,
          LEVEL_NAMES.context,
          () => new SSH(init, channels, channels),
        )
      : [];
    this.#heads = new Map(
      heads.map(({ name, module, width }) => {
        const own = this.levels.map(({ channels: inChannels, anchors }, i) => {
          const place = { coarsest: i === this.levels.length - 1, inChannels, anchors, width };
          return makeHead(init, entry.heads ?? "pointwise", place);
        });
        Object.assign(this, { [module]: own });
        return [name, own];
      }),
    );
  }

  /** The forward pass up to the heads, in its order: the backbone's stages, the pyramid, the context modules. */
  parts(): NetworkPart[] {
    const contexts = this.#contexts;
    const { fpn } = this;
    if (!fpn) return this.#backboneParts();
    return [
      ...this.#backboneParts(),
      { name: "fpn", modules: [fpn], run: (maps) => fpn.forward(maps) },
      {
        name: "ssh",
        modules: contexts,
        run: (maps) => maps.map((map, i) => contexts[i].forward(map)),
      },
    ];
  }

  /** The heads on the last part's maps, one a level. */
  predict(features: readonly Tensor[]): HeadOutput {
    const predicted = [...this.#heads].map(([name, heads]): [string, Tensor[]] => [
      name,
      heads.map((head, i) => head.forward(features[i])),
    ]);
    return Object.fromEntries(predicted);
  }

  /** The levels of each head joined. */
  join(outputs: HeadOutput): NetworkOutput {
    const joined = [...this.#heads].map(([name, heads]): [string, Tensor] => [
      name,
      concat(
        outputs[name].map((y, i) => heads[i].perPrior(y)),
        1,
      ),
    ]);
    return Object.fromEntries(joined);
  }

  /** @param image `[n, h, w, 3]`, BGR minus the mean (104, 117, 123) */
  heads(image: Tensor): HeadOutput {
    let maps: readonly Tensor[] = [image];
    for (const part of this.parts()) maps = part.run(maps);
    return this.predict(maps);
  }

  /** `heads` with the levels joined. @param image as `heads` */
  override forward(image: Tensor): NetworkOutput {
    return this.join(this.heads(image));
  }

  /** Neighbouring stages of one name are one part. A map is handed on while the pyramid still needs it. */
  #backboneParts(): NetworkPart[] {
    const stages = this.body.stages();
    const fed = new Set(pyramidStages(stages, this.levels.length - (this.config.extraLevels ?? 0)));
    const parts: { name: string; stages: [BackboneStage, boolean][] }[] = [];
    for (const [i, stage] of stages.entries()) {
      if (stage.name !== parts.at(-1)?.name) parts.push({ name: stage.name, stages: [] });
      parts[parts.length - 1].stages.push([stage, fed.has(i - 1)]);
    }
    return parts.map(({ name, stages }) => ({
      name,
      modules: stages.map(([{ module }]) => module),
      run: (maps) => {
        let now = [...maps];
        for (const [{ module }, keepsLast] of stages) {
          const next = module.forward(now[now.length - 1]);
          now = [...(keepsLast ? now : now.slice(0, -1)), next];
        }
        return now;
      },
    }));
  }
}
