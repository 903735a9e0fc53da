import path from "node:path";
import { parseArgs } from "node:util";
import { root } from "../environment.js";
import { UsageError } from "../options.js";
import { type GroupSetup, PRESETS, type Preset, type PresetName, presetOf } from "./presets.js";
import { ROWS, type Row } from "./rows.js";

/** What the command line of `npm run ablation` asks for. */
export interface AblationOptions {
  readonly presetName: PresetName;
  readonly preset: Preset;
  readonly rows: readonly Row[];
  readonly seeds: readonly number[];
  /** Where results are appended. */
  readonly out: string;
  /** Trains nothing: shows what the file holds. */
  readonly table: boolean;
  /** Arguments of every command that runs a network. */
  readonly engine: readonly string[];
}

const USAGE =
  "usage: [--preset small|full] [--only RE] [--seeds 1,2,3] [--out FILE.jsonl] [--table] [--backend auto|webgpu|wasm] " +
  "[--threads N] [--data SPEC --val SPEC [--scale 640]] [--image-size N] [--batch-size N] [--epochs N] [--time SECONDS]";

const text = { type: "string" } as const;

function read(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      preset: { ...text, default: "small" },
      only: { ...text, default: "." },
      seeds: { ...text, default: "1,2,3" },
      ...{ out: text, data: text, val: text, scale: text },
      table: { type: "boolean", default: false },
      backend: { ...text, default: "auto" },
      threads: text,
      ...{ "image-size": text, "batch-size": text, epochs: text, time: text },
    },
  }).values;
}

type Values = ReturnType<typeof read>;

/** Arguments that go before the preset's: the last of an option counts. */
const overrides = (values: Values) =>
  (["image-size", "batch-size", "epochs"] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name}`, values[name]],
  );

function withOverrides(preset: Preset, values: Values): Preset {
  const { data, val, scale, time } = values;
  if (time !== undefined && !(Number(time) > 0))
    throw new UsageError(`--time ${time}: give seconds, such as 90\n${USAGE}`);
  if ((data === undefined) !== (val === undefined))
    throw new UsageError(`--data and --val go together\n${USAGE}`);
  if (scale !== undefined && val === undefined)
    throw new UsageError(`--scale is --val's: give it, too\n${USAGE}`);
  const more = overrides(values);
  const setup = (given: GroupSetup): GroupSetup => ({
    ...given,
    data: data ?? given.data,
    args: [...given.args, ...more],
    ...(given.time && { time: { ...given.time, seconds: Number(time ?? given.time.seconds) } }),
  });
  const { structure, networks, freezing } = preset.groups;
  return {
    halved: preset.halved && val === undefined,
    groups: {
      structure: setup(structure),
      networks: setup(networks),
      freezing: setup(freezing),
    },
    validations:
      val === undefined ? preset.validations : { own: { data: val, scale: scale ?? "original" } },
  };
}

function parseSeeds(list: string): number[] {
  const seeds = list.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const right = seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0);
  if (right && new Set(seeds).size === seeds.length) return seeds;
  throw new UsageError(`--seeds ${list}: give different whole numbers such as 1,2,3\n${USAGE}`);
}

/** @throws UsageError for a command line that asks for nothing it knows */
export function parseAblationOptions(args: readonly string[]): AblationOptions {
  let values: Values;
  let only: RegExp;
  try {
    values = read(args);
    only = new RegExp(values.only);
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
  const { preset: presetName, backend, threads, table } = values;
  if (!(PRESETS as readonly string[]).includes(presetName))
    throw new UsageError(`--preset ${presetName}: there are ${PRESETS.join(" and ")}\n${USAGE}`);
  const rows = ROWS.filter(({ name }) => only.test(name));
  if (rows.length === 0)
    throw new UsageError(
      `--only ${values.only} is none of ${ROWS.map(({ name }) => name).join(", ")}\n${USAGE}`,
    );
  const name = presetName as PresetName;
  return {
    presetName: name,
    preset: withOverrides(presetOf(name), values),
    rows,
    seeds: parseSeeds(values.seeds),
    out: values.out ?? path.join(root, "bench/results/local", `ablation-${name}.jsonl`),
    table,
    engine: ["--backend", backend, ...(threads === undefined ? [] : ["--threads", threads])],
  };
}
