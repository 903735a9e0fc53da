import path from "node:path";
import { parseArgs } from "node:util";
import { parseTestScale, type TestScale } from "@retinaface-webgpu/train";
import type { BackendChoice } from "retinaface-webgpu";
import { root } from "../environment.js";
import { UsageError } from "../options.js";
import { knownDetectors, type Named, parseNamed, sharedFile } from "./contestants.js";

/** What the command line of `npm run bench:detectors` asks for. */
export interface DetectorsOptions {
  readonly data: string;
  readonly detectors: readonly Named[];
  readonly scale: TestScale;
  readonly backend: BackendChoice;
  readonly threads: number;
  /** Faces tagged by kind, of photos of the data. */
  readonly kinds: string | undefined;
  readonly json: string | undefined;
  readonly overwrite: boolean;
  /** A photo, and where it is drawn as the first detector sees it beside the last. */
  readonly photo: string | undefined;
  readonly picture: string | undefined;
}

const USAGE =
  "usage: [--data SPEC] [--weights [NAME=]FILE]… [--onnx [NAME=]FILE]… [--scale 640] [--backend auto|webgpu|wasm] " +
  "[--threads 2] [--kinds FILE.jsonl] [--json FILE|-] [--photo FILE --picture FILE.png] [--overwrite]";

/** Faces of {@link DATA} by what makes them hard. */
const KINDS = path.join(root, "bench/src/detectors/kinds.jsonl");

/** Photos that nothing was trained on, where the shared folder is at hand. */
const DATA = `jsonl:${sharedFile("data/photos/labels.jsonl")}?face=0.35&ignore=0.08&match=-[01]`;

function read(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string", default: DATA },
      weights: { type: "string", multiple: true, default: [] },
      onnx: { type: "string", multiple: true, default: [] },
      scale: { type: "string", default: "640" },
      backend: { type: "string", default: "auto" },
      threads: { type: "string", default: "2" },
      kinds: { type: "string" },
      json: { type: "string" },
      overwrite: { type: "boolean", default: false },
      photo: { type: "string" },
      picture: { type: "string" },
    },
  });
  return { ...values, scale: parseTestScale(values.scale) };
}

/** @throws UsageError for a command line that asks for nothing it knows */
export function parseDetectorsOptions(args: readonly string[]): DetectorsOptions {
  let values: ReturnType<typeof read>;
  try {
    values = read(args);
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
  const { backend, photo, picture } = values;
  const threads = Number(values.threads);
  if (
    !["auto", "webgpu", "wasm"].includes(backend) ||
    !(Number.isInteger(threads) && threads > 0)
  ) {
    throw new UsageError(`--backend ${backend} or --threads ${values.threads}: unknown\n${USAGE}`);
  }
  if ((photo === undefined) !== (picture === undefined)) {
    throw new UsageError(`--photo and --picture go together\n${USAGE}`);
  }
  const named = [
    ...values.weights.map((text) => parseNamed("weights", text)),
    ...values.onnx.map((text) => parseNamed("onnx", text)),
  ];
  const detectors = named.length > 0 ? named : knownDetectors();
  const twice = detectors.find(({ name }, i) => detectors.findIndex((d) => d.name === name) !== i);
  if (twice) throw new UsageError(`two detectors are called ${twice.name}: write NAME=FILE`);
  const { data, scale, json, overwrite } = values;
  const kinds = values.kinds ?? (data === DATA ? KINDS : undefined);
  return {
    data,
    detectors,
    scale,
    backend: backend as BackendChoice,
    threads,
    kinds,
    json,
    overwrite,
    photo,
    picture,
  };
}
