import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import type { HeadSpec } from "../../types.js";
import { quote } from "../../weights/errors.js";
import { BOX_NUMBERS, boxHead, classHead } from "../heads.js";
import type { NetworkConfig } from "../network-config.js";
import { type BackboneName, backboneEntry, numbersIn } from "../registry.js";
import { listNames, outputsAt, unknown } from "../unknown.js";
import { lastName } from "./head.js";

const NETWORK = "RetinaNet";

const places = (state: StateDict, name: (place: number) => string) => {
  let count = 0;
  while (state.has(name(count))) count++;
  return count;
};

/** Which of the pyramid's own levels there are, and what the first of them is made of. */
function extraLevels(state: StateDict, channels: number) {
  const names = [...state.keys()].filter((name) => /^fpn\.extra_blocks\.p\d+\.weight$/.test(name));
  const numbers = names.map((name) => Number(/\d+/.exec(name)![0])).sort((a, b) => a - b);
  const first = state.get(`fpn.extra_blocks.p${numbers[0]}.weight`);
  return { count: names.length, p6: first?.shape[1] === channels ? "P5" : "C5" } as const;
}

const PYRAMID = /^fpn\.(?:inner_blocks|layer_blocks|extra_blocks)\./;

/** Parts that names belong to: a RetinaNet has a body, the blocks of its pyramid and its subnets. */
function checkParts(state: StateDict, heads: readonly HeadSpec[]): void {
  const subnets = heads.map(({ module, meaning }) => [
    `${module}.conv.`,
    `${module}.${lastName(meaning)}.`,
  ]);
  const known = ["body.", ...subnets.flat()];
  const others = [...state.keys()].filter(
    (name) => !PYRAMID.test(name) && !known.some((prefix) => name.startsWith(prefix)),
  );
  if (others.length === 0) return;
  throw unknown(`Found and not expected: ${listNames(others)}.`, NETWORK);
}

/**
 * The RetinaNet that a checkpoint belongs to, from its names and shapes.
 *
 * @param table heads that there may be
 * @throws RetinaFaceError `CHECKPOINT_UNKNOWN`
 */
export function inferRetinaNet(
  state: StateDict,
  backbone: BackboneName,
  table: readonly HeadSpec[],
): NetworkConfig {
  const channels = outputsAt(state, "fpn.inner_blocks.0.0.weight");
  outputsAt(state, "fpn.layer_blocks.0.0.weight", channels);
  if (numbersIn(state, "fpn.layer_blocks.0") < channels ** 2) {
    throw unknown(`its pyramid has ${channels} channels and weights for fewer.`, NETWORK);
  }
  const { count: extra, p6 } = extraLevels(state, channels);
  const levels = places(state, (n) => `fpn.inner_blocks.${n}.0.weight`) + extra;
  const present = table.filter(
    ({ meaning, module }) =>
      meaning === "class" ||
      meaning === "box" ||
      state.has(`${module}.${lastName(meaning)}.weight`),
  );
  checkParts(state, present);
  const outputs = (head: HeadSpec) =>
    outputsAt(state, `${head.module}.${lastName(head.meaning)}.weight`, channels);
  const anchors = outputs(boxHead(present)) / BOX_NUMBERS;
  const classes = outputs(classHead(present)) / anchors;
  if (![anchors, classes].every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw unknown(`its heads have ${anchors} anchors a cell and ${classes} classes.`, NETWORK);
  }
  const width = backboneEntry(backbone).widthOf?.(state);
  if (width !== undefined && !(width > 0)) {
    throw unknown(`the shapes of its ${quote("body")} are those of ${backbone} at no width.`);
  }
  const groupNorm = state.has(`${classHead(present).module}.conv.0.1.weight`);
  return {
    backbone,
    ...(width === undefined ? {} : { width }),
    channels,
    anchorsPerCell: Array.from({ length: levels }, () => anchors),
    ...(extra > 0 ? { extraLevels: extra } : {}),
    heads: present.map((head) =>
      head.meaning === "class" ? { ...head, width: classes + 1 } : head,
    ),
    retinanet: { p6, ...(groupNorm && { groupNorm }) },
  };
}
