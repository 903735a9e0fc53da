import { existsSync } from "node:fs";
import path from "node:path";
import { type Detections, type DetectPass, packFaces } from "@retinaface-webgpu/train";
import {
  type BackendChoice,
  DEFAULT_THRESHOLDS,
  type RawImage,
  RetinaFace,
  resolveThresholds,
  type WantedSides,
} from "retinaface-webgpu";
import { root } from "../environment.js";
import { openOnnx } from "./ort.js";
import { detectRetinaFaceOnnx } from "./retinaface-onnx.js";
import { detectYunet, isYunet, YUNET_THRESHOLD } from "./yunet.js";

/** A detector as it is asked for: weights of ours, or an ONNX model. */
export interface Named {
  readonly name: string;
  readonly kind: "weights" | "onnx";
  /** Absent: the package's own weights. */
  readonly file?: string;
}

/** A detector that runs. */
export interface Contestant {
  readonly name: string;
  /** What it runs on. */
  readonly engine: string;
  /** The score from which it shows faces. */
  readonly threshold: number;
  readonly pass: DetectPass;
  /** Milliseconds spent since this was last asked, from pixels to faces. */
  milliseconds(): number;
  dispose(): Promise<void>;
}

/** Where the detectors run. */
export interface Where {
  readonly backend: BackendChoice;
  /** Threads of every one that computes on processors. */
  readonly threads: number;
}

const shared = process.env.RETINAFACE_SHARED || path.join(root, "../shared");
/** A file of the shared folder. */
export const sharedFile = (name: string) => path.join(shared, name);

const KNOWN: readonly Named[] = [
  { name: "ours", kind: "weights" },
  {
    name: "MobileNet-0.25, public",
    kind: "weights",
    file: sharedFile("weights/mobilenet0.25_Final.pth"),
  },
  { name: "slim", kind: "weights", file: sharedFile("weights/slim_Final.pth") },
  { name: "RFB", kind: "weights", file: sharedFile("weights/RBF_Final.pth") },
  { name: "YuNet-n", kind: "onnx", file: sharedFile("weights/peers/yunet_n_dynamic.onnx") },
];

/** The detectors that are compared where none are named: those whose files are at hand. */
export function knownDetectors(): Named[] {
  return KNOWN.filter(({ file }) => file === undefined || existsSync(file));
}

/** `NAME=FILE`, or a file by its own name; `default` for the package's weights. */
export function parseNamed(kind: Named["kind"], text: string): Named {
  const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? [undefined, undefined, text];
  const shown = name ?? path.basename(file, path.extname(file));
  return file === "default" ? { name: shown, kind } : { name: shown, kind, file };
}

async function openWeights({ name, file }: Named, { backend, threads }: Where) {
  const detector = await RetinaFace.load({ weights: file, backend, threads, visThreshold: 0 });
  let spent = 0;
  const onTimings = ({ total, prepare }: { total: number; prepare: number }) => {
    spent += Math.max(0, total - prepare);
  };
  const on = detector.backend === "wasm" ? `WebAssembly, ${detector.threads} threads` : "WebGPU";
  return {
    name,
    engine: on,
    threshold: resolveThresholds(detector.config.thresholds).visThreshold,
    pass: async (image, sides) => packFaces(await detector.detect(image, { ...sides, onTimings })),
    milliseconds: () => {
      const taken = spent;
      spent = 0;
      return taken;
    },
    dispose: async () => detector.dispose(),
  } satisfies Contestant;
}

async function openModel({ name, file }: Named, { threads }: Where) {
  const model = await openOnnx(file!, threads);
  const yunet = isYunet(model);
  const detect = yunet ? detectYunet : detectRetinaFaceOnnx;
  let spent = 0;
  return {
    name,
    engine: `onnxruntime-node, ${threads} threads`,
    threshold: yunet ? YUNET_THRESHOLD : DEFAULT_THRESHOLDS.visThreshold,
    pass: async (image: RawImage, sides?: WantedSides): Promise<Detections> => {
      const start = performance.now();
      const found = await detect(model, image, sides);
      spent += performance.now() - start;
      return found;
    },
    milliseconds: () => {
      const taken = spent;
      spent = 0;
      return taken;
    },
    dispose: () => model.dispose(),
  } satisfies Contestant;
}

/** Loads a detector. @throws what loading weights or a model throws */
export function openContestant(named: Named, where: Where): Promise<Contestant> {
  return named.kind === "onnx" ? openModel(named, where) : openWeights(named, where);
}
