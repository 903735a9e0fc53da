import {
  classHead,
  type DetectorConfig,
  headsOfClasses,
  inferNetwork,
  OptionError,
  RETINAFACE_HEADS,
  sameHeads,
} from "retinaface-webgpu";
import { countClasses, type FaceRecord } from "../data/record.js";
import { checkLabels, checkTaught } from "../data/select.js";
import type { TrainSettings } from "../trainer/settings.js";
import { say } from "./console.js";
import type { Start } from "./train-start.js";

/** The heads of the weights that a run starts from. */
function headsOf({ pretrained }: Start, config: DetectorConfig) {
  const own = pretrained
    ? inferNetwork(pretrained.state, pretrained.config?.heads).heads
    : undefined;
  return own ?? config.heads ?? RETINAFACE_HEADS;
}

/**
 * A configuration with the classes that were asked for, else with those of the weights.
 * @throws {OptionError} for weights that tell classes apart whose names nobody gave
 */
export function withClasses(
  config: DetectorConfig,
  start: Start,
  asked: readonly string[] | undefined,
): DetectorConfig {
  const heads = headsOf(start, config);
  const told = classHead(heads).width - 1;
  const classes = asked ?? config.classes;
  if (classes === undefined) {
    if (told === 1) return config;
    throw new OptionError(
      `the weights tell ${told} classes apart and do not name them: give --classes with ${told} names in their order`,
    );
  }
  const { heads: _, ...rest } = config;
  const own = headsOfClasses(heads, classes.length);
  return { ...rest, classes, ...(!sameHeads(own, RETINAFACE_HEADS) && { heads: own }) };
}

/**
 * Says what becomes of the class head, where its classes are others than those of the weights. Such classes begin alike, and at the
 * rate at which the rest is fine-tuned they stay so for hundreds of steps.
 */
export function sayClasses({ config, lrFactors }: TrainSettings, start: Start): void {
  const { classes } = config;
  if (!classes) return;
  const before = start.pretrained?.config;
  const same = before?.classes?.join() === classes.join();
  const what = same
    ? "as the weights have them"
    : start.pretrained
      ? `the class head is replaced by one of ${classes.length + 1} logits, in which a class that the weights do not name ` +
        "begins as what they say of all theirs"
      : "of random weights";
  say(`classes: ${classes.join(", ")}; ${what}`);
  if (same || !start.pretrained || classes.length < 2 || (lrFactors?.heads ?? 1) > 1) return;
  say(
    "classes that begin alike are told apart late: --lr-factors heads=10 trains the heads at ten times the rate of the rest",
  );
}

/**
 * Holds the data against the classes that a run tells apart; says so where it takes several as one.
 * @param validation is looked at only
 * @throws {DataError} for faces of other classes, and for a class without a face to learn it from
 */
export function checkRunClasses(
  { classes }: DetectorConfig,
  training: readonly FaceRecord[],
  validation: readonly FaceRecord[] = [],
): void {
  if (classes) {
    checkLabels(training, classes);
    checkLabels(validation, classes);
    checkTaught(training, classes);
    return;
  }
  const names = Object.keys(countClasses(training));
  if (names.length < 2) return;
  say(
    `the data's ${names.length} classes train as one; --classes ${names.join(",")} would tell them apart`,
  );
}
