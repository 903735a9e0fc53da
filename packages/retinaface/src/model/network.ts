import type { MeshBranch } from "@retinaface-webgpu/mesh";
import { concat, type Tensor } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { OptionError } from "../errors.js";
import type { HeadSpec } from "../types.js";
import { type InputStage, type Pyramid, retinaNetArchitecture } from "./architecture.js";
import type { Backbone, BackboneStage } from "./backbones/backbone.js";
import type { ConvolutionClass } from "./blocks.js";
import { firstHeads, isRelative, SECOND } from "./cascade.js";
import { codeOf, type NetworkCode } from "./code.js";
import { FPN, named, SSH } from "./fpn.js";
import { type Head, PointHead } from "./head.js";
import {
  anchorHeads,
  boxHead,
  checkHeadTable,
  decodedHeads,
  meshHead,
  objectnessHead,
  RETINAFACE_HEADS,
  sameHeads,
} from "./heads.js";
import { anchorsPerCellOf, LEVEL_NAMES, type Level, levelsOf, pyramidStages } from "./levels.js";
import { MESH_MAP, meshBranchMaker } from "./mesh-branch.js";
import type { NetworkConfig } from "./network-config.js";
import { backboneEntry, isSeparable, publishedConfig } from "./registry.js";

export type { NetworkConfig, RetinaNetOptions } from "./network-config.js";

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
function checkPyramid(config: NetworkConfig, channels: number | undefined): void {
  const { backbone, extraLevels, retinanet, context = true } = config;
  const { deformable, separable, cascade } = config;
  const isPlain = context && !deformable && !separable && !cascade;
  if (deformable && separable) {
    throw new OptionError(
      "a convolution is either deformable or separable: leave one of deformable and separable out",
    );
  }
  if (retinanet && meshHead(config.heads ?? [])) {
    throw new OptionError("RetinaNet has no branch for meshes: leave it out, or retinanet");
  }
  if (retinanet && !isPlain) {
    throw new OptionError(
      "RetinaNet has no context modules and no cascade: leave context, deformable, separable and cascade out",
    );
  }
  if (backboneEntry(backbone).channels === undefined && !retinanet) {
    if (channels === undefined && !extraLevels && isPlain) return;
    throw new OptionError(
      `heads over ${backbone} read its maps without a pyramid: leave channels, extraLevels, context, deformable, ` +
        "separable and cascade out",
    );
  }
  if (Number.isSafeInteger(channels) && channels! > 0 && channels! % 4 === 0) return;
  throw new OptionError(`a pyramid of ${channels} channels: give channels a multiple of 4`);
}

/**
 * RetinaFace (Deng et al. 2019): backbone, feature pyramid, a context module for each level and the heads, named as in
 * the public PyTorch checkpoints; over the light backbones the heads alone. Or RetinaNet (Lin et al. 2017), whose pyramid
 * has no context modules and whose heads are subnets that all levels share. This is the one definition of a network:
 * compiled inference, training, frozen prefixes and groups of parameters read its `parts()`, `levels` and `headSpecs`.
 */
export class NetworkOnBackbone extends nn.Module {
  readonly body: Backbone;
  /** Absent where the heads read the backbone's maps. */
  readonly fpn: Pyramid | undefined;
  readonly [context: `ssh${number}`]: SSH;
  readonly [cascade: `cascade${number}`]: SSH;
  /**
   * A head of each level: `ClassHead`, `BboxHead`, `LandmarkHead` of the published network. Of RetinaNet one for all.
   */
  readonly [head: `${string}Head`]: readonly Head[] | Head;
  readonly config: Readonly<NetworkConfig & { width: number; anchorsPerCell: readonly number[] }>;
  /** Fine to coarse. */
  readonly levels: readonly Level[];
  /** All rows of the table, that of the branch for meshes among them. */
  readonly headSpecs: readonly HeadSpec[];
  /** Class and box of a cascade's first stage; none without one. */
  readonly firstHeadSpecs: readonly HeadSpec[];
  /** Of context modules and merges, where it is not `Conv2d`. */
  readonly #convolution: ConvolutionClass | undefined;
  readonly #head: NetworkCode["head"];
  readonly #relativeToAnchors: NetworkCode["relativeToAnchors"];
  readonly #withObjectness: NetworkCode["withObjectness"];
  readonly #input: InputStage | undefined;
  readonly #contexts: readonly SSH[];
  /** Of a cascade's second stage. */
  readonly #further: readonly SSH[];
  /** Of each level. */
  readonly #heads: ReadonlyMap<string, readonly Head[]>;
  readonly #mesh: MeshBranch | undefined;
  #parts: readonly NetworkPart[] | undefined;

  /**
   * @param code what it is made of
   * @throws OptionError for a shape that no network can have
   */
  constructor(init: nn.Init, given: NetworkConfig, code: NetworkCode) {
    super();
    const entry = backboneEntry(given.backbone);
    const config = given.retinanet ? retinaNetArchitecture().complete(given) : given;
    const { width = 0.25, channels = entry.channels, extraLevels = 0, retinanet } = config;
    const { context = true, deformable = false, cascade = false } = config;
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
      ...(retinanet && { retinanet }),
      ...(context ? {} : { context }),
      ...(deformable ? { deformable } : {}),
      ...(config.separable === undefined ? {} : { separable: config.separable }),
      ...(cascade ? { cascade } : {}),
    };
    this.headSpecs = heads;
    this.firstHeadSpecs = cascade ? firstHeads(heads) : [];
    this.body = code.create(init, width);
    const separable = isSeparable(config) ? code.separable : undefined;
    this.#convolution = deformable ? code.deformable : separable;
    this.#head = code.head;
    this.#relativeToAnchors = code.relativeToAnchors;
    this.#withObjectness = code.withObjectness;
    const stages = this.body.stages();
    try {
      this.levels = levelsOf(stages, channels, anchorsPerCell, extraLevels);
      if (retinanet) retinaNetArchitecture().check({ ...config, channels }, this.levels);
    } catch (error) {
      this.body.dispose();
      throw error;
    }
    const fed = pyramidStages(stages, this.levels.length - extraLevels);
    const inChannels = fed.map((i) => stages[i].channels);
    this.#input = retinanet && retinaNetArchitecture().input(init);
    this.fpn = this.#makePyramid(init, inChannels, channels);
    const contexts = (wanted: boolean, name: (level: number) => string) =>
      this.fpn instanceof FPN && wanted ? this.#makeContexts(init, channels!, name) : [];
    this.#contexts = contexts(context, LEVEL_NAMES.context);
    this.#further = contexts(context && cascade, LEVEL_NAMES.cascade);
    const all = [...anchorHeads(heads), ...this.firstHeadSpecs];
    this.#heads = new Map(all.map((head) => [head.name, this.#makeHeads(init, head)]));
    this.#mesh = this.#makeMesh(init, meshHead(heads));
  }

  #makeMesh(init: nn.Init, row: HeadSpec | undefined): MeshBranch | undefined {
    if (!row) return undefined;
    const { channels } = this.levels[0];
    const branch = meshBranchMaker()(init, { channels, width: row.width });
    Object.assign(this, { [row.module]: branch });
    return branch;
  }

  #makePyramid(init: nn.Init, inChannels: readonly number[], channels: number | undefined) {
    const { extraLevels = 0, retinanet } = this.config;
    if (channels === undefined) return undefined;
    if (!retinanet) return new FPN(init, inChannels, channels, extraLevels, this.#convolution);
    return retinaNetArchitecture().pyramid(init, inChannels, this.levels, this.config);
  }

  #makeContexts(init: nn.Init, channels: number, name: (level: number) => string): SSH[] {
    const make = () => new SSH(init, channels, channels, this.#convolution);
    return named(this, this.levels.length, name, make);
  }

  /** The heads of one row of the table, which it takes as members. */
  #makeHeads(init: nn.Init, head: HeadSpec): Head[] {
    const { retinanet } = this.config;
    if (retinanet) {
      const shared = retinaNetArchitecture().head(init, this.levels[0], head, this.config);
      Object.assign(this, { [head.module]: shared });
      return this.levels.map(() => shared);
    }
    const own = this.levels.map(({ channels: inChannels, anchors }, i) => {
      const coarsest = i === this.levels.length - 1;
      const place = { coarsest, inChannels, anchors, width: head.width };
      return this.#head?.(init, place) ?? new PointHead(init, place);
    });
    Object.assign(this, { [head.module]: own });
    return own;
  }

  /** As those of the library's own backbones are; what a registered one does is its author's. */
  get isSizeless(): boolean {
    return backboneEntry(this.config.backbone).create === undefined;
  }

  /** What says meshes of the map {@link MESH_MAP}; undefined where the table has no row for it. */
  get mesh(): MeshBranch | undefined {
    return this.#mesh;
  }

  /** Frees all parameters, buffers and gradients. */
  override dispose(): void {
    this.#input?.dispose();
    super.dispose();
    this.#mesh?.dispose();
  }

  /** The forward pass up to the heads, in its order: the backbone's stages, the pyramid, the context modules. */
  parts(): readonly NetworkPart[] {
    this.#parts ??= this.#makeParts();
    return this.#parts;
  }

  #makeParts(): NetworkPart[] {
    const { fpn } = this;
    if (!fpn) return this.#backboneParts();
    const pyramid: NetworkPart = { name: "fpn", modules: [fpn], run: (maps) => fpn.forward(maps) };
    const modules = [...this.#contexts, ...this.#further];
    if (modules.length === 0) return [...this.#backboneParts(), pyramid];
    const run = (maps: readonly Tensor[]) => this.#contextMaps(maps);
    return [...this.#backboneParts(), pyramid, { name: "ssh", modules, run }];
  }

  /** Of each level, then, with a cascade, those of its second stage. */
  #contextMaps(maps: readonly Tensor[]): Tensor[] {
    const first = maps.map((map, i) => this.#contexts[i].forward(map));
    return [...first, ...this.#further.map((context, i) => context.forward(first[i]))];
  }

  /**
   * The heads on the last part's maps. With a cascade also those of its first stage, and those of the second relative to
   * its boxes: `first.conf`, `first.loc`, `second.loc` and so on. With a branch for meshes also {@link MESH_MAP}.
   */
  predict(features: readonly Tensor[]): HeadOutput {
    const last = features.slice(-this.levels.length);
    const of = ({ name }: HeadSpec, maps: readonly Tensor[]) =>
      this.#heads.get(name)!.map((head, i) => head.forward(maps[i]));
    const outputs: Record<string, readonly Tensor[]> = {};
    for (const head of this.firstHeadSpecs) outputs[head.name] = of(head, features);
    const boxes = this.firstHeadSpecs.length > 0 ? outputs[boxHead(this.firstHeadSpecs).name] : [];
    for (const head of anchorHeads(this.headSpecs)) {
      const said = of(head, last);
      const isSecond = boxes.length > 0 && isRelative(head);
      if (isSecond) outputs[`${SECOND}${head.name}`] = said;
      outputs[head.name] = isSecond
        ? said.map((y, i) => this.#relativeToAnchors!(head, boxes[i], y))
        : said;
    }
    if (this.#mesh) outputs[MESH_MAP] = [last[0]];
    return outputs;
  }

  /** The levels of each output joined. */
  join(outputs: HeadOutput): NetworkOutput {
    const joined = Object.entries(outputs).map(([name, levels]): [string, Tensor] => {
      if (name === MESH_MAP) return [name, levels[0]];
      const heads = this.#heads.get(name.replace(SECOND, ""))!;
      return [
        name,
        concat(
          levels.map((y, i) => heads[i].perPrior(y)),
          1,
        ),
      ];
    });
    return Object.fromEntries(joined);
  }

  /** What is decoded of all that `predict` gives: by {@link decodedHeads}, in the class's logits what objectness says. */
  decoded(outputs: HeadOutput): HeadOutput {
    const row = objectnessHead(this.headSpecs);
    const objectness = row && outputs[row.name];
    const said = decodedHeads(this.headSpecs).map(({ name, meaning, width }) => {
      const own = outputs[name];
      if (!objectness || meaning !== "class") return [name, own] as const;
      return [name, own.map((y, i) => this.#withObjectness!(y, objectness[i], width))] as const;
    });
    return Object.fromEntries(said);
  }

  /** What is decoded. @param image `[n, h, w, 3]`, BGR minus the mean (104, 117, 123) */
  heads(image: Tensor): HeadOutput {
    return this.decoded(this.#outputs(image));
  }

  /** What is decoded, and the map of the branch for meshes by the name {@link MESH_MAP}. @param image as `heads` */
  headsAndMap(image: Tensor): HeadOutput {
    const outputs = this.#outputs(image);
    return { ...this.decoded(outputs), [MESH_MAP]: outputs[MESH_MAP] };
  }

  /** All that `predict` gives, with the levels joined. @param image as `heads` */
  override forward(image: Tensor): NetworkOutput {
    return this.join(this.#outputs(image));
  }

  #outputs(image: Tensor): HeadOutput {
    let maps: readonly Tensor[] = [image];
    for (const part of this.parts()) maps = part.run(maps);
    return this.predict(maps);
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
    const input = this.#input;
    return parts.map(({ name, stages }, i) => ({
      name,
      modules: stages.map(([{ module }]) => module),
      run: (maps) => {
        let now = i === 0 && input ? maps.map((image) => input.run(image)) : [...maps];
        for (const [{ module }, keepsLast] of stages) {
          const next = module.forward(now[now.length - 1]);
          now = [...(keepsLast ? now : now.slice(0, -1)), next];
        }
        return now;
      },
    }));
  }
}

/** A network with a backbone of the library's or a registered one. This class carries them all. */
export class RetinaFaceNetwork extends NetworkOnBackbone {
  /** @throws OptionError for a shape that no network can have */
  constructor(init: nn.Init, config: NetworkConfig) {
    super(init, config, codeOf(config));
  }
}
