import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import type { HeadSpec } from "../types.js";
import { quote } from "../weights/errors.js";
import { isTolerated } from "../weights/state-dict.js";
import { retinaNetArchitecture } from "./architecture.js";
import { firstHeads } from "./cascade.js";
import { headConvolution } from "./head.js";
import {
  anchorHeads,
  BOX_NUMBERS,
  boxHead,
  MESH_HEAD,
  meshHead,
  OBJECTNESS_HEAD,
  RETINAFACE_HEADS,
  sameHeads,
} from "./heads.js";
import { LEVEL_NAMES } from "./levels.js";
import { isRetinaNet } from "./marks.js";
import { MESH_MARK } from "./mesh-branch.js";
import type { NetworkConfig } from "./network.js";
import { backboneEntry, isSeparable, numbersIn, recogniseBackbone } from "./registry.js";
import { listNames, outputsAt, unknown } from "./unknown.js";

/** Public checkpoints of other networks: the first name that the file has tells which it is. */
const OTHERS: readonly (readonly [name: string, what: string])[] = [
  ["stage1.0.0.weight", "it is MobileNet's backbone alone, as trained on ImageNet."],
  ["layer1.0.conv1.weight", "it is ResNet alone, as trained on ImageNet."],
];

/** The part of a network that a name belongs to: `body`, `fpn.output1`, `ssh1`, `ClassHead.0`. */
function partOf(name: string): string {
  const [first, second] = name.split(".");
  return first === "fpn" || first.endsWith("Head") ? `${first}.${second}` : first;
}

/** How many of `name(0)`, `name(1)`, … there are in a row. */
function countOf(parts: ReadonlySet<string>, name: (place: number) => string): number {
  let count = 0;
  while (parts.has(name(count))) count++;
  return count;
}

/** What a checkpoint's names tell of its network besides backbone and heads. */
interface Form {
  readonly levels: number;
  readonly extra: number;
  /** Whether there is a pyramid. */
  readonly neck: boolean;
  readonly context: boolean;
  readonly cascade: boolean;
}

function expectedParts(form: Form, heads: readonly HeadSpec[]): string[] {
  const { levels, extra, neck, context, cascade } = form;
  const places = (count: number, name: (place: number) => string) =>
    Array.from({ length: count }, (_, place) => name(place));
  const fpn = [
    ...places(levels - extra, LEVEL_NAMES.lateral),
    ...places(levels - extra - 1, LEVEL_NAMES.merge),
    ...places(extra, LEVEL_NAMES.extra),
  ];
  const all = cascade ? [...heads, ...firstHeads(heads)] : heads;
  return [
    "body",
    ...(neck ? fpn.map((name) => `fpn.${name}`) : []),
    ...(neck && context ? places(levels, LEVEL_NAMES.context) : []),
    ...(neck && context && cascade ? places(levels, LEVEL_NAMES.cascade) : []),
    ...all.flatMap(({ module }) => places(levels, (level) => `${module}.${level}`)),
  ];
}

/** A context module. */
const CONTEXT = /^ssh\d+$/;
/** The weight of a convolution that tells offsets. */
const OFFSETS = /\.conv_offset\.weight$/;
/** The first half of a separable convolution of the pyramid or a context module. */
const SEPARABLE = /^(?:fpn|ssh\d+)\..*\.depthwise\.weight$/;

/** Numbers that a head predicts for a cell of each level. */
function outputsOf(
  state: StateDict,
  { module }: HeadSpec,
  levels: number,
  channels: number | undefined,
): number[] {
  return Array.from({ length: levels }, (_, level) => {
    const name = headConvolution(state, module, level) ?? `${module}.${level}.conv1x1`;
    return outputsAt(state, `${name}.weight`, channels);
  });
}

/** The table's rows as the checkpoint has them: a class head may have more classes, other heads have their width. */
function headsOf(
  state: StateDict,
  table: readonly HeadSpec[],
  anchors: readonly number[],
  channels: number | undefined,
): HeadSpec[] {
  return table.map((head) => {
    const outputs = outputsOf(state, head, anchors.length, channels);
    const widths = outputs.map((count, i) => count / anchors[i]);
    const fits = head.meaning === "class" ? widths[0] >= 2 : widths[0] === head.width;
    if (!fits || !Number.isSafeInteger(widths[0]) || widths.some((width) => width !== widths[0])) {
      throw unknown(
        `${head.module} has ${widths.join(", ")} numbers an anchor at its levels, expected ` +
          `${head.meaning === "class" ? "two or more, the same at each" : head.width}.`,
      );
    }
    return head.width === widths[0] ? head : { ...head, width: widths[0] };
  });
}

/** The row of the branch for meshes, if the checkpoint has one, be it named in the table or not. */
export function meshBranchOf(state: StateDict, table: readonly HeadSpec[]): HeadSpec | undefined {
  const row = meshHead(table) ?? MESH_HEAD;
  return state.has(`${row.module}.${MESH_MARK}`) ? row : undefined;
}

/** The table with a row for objectness, where the checkpoint has such a head that the table does not name. */
function withObjectnessRow(
  table: readonly HeadSpec[],
  found: ReadonlySet<string>,
): readonly HeadSpec[] {
  const { module } = OBJECTNESS_HEAD;
  const isNew = found.has(`${module}.0`) && table.every((head) => head.module !== module);
  return isNew ? [...table, OBJECTNESS_HEAD] : table;
}

/** Names in the state of a training run, which no network has. */
const RUN_STATE = /^(?:network|optimizer|average)\./;

/**
 * The network that a checkpoint belongs to, from all its names: backbone, number of levels, anchors and heads. Rows of
 * the table that the checkpoint does not have are left out, but for class and box; an objectness head and a branch for
 * meshes are found without being in it.
 *
 * @param table heads that there may be
 * @throws RetinaFaceError `CHECKPOINT_UNKNOWN` when it fits no network; the message says what was found and expected
 */
export function inferNetwork(
  state: StateDict,
  table: readonly HeadSpec[] = RETINAFACE_HEADS,
): NetworkConfig {
  const branch = meshBranchOf(state, table);
  const isBranch = (name: string) => branch !== undefined && name.startsWith(`${branch.module}.`);
  const names = [...state.keys()].filter((name) => !isTolerated(name) && !isBranch(name));
  const found = new Set(names.map(partOf));
  if (found.has("network") && names.every((name) => RUN_STATE.test(name))) {
    throw unknown(
      "it is what a training run goes on from (--resume): give the run's best.safetensors, " +
        "final.safetensors or model.safetensors beside it.",
    );
  }
  const backbone = recogniseBackbone(state);
  if (!backbone) {
    const other = OTHERS.find(([name]) => state.has(name));
    throw unknown(
      other?.[1] ?? `it has no backbone that is known here, but ${listNames([...found])}.`,
    );
  }
  if (isRetinaNet(state)) return retinaNetArchitecture().infer(state, backbone, table);
  const { channels: pyramid, widthOf } = backboneEntry(backbone);
  const neck = pyramid !== undefined;
  const box = boxHead(table);
  const levels = countOf(found, (level) => `${box.module}.${level}`);
  const extra = countOf(found, (n) => `fpn.${LEVEL_NAMES.extra(n)}`);
  const present = anchorHeads(withObjectnessRow(table, found)).filter(
    ({ meaning, module }) => meaning === "class" || meaning === "box" || found.has(`${module}.0`),
  );
  const context = !neck || [...found].some((part) => CONTEXT.test(part));
  const cascade = found.has(`First${box.module}.0`);
  const form = { levels: Math.max(1, levels), extra, neck, context, cascade };
  const expected = expectedParts(form, present);
  const missing = expected.filter((part) => !found.has(part));
  const unexpected = [...found].filter((part) => !expected.includes(part));
  if (missing.length + unexpected.length > 0) {
    throw unknown(
      [
        `by its ${box.module} it has ${levels} levels.`,
        missing.length > 0 ? `Expected and not found: ${listNames(missing)}.` : "",
        unexpected.length > 0 ? `Found and not expected: ${listNames(unexpected)}.` : "",
      ]
        .filter(Boolean)
        .join(" "),
    );
  }
  const separable = names.some((name) => SEPARABLE.test(name));
  const deformable = names.some((name) => OFFSETS.test(name));
  const channels = neck ? channelsOf(state, { context, separable }) : undefined;
  const outputs = outputsOf(state, box, levels, channels);
  const anchorsPerCell = outputs.map((count) => count / BOX_NUMBERS);
  if (!anchorsPerCell.every((count) => Number.isSafeInteger(count) && count >= 1)) {
    throw unknown(
      `${box.module} has ${outputs.join(", ")} numbers a cell, expected ${BOX_NUMBERS} an anchor.`,
    );
  }
  const own = headsOf(state, present, anchorsPerCell, channels);
  const heads = branch ? [...own, branch] : own;
  const width = widthOf?.(state);
  if (width !== undefined && !(width > 0)) {
    throw unknown(`the shapes of its ${quote("body")} are those of ${backbone} at no width.`);
  }
  return {
    backbone,
    ...(width === undefined ? {} : { width }),
    ...(channels === undefined ? {} : { channels }),
    anchorsPerCell,
    ...(extra > 0 ? { extraLevels: extra } : {}),
    ...(sameHeads(heads, RETINAFACE_HEADS) ? {} : { heads }),
    ...(context ? {} : { context }),
    ...(deformable ? { deformable } : {}),
    ...(separable === isSeparable({ backbone, deformable }) ? {} : { separable }),
    ...(cascade ? { cascade } : {}),
  };
}

/**
 * Channels of the pyramid, which the weights behind it must bear out: they are more than as many squared, of separable
 * convolutions more than half of that.
 */
function channelsOf(
  state: StateDict,
  { context, separable }: { readonly context: boolean; readonly separable: boolean },
): number {
  const behind = context ? LEVEL_NAMES.context(0) : "fpn";
  const channels = outputsAt(state, `fpn.${LEVEL_NAMES.lateral(0)}.0.weight`);
  if (numbersIn(state, behind) >= channels ** 2 / (separable ? 2 : 1)) return channels;
  throw unknown(
    `its lateral convolutions have ${channels} channels, its ${quote(behind)} weights for fewer.`,
  );
}
