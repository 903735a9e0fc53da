import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "../errors.js";
import { quote } from "./errors.js";

/** A tensor whose shape differs from the model's. */
export interface ShapeMismatch {
  name: string;
  expected: number[];
  given: number[];
}

/** How many names of each kind the message lists. */
const MAX_LISTED = 10;

/** The ImageNet classifiers of the published backbones, which RetinaFace does not use. */
const CLASSIFIER = /^(?:body\.)?(?:fc|classifier)\.(?:weight|bias)$/;
/** A counter of batch norm that inference has no use for, absent in old checkpoints. */
const BATCH_COUNTER = /(?:^|\.)num_batches_tracked$/;

/** Whether a checkpoint may have this name though its network has not. */
export function isTolerated(name: string): boolean {
  return CLASSIFIER.test(name) || BATCH_COUNTER.test(name);
}

function list(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const rest = lines.length - MAX_LISTED;
  const shown = lines.slice(0, MAX_LISTED).map((line) => `  ${line}`);
  return [`${lines.length} ${title}:`, ...shown, ...(rest > 0 ? [`  and ${rest} more`] : [])];
}

/** The checkpoint does not fit the model. The message lists the first names of each kind. */
export class StateDictMismatchError extends RetinaFaceError {
  constructor(
    readonly missing: readonly string[],
    readonly unexpected: readonly string[],
    readonly shapes: readonly ShapeMismatch[],
  ) {
    const shapeLines = shapes.map(
      ({ name, expected, given }) =>
        `${quote(name)}: [${given.slice(0, 8).join(", ")}], the model has [${expected.join(", ")}]`,
    );
    super(
      "STATE_DICT_MISMATCH",
      [
        "The checkpoint is of another model. Choose the backbone it was trained with.",
        ...list("missing", missing.map(quote)),
        ...list("unexpected", unexpected.map(quote)),
        ...list("of another shape", shapeLines),
      ].join("\n"),
    );
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/**
 * Checks a checkpoint against a model's names and shapes. Tolerated are `num_batches_tracked` that is
 * missing or extra, and the extra classifier of an ImageNet backbone (`fc.*`, `classifier.*`).
 *
 * @param expected shapes by name
 * @param options.allowUnexpected further names that may be in the checkpoint alone
 * @returns the checkpoint's tensors that the model has, in the model's order
 * @throws StateDictMismatchError
 */
export function matchStateDict(
  expected: ReadonlyMap<string, readonly number[]>,
  given: StateDict,
  options: { allowUnexpected?: readonly RegExp[] } = {},
): StateDict {
  const { allowUnexpected = [] } = options;
  const isAllowed = (name: string) =>
    isTolerated(name) || allowUnexpected.some((pattern) => name.search(pattern) >= 0);
  const matched: StateDict = new Map();
  const missing: string[] = [];
  const shapes: ShapeMismatch[] = [];
  for (const [name, shape] of expected) {
    const tensor = given.get(name);
    if (!tensor) {
      if (!BATCH_COUNTER.test(name)) missing.push(name);
    } else if (!sameShape(shape, tensor.shape)) {
      shapes.push({ name, expected: [...shape], given: tensor.shape });
    } else {
      matched.set(name, tensor);
    }
  }
  const unexpected = [...given.keys()].filter((name) => !expected.has(name) && !isAllowed(name));
  if (missing.length + unexpected.length + shapes.length > 0) {
    throw new StateDictMismatchError(missing, unexpected, shapes);
  }
  return matched;
}
