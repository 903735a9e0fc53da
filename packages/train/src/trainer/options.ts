import type { optim, StateDict } from "@retinaface-webgpu/tensor";
import type { DetectorConfig, RetinaFaceNetwork } from "retinaface-webgpu";
import type { MatchOptions } from "../objective/assign.js";
import type { LossOptions } from "../objective/multibox.js";
import type { Objective } from "../objective/objective.js";

/** In what a network's activations and their gradients are stored. */
export const PRECISIONS = ["f32", "mixed"] as const;
export type Precision = (typeof PRECISIONS)[number];

type Parameters = ReturnType<RetinaFaceNetwork["parameters"]>;

/** How a {@link Trainer} trains. */
export interface TrainerOptions {
  /** Anchors and variances of the network. */
  readonly config: DetectorConfig;
  /** Parts that do not train: see {@link parseFreeze}. */
  readonly frozen: readonly string[];
  /** Keep batch norm in inference mode everywhere, for batches too small to tell a mean. */
  readonly fixedNorm: boolean;
  /** Keep only what each part of the network gives and compute the rest anew in the backward pass. Default false. */
  readonly recompute?: boolean | undefined;
  /**
   * `mixed` stores activations and their gradients as f16 and scales the loss; weights, sums, statistics and losses stay f32.
   * Needs WebGPU with `shader-f16`. Default `f32`.
   */
  readonly precision?: Precision | undefined;
  /** How the loss is scaled with mixed precision; by default as PyTorch does. */
  readonly lossScaling?: optim.GradScalerOptions | undefined;
  readonly match: MatchOptions;
  /**
   * How far anchors follow the faces of each batch, of all the way: see {@link refineAnchors}. Absent: they stay. The
   * trainer's `config` has them as they are, and so must what is stored with the weights.
   */
  readonly refineAnchors?: number | undefined;
  readonly loss: LossOptions;
  /** Another objective than labelled faces; `match` and `loss` then count nothing. */
  readonly objective?: Objective | undefined;
  readonly optimizer: (
    parameters: Parameters,
    network: RetinaFaceNetwork,
  ) => optim.Optimizer<optim.GroupOptions>;
  readonly schedule: optim.Schedule;
  /** Largest norm of all gradients together; absent: no clipping. */
  readonly clip?: number | undefined;
  /** Decay of the averaged weights; absent: no average. */
  readonly ema?: number | undefined;
  /** Steps whose losses are kept on the GPU before they must be read. Default 10. */
  readonly readEvery?: number | undefined;
  /** Number of the first step, where earlier ones made the network's weights; default 0. */
  readonly firstStep?: number | undefined;
  /** Record whole steps once and replay them, where the objective can; else each is recorded anew. Default true. */
  readonly compiled?: boolean | undefined;
  /**
   * Hears, once each, why steps are not compiled although they should be, and where batch norm has statistics of hardly any
   * values; default `console.warn`.
   */
  readonly onNotice?: ((text: string) => void) | undefined;
}

/** All that a training run needs to go on as if it had never stopped, on the host. */
export interface TrainerState {
  /** Steps done. */
  readonly step: number;
  readonly network: StateDict;
  readonly optimizer: optim.OptimizerState;
  /** Sizes of anchors that follow the faces, by level. */
  readonly anchors?: readonly (readonly number[])[];
  readonly average?: { readonly updates: number; readonly weights: StateDict };
  /** Of a run with mixed precision. */
  readonly scaler?: optim.GradScalerState;
}
