/** Figures that are aimed at, all of one run: processes over a folder, the network alone, the first faces. */
import path from "node:path";
import { root } from "../environment.js";
import { compareTask, Entrant, OURS as NETWORK_OURS, type TaskResult } from "../peers/compare.js";
import { NETWORK, TASKS } from "../peers/tasks.js";
import { median } from "../statistics.js";
import { runProcess } from "./measure.js";

/** A figure, what is aimed at, and how it turned out. */
export interface Aim {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** At most. */
  readonly aim: number;
}

/** The network at 640×640, from host memory to host memory, by this library and by onnxruntime-web. */
export async function compareNetworks(
  weights: string,
  rounds: number,
  progress: (text: string) => void,
): Promise<TaskResult> {
  const web = (threads: number) => ({
    name: `onnxruntime-web, ${threads} thread${threads > 1 ? "s" : ""}`,
    script: "child-ort.js",
    args: ["web-wasm", String(threads)],
  });
  const wasm = (name: string, threads: number) => ({
    name,
    script: "child-wasm.js",
    args: [String(threads)],
  });
  const entrants = [
    wasm(NETWORK_OURS, 2),
    wasm(`${NETWORK_OURS}, 1 thread`, 1),
    web(2),
    web(1),
  ].map((contestant) => new Entrant(contestant, {}));
  try {
    for (const entrant of entrants) await entrant.open(weights);
    const task = TASKS.find(({ name }) => name === NETWORK)!;
    return await compareTask(task, entrants, rounds, progress);
  } finally {
    for (const entrant of entrants) await entrant.close();
  }
}

/** Milliseconds from a process's start to the line of its first photo. */
export async function firstFaces(weights: string, rounds: number): Promise<number> {
  const cli = path.join(root, "packages/retinaface/dist/program/main.js");
  const sample = path.join(root, "packages/retinaface/assets/sample.png");
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    times.push((await runProcess([cli, "detect", sample, "--weights", weights])).firstLine);
  }
  return median(times);
}
