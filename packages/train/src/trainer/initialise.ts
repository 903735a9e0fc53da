import {
  type Device,
  type HostTensor,
  nn,
  type StateDict,
  toFloat32,
} from "@retinaface-webgpu/tensor";
import {
  type AnchorConfig,
  anchorShapes,
  anchorsPerCellOf,
  checkAnchorsFit,
  classHead,
  type DetectorConfig,
  type HeadSpec,
  headConvolution,
  inferNetwork,
  matchStateDict,
  type NetworkConfig,
  OptionError,
  objectnessHead,
  publishedConfig,
  RETINAFACE_HEADS,
  RetinaFaceNetwork,
  registerRetinaNet,
} from "retinaface-webgpu";
import { registerMesh } from "retinaface-webgpu/mesh";

import { type BackboneWeights, loadBackbone } from "./backbone-alone.js";

/** Weights to start from, and the anchors they were trained with. */
export interface Pretrained {
  readonly state: StateDict;
  /** Default: the published anchors. */
  readonly config?: DetectorConfig;
}

/** What a new network starts as. */
export interface InitialiseOptions {
  /** Anchors and variances that it is to have. */
  readonly config: DetectorConfig;
  /** Its shape, without weights; `anchorsPerCell` follows from the anchors. */
  readonly network?: NetworkConfig | undefined;
  /** Continue from these weights; their shape is then the network's. */
  readonly pretrained?: Pretrained | undefined;
  /** Start with this backbone, everything else with random weights. */
  readonly backbone?: BackboneWeights | undefined;
  /** Of the initial weights that no checkpoint gives. */
  readonly seed: number;
}

/** For each anchor the index of the old one that is closest in size and shape. */
function closestAnchors(anchors: AnchorConfig, before: AnchorConfig, level: number): number[] {
  const old = anchorShapes(before, level);
  return anchorShapes(anchors, level).map(({ side, ratio }) => {
    const distances = old.map(
      (o) => Math.abs(Math.log(side / o.side)) + Math.abs(Math.log(ratio / o.ratio)) / 2,
    );
    return distances.indexOf(Math.min(...distances));
  });
}

/** The channels of a head's weight or bias, `width` for each anchor, taken from the chosen anchors. */
function takeAnchors(tensor: HostTensor, width: number, chosen: readonly number[]): HostTensor {
  const [outputs, ...rest] = tensor.shape;
  const block = (tensor.data.length / outputs) * width;
  const from = toFloat32(tensor);
  const data = new Float32Array(chosen.length * block);
  for (const [i, anchor] of chosen.entries()) {
    data.set(from.subarray(anchor * block, (anchor + 1) * block), i * block);
  }
  return { dtype: "f32", shape: [chosen.length * width, ...rest], data };
}

/**
 * A checkpoint's heads for other anchors: each new anchor starts with the predictions of the old anchor of
 * its level that is closest to it.
 */
export function adaptHeads(
  state: StateDict,
  before: AnchorConfig,
  after: AnchorConfig,
  heads: readonly HeadSpec[] = RETINAFACE_HEADS,
): StateDict {
  const adapted: StateDict = new Map(state);
  for (let level = 0; level < after.steps.length; level++) {
    const chosen = closestAnchors(after, before, level);
    const count = anchorShapes(before, level).length;
    for (const { module, width } of heads) {
      const convolution = headConvolution(state, module, level);
      for (const part of ["weight", "bias"]) {
        const key = `${convolution}.${part}`;
        const tensor = state.get(key);
        if (!tensor) continue;
        if (tensor.shape[0] !== count * width) {
          throw new OptionError(
            `the weights have ${tensor.shape[0] / width} anchors a cell at level ${level}, their ` +
              `configuration ${count}: give the configuration they were trained with`,
          );
        }
        adapted.set(key, takeAnchors(tensor, width, chosen));
      }
    }
  }
  return adapted;
}

/** What tells classes apart: the heads, and names where there are any. */
interface ClassTable {
  readonly heads: readonly HeadSpec[];
  readonly classes?: readonly string[] | undefined;
}

/**
 * A checkpoint's class head for other classes. The background stays as it is; a class that the checkpoint names stays,
 * and every other starts as the mean of the checkpoint's: as what it says of any face.
 */
export function adaptClasses(
  state: StateDict,
  before: ClassTable,
  after: ClassTable,
  levels: number,
): StateDict {
  const { module, width: old } = classHead(before.heads);
  const { width } = classHead(after.heads);
  const { classes = Array.from({ length: width - 1 }, String) } = after;
  if (old === width && (before.classes ?? classes).join() === classes.join()) return state;
  const named = classes.map((name) => before.classes?.indexOf(name) ?? -1);
  const adapted: StateDict = new Map(state);
  for (const key of [`${module}.cls_logits.weight`, `${module}.cls_logits.bias`]) {
    const tensor = state.get(key);
    if (tensor) adapted.set(key, takeClasses(tensor, { classes: old - 1, before: 0 }, named));
  }
  for (let level = 0; level < levels; level++) {
    const convolution = headConvolution(state, module, level);
    for (const key of [`${convolution}.weight`, `${convolution}.bias`]) {
      const tensor = state.get(key);
      if (tensor) adapted.set(key, takeClasses(tensor, { classes: old - 1, before: 1 }, named));
    }
  }
  return adapted;
}

/**
 * Rows of a class head's convolution for each anchor: the background's, where `before` says that there is one, then
 * classes by index, or their mean for −1.
 */
function takeClasses(
  tensor: HostTensor,
  { classes: told, before }: { readonly classes: number; readonly before: 0 | 1 },
  classes: readonly number[],
): HostTensor {
  const old = told + before;
  const [outputs, ...rest] = tensor.shape;
  const block = tensor.data.length / outputs;
  const from = toFloat32(tensor);
  const rows = Array.from({ length: outputs / old }, (_, anchor) => {
    const row = (n: number) =>
      from.subarray((anchor * old + n) * block, (anchor * old + n + 1) * block);
    const faces = Array.from({ length: told }, (_, c) => row(c + before));
    const mean = faces[0].map(
      (_, i) => faces.reduce((sum, face) => sum + face[i], 0) / faces.length,
    );
    return [...(before ? [row(0)] : []), ...classes.map((c) => (c === -1 ? mean : faces[c]))];
  }).flat();
  const data = new Float32Array(rows.length * block);
  for (const [i, row] of rows.entries()) data.set(row, i * block);
  return { dtype: "f32", shape: [rows.length, ...rest], data };
}

/** What stands first in a checkpoint's names: `body`, `fpn`, `ssh1`, and a head, with its level where it has one. */
const UNIT = /^[a-z]+\d*$|^[A-Za-z]\w*Head(?:\.\d+)?$/;

/**
 * Fills a network from a checkpoint. Heads that the checkpoint does not have stay as they are, and those that the
 * network does not have are left out: a network may gain and lose heads in fine-tuning.
 */
function loadPretrained(
  network: RetinaFaceNetwork,
  state: StateDict,
  before: readonly HeadSpec[],
): void {
  const own = [...network.headSpecs, ...network.firstHeadSpecs].map(({ module }) => module);
  const given = [...state.keys()].map((name) => name.split(".")[0]);
  const fresh = own.filter((module) => !given.includes(module));
  const lost = before.map(({ module }) => module).filter((module) => !own.includes(module));
  const isOf = (name: string, heads: readonly string[]) => heads.includes(name.split(".")[0]);
  const wanted = [...network.stateShapes()].filter(([name]) => !isOf(name, fresh));
  const kept = [...state].filter(([name]) => !isOf(name, lost));
  const matched = matchStateDict(new Map(wanted), new Map(kept));
  for (const [path, module] of network.namedModules()) {
    if (!UNIT.test(path) || isOf(path, fresh)) continue;
    const part = [...matched].filter(([name]) => name.startsWith(`${path}.`));
    const inside = part.map(([name, tensor]) => [name.slice(path.length + 1), tensor] as const);
    module.loadStateDict(new Map(inside), { strict: false });
  }
}

/** Probability that objectness begins with everywhere, so that background does not flood the first steps. */
const PRIOR = 0.01;

/** Begins the heads of a row with biases. @param bias of each of the numbers that a head says of an anchor */
export function beginHeads(
  network: RetinaFaceNetwork,
  { module, width }: HeadSpec,
  bias: (number: number) => number,
): void {
  for (const { last } of [network[module]].flat())
    last.bias!.write(Float32Array.from({ length: last.bias!.size }, (_, i) => bias(i % width)));
}

/** As RetinaNet's classes begin (Lin et al. 2017), and YOLOX's and YuNet's objectness. */
function beginObjectness(network: RetinaFaceNetwork): void {
  const row = objectnessHead(network.headSpecs);
  if (row) beginHeads(network, row, () => -Math.log((1 - PRIOR) / PRIOR));
}

/**
 * Makes a network to train: from random weights, or from a checkpoint whose heads are fitted to the anchors.
 * @throws RetinaFaceError, StateDictMismatchError for a checkpoint that is no RetinaFace; OptionError for anchors of
 * another network
 */
export function initialiseNetwork(device: Device, options: InitialiseOptions): RetinaFaceNetwork {
  const { config, pretrained, seed } = options;
  registerRetinaNet();
  registerMesh();
  const given = pretrained
    ? inferNetwork(pretrained.state, pretrained.config?.heads)
    : options.network;
  const shape: NetworkConfig = {
    ...(given ?? { backbone: "mobilenet0.25" }),
    ...(config.heads && { heads: config.heads }),
    anchorsPerCell: anchorsPerCellOf(config.anchors),
  };
  const network = new RetinaFaceNetwork(nn.Init.seeded(device, seed), shape);
  beginObjectness(network);
  checkAnchorsFit(network.levels, config.anchors);
  if (pretrained) {
    const before = (pretrained.config ?? publishedConfig(shape.backbone)).anchors;
    const heads = given?.heads ?? RETINAFACE_HEADS;
    const all = [...heads, ...network.firstHeadSpecs];
    const anchored = adaptHeads(pretrained.state, before, config.anchors, all);
    const classes = pretrained.config?.classes;
    const own = { heads: network.headSpecs, classes: config.classes };
    const levels = config.anchors.steps.length;
    loadPretrained(network, adaptClasses(anchored, { heads, classes }, own, levels), heads);
  } else if (options.backbone) loadBackbone(network, options.backbone);
  return network;
}
