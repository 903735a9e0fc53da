import type { StateDict, Tensor } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import { OptionError } from "../errors.js";
import type { DetectorConfig, HeadSpec } from "../types.js";
import type { Head } from "./head.js";
import type { Level } from "./levels.js";
import type { NetworkConfig } from "./network-config.js";
import type { BackboneName } from "./registry.js";

/** What stands before a network's body and is no part of its state. */
export interface InputStage {
  run(image: Tensor): Tensor;
  dispose(): void;
}

/** The maps of a backbone made into those of a pyramid. */
export interface Pyramid extends nn.Module {
  forward(maps: readonly Tensor[]): Tensor[];
}

/** How networks are built that are not RetinaFace's. */
export interface Architecture {
  /** A configuration with what it leaves open. */
  complete(config: NetworkConfig): NetworkConfig;
  /** @throws OptionError for a shape that it cannot have */
  check(config: NetworkConfig, levels: readonly Level[]): void;
  input(init: nn.Init): InputStage;
  /** @param inChannels of the backbone's maps */
  pyramid(
    init: nn.Init,
    inChannels: readonly number[],
    levels: readonly Level[],
    config: NetworkConfig,
  ): Pyramid;
  /** A head that all levels share. */
  head(init: nn.Init, level: Level, head: HeadSpec, config: NetworkConfig): Head;
  /** The shape of a checkpoint's network. @throws RetinaFaceError `CHECKPOINT_UNKNOWN` */
  infer(state: StateDict, backbone: BackboneName, table: readonly HeadSpec[]): NetworkConfig;
  /** What published checkpoints were trained with. */
  published(state: StateDict): DetectorConfig;
}

let retinaNet: Architecture | undefined;

/** Makes an architecture known; RetinaNet is the only one yet. */
export function registerArchitecture(architecture: Architecture): void {
  retinaNet = architecture;
}

/**
 * RetinaNet's code, which programs that only find faces go without.
 * @throws OptionError where it was not loaded
 */
export function retinaNetArchitecture(): Architecture {
  if (retinaNet) return retinaNet;
  throw new OptionError(
    "RetinaNet's code is not loaded: call registerRetinaNet() first, or load the weights by Detector.load or RetinaFace.load",
  );
}
