import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../environment.js";

/** A program that finds the faces in a folder's photos. */
export interface Program {
  readonly name: string;
  /** Ours: the command itself; others: the same work by their libraries. */
  readonly group: string;
  /** Arguments of Node for a whole process, without the photos; it prints a line of JSON a photo. */
  readonly whole: readonly string[];
  /** The same for the warm loops. */
  readonly warm: readonly string[];
}

export const OURS = "retinaface-webgpu";
/** What others are compared with. */
export const REFERENCE = "sharp + onnxruntime-node";

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const cli = path.join(root, "packages/retinaface/dist/program/main.js");

/** What is run by all. */
export interface Work {
  /** A checkpoint of the network. */
  readonly weights: string;
  /** The same network as ONNX; without it there is nobody to compare with. */
  readonly onnx: string | undefined;
  readonly maxSide: number;
}

function ours(work: Work, backend: string, decoder: string): Program {
  const { weights, maxSide } = work;
  const args = ["--backend", backend, "--decoder", decoder];
  const size = ["--weights", weights, "--max-side", String(maxSide)];
  return {
    name: `${backend}, decoder ${decoder}`,
    group: OURS,
    whole: [cli, "detect", ...args, ...size],
    warm: [beside("child-ours.js"), ...args, ...size],
  };
}

function theirs({ onnx, maxSide }: Work, flavour: string, threads: number): Program {
  const program = beside("child-ort.js");
  const args = ["--flavour", flavour, "--threads", String(threads)];
  const size = ["--onnx", onnx!, "--max-side", String(maxSide)];
  const name =
    flavour === "node"
      ? REFERENCE
      : `sharp + onnxruntime-web, ${threads} thread${threads > 1 ? "s" : ""}`;
  return {
    name,
    group: "onnxruntime",
    whole: [program, ...args, ...size],
    warm: [program, ...args, ...size],
  };
}

/** The programs that are compared, those of others where their model is at hand. */
export function programsFor(work: Work, backends: readonly string[]): Program[] {
  const own = backends.flatMap((backend) =>
    ["own", "sharp"].map((decoder) => ours(work, backend, decoder)),
  );
  if (work.onnx === undefined || !existsSync(work.onnx)) return own;
  return [...own, theirs(work, "node", 2), theirs(work, "web", 2), theirs(work, "web", 1)];
}
