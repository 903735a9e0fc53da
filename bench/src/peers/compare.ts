import { type Summary, summarize } from "../statistics.js";
import { Child } from "./child.js";
import type { Task } from "./tasks.js";

/** A library that takes part. */
export interface Contestant {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** Runs elsewhere than on the adapter: its times give the scale, and are not compared. */
  readonly forScale?: boolean;
}

export const OURS = "retinaface-webgpu";

/** Stands for the file that TensorFlow.js is bundled into. */
export const TFJS_BUNDLE = "{tfjs}";

export const CONTESTANTS: readonly Contestant[] = [
  { name: OURS, script: "child-ours.js", args: [] },
  { name: "onnxruntime-node WebGPU", script: "child-ort.js", args: ["node-webgpu"] },
  { name: "onnxruntime-web WebGPU", script: "child-ort.js", args: ["web-webgpu"] },
  { name: "tfjs WebGPU", script: "child-tfjs.js", args: [TFJS_BUNDLE] },
  { name: "jax-js WebGPU", script: "child-jax.js", args: ["webgpu"] },
  { name: "jax-js WASM", script: "child-jax.js", args: ["wasm"], forScale: true },
  {
    name: "retinaface-webgpu WASM, 1 thread",
    script: "child-wasm.js",
    args: ["1"],
    forScale: true,
  },
  {
    name: "retinaface-webgpu WASM, 2 threads",
    script: "child-wasm.js",
    args: ["2"],
    forScale: true,
  },
  {
    name: "onnxruntime-web WASM, 1 thread",
    script: "child-ort.js",
    args: ["web-wasm", "1"],
    forScale: true,
  },
  {
    name: "onnxruntime-web WASM, 2 threads",
    script: "child-ort.js",
    args: ["web-wasm", "2"],
    forScale: true,
  },
  { name: "onnxruntime-node CPU", script: "child-ort.js", args: ["node-cpu"], forScale: true },
];

/** How one library did on one task. */
export interface PeerResult {
  readonly peer: string;
  /** Milliseconds of one unit (a convolution of a chain); absent with a `reason`. */
  readonly time?: Summary;
  readonly gflops?: number;
  /** Milliseconds to build, compile and answer for the first time. */
  readonly first?: number;
  /** Its time over ours: above 1 we are faster. */
  readonly ratio?: number;
  /** Largest difference from our answer, relative to our largest value. */
  readonly difference?: number;
  /** Why it was not timed. */
  readonly reason?: string;
}

/** What a library's start cost. */
export interface PeerStart {
  readonly peer: string;
  readonly version?: string;
  /** Milliseconds to start the process and to answer the first task, shader cache empty. */
  readonly firstAnswer?: number;
  readonly reason?: string;
}

export interface TaskResult {
  readonly task: Task;
  readonly results: readonly PeerResult[];
}

/** Answers may differ by this, relative to the largest value: sums of thousands of products in f32. */
const TOLERANCE = 1e-3;

/** Largest difference between two answers, relative to the largest value of the second. */
export function difference(
  given: readonly Float32Array[],
  expected: readonly Float32Array[],
): number {
  if (given.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let apart = 0;
  for (const [i, values] of expected.entries()) {
    if (given[i].length !== values.length) return Number.POSITIVE_INFINITY;
    for (let k = 0; k < values.length; k++) {
      const gap = Math.abs(given[i][k] - values[k]);
      if (!Number.isFinite(gap)) return Number.POSITIVE_INFINITY;
      largest = Math.max(largest, Math.abs(values[k]));
      apart = Math.max(apart, gap);
    }
  }
  return largest > 0 ? apart / largest : apart;
}

/** A library's process, from start to end. */
export class Entrant {
  readonly contestant: Contestant;
  readonly #child: Child;
  #opening = 0;
  #version: string | undefined;
  #reason: string | undefined;
  #firstAnswer: number | undefined;

  constructor(contestant: Contestant, environment: NodeJS.ProcessEnv) {
    this.contestant = contestant;
    this.#child = new Child(contestant.script, contestant.args, environment);
  }

  get start(): PeerStart {
    const reason = this.#firstAnswer === undefined ? this.#reason : undefined;
    const { name } = this.contestant;
    return { peer: name, version: this.#version, firstAnswer: this.#firstAnswer, reason };
  }

  /** Loads the library; call it right after the process was started. */
  async open(weights: string): Promise<void> {
    const start = performance.now();
    try {
      const { version } = await this.#child.ask({ op: "open", weights });
      this.#version = version;
      this.#opening = performance.now() - start;
    } catch (error) {
      this.#reason = reasonOf(error);
    }
  }

  /** Builds the task and answers it once. */
  async prepare(
    task: string,
  ): Promise<{ first: number; outputs: readonly Float32Array[] } | string> {
    if (this.#version === undefined) return this.#reason ?? "it did not start";
    try {
      const { milliseconds, outputs = [] } = await this.#child.ask({ op: "prepare", task });
      this.#firstAnswer ??= this.#opening + milliseconds;
      return { first: milliseconds, outputs };
    } catch (error) {
      this.#reason ??= reasonOf(error);
      return reasonOf(error);
    }
  }

  async run(task: string): Promise<number> {
    return (await this.#child.ask({ op: "run", task })).milliseconds;
  }

  async release(task: string): Promise<void> {
    await this.#child.ask({ op: "release", task }).catch(() => undefined);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Prepared {
  readonly entrant: Entrant;
  readonly first: number;
  readonly difference: number | undefined;
  readonly times: number[];
  failed?: string;
}

/** Lets everyone answer, compares, then times those that agree, in turn. */
export async function compareTask(
  task: Task,
  entrants: readonly Entrant[],
  rounds: number,
  progress: (text: string) => void,
): Promise<TaskResult> {
  const results = new Map<Entrant, PeerResult>();
  const ready: Prepared[] = [];
  let expected: readonly Float32Array[] | undefined;
  for (const entrant of entrants) {
    const peer = entrant.contestant.name;
    progress(`  ${peer} prepares`);
    const answer = await entrant.prepare(task.name);
    if (typeof answer === "string") {
      results.set(entrant, { peer, reason: answer });
      continue;
    }
    const apart = expected && difference(answer.outputs, expected);
    if (peer === OURS) expected = answer.outputs;
    if (apart !== undefined && !(apart <= TOLERANCE)) {
      const reason = `its answer differs from ours by ${apart.toPrecision(2)} of the largest value`;
      results.set(entrant, { peer, first: answer.first, difference: apart, reason });
      await entrant.release(task.name);
      continue;
    }
    ready.push({ entrant, first: answer.first, difference: apart, times: [] });
  }
  progress(`  ${rounds} rounds`);
  await timeInTurn(task, ready, rounds);
  const ours = ready.find(({ entrant }) => entrant.contestant.name === OURS);
  for (const one of ready) results.set(one.entrant, resultOf(task, one, ours));
  return { task, results: entrants.map((entrant) => results.get(entrant)!) };
}

async function timeInTurn(task: Task, ready: readonly Prepared[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const one of ready) {
      if (one.failed) continue;
      try {
        one.times.push((await one.entrant.run(task.name)) / task.divisor);
      } catch (error) {
        one.failed = reasonOf(error);
      }
    }
  }
  for (const one of ready) await one.entrant.release(task.name);
}

function resultOf(task: Task, one: Prepared, ours: Prepared | undefined): PeerResult {
  const peer = one.entrant.contestant.name;
  const shared = { peer, first: one.first, difference: one.difference };
  if (one.failed) return { ...shared, reason: one.failed };
  const time = summarize(one.times);
  const gflops = task.flops > 0 ? task.flops / time.median / 1e6 : undefined;
  const compared = ours && ours !== one && !ours.failed;
  const ratio = compared ? time.median / summarize(ours.times).median : undefined;
  return { ...shared, time, gflops, ratio };
}
