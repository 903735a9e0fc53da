import {
  compileKernels,
  encodeProgram,
  type Kernel,
  MEMORY_PAGES,
  marksLength,
  SLACK_BYTES,
  TEAM_BYTES,
  Team,
  threadBytes,
} from "@retinaface-webgpu/kernels-wasm";
import { canShareMemory, processorCount, startThread } from "#platform";
import { TensorError } from "../core/errors.js";
import type { Thread } from "../platform/thread.js";
import { type Block, BlockList } from "./memory.js";
import { type Answer, type Read, type Run, threadProgram, type Write } from "./thread.js";
import { type StepTiming, timingsOf } from "./timings.js";

/** WebAssembly does not run here, or a thread of it failed. */
export class WasmUnavailableError extends TensorError {
  constructor(message: string, options?: ErrorOptions) {
    super("WASM_UNAVAILABLE", message, options);
  }
}

/** The engine's memory, 4 GiB at most, does not suffice. */
export class WasmOutOfMemoryError extends TensorError {
  constructor(bytes: number) {
    const mebibytes = Math.ceil(bytes / 2 ** 20);
    super(
      "WASM_OUT_OF_MEMORY",
      `${mebibytes} MiB of memory are not to be had for the WebAssembly engine: use a smaller input or batch.`,
    );
  }
}

/** A place in memory: in a block, or (without one) in what a run is given for its duration. */
export interface Place {
  readonly offset: number;
  readonly block?: Block | undefined;
}

/** A kernel and where its operands lie. */
export interface WasmStep {
  readonly kernel: Kernel;
  readonly places: Readonly<Record<string, Place>>;
  /** See `ProgramStep.joins` of kernels-wasm. */
  readonly joins?: boolean | undefined;
}

/** What to run. */
export interface WasmJob {
  /** Bytes of memory for the run's duration, in which places without a block lie. */
  readonly bytes: number;
  readonly steps: readonly WasmStep[];
  readonly writes: readonly { readonly place: Place; readonly data: ArrayBufferView }[];
  readonly reads: readonly { readonly place: Place; readonly bytes: number }[];
}

/** Options of `WasmEngine.create`. */
export interface WasmEngineOptions {
  /**
   * Threads that compute; default as many as there are processors, at most 8. Not as many as there are cores: browsers do not
   * tell which processors share one, and work is taken in chunks, so that a slower thread holds the others up for one at most
   * (what that gains where they do has not been measured). Where a page is not cross-origin isolated,
   * there is one whatever is asked for.
   */
  threads?: number | undefined;
}

const MOST_THREADS = 8;
const PAGE = 65536;

/**
 * Runs WebAssembly kernels on threads of its own, never on the caller's. One run at a time; others wait for their turn.
 *
 * Where memory can be shared, all threads work on one; else a single thread has a memory of its own, and what goes in
 * and out goes by messages. Nothing above sees a difference.
 */
export class WasmEngine {
  readonly threads: number;
  readonly #team: readonly Thread[];
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #blocks: BlockList;
  /** Writes to memory that nobody shares: they go with the next run. */
  #pending: Write[] = [];
  #room: Block | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  #answers: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];

  private constructor(team: readonly Thread[], memory: WebAssembly.Memory | undefined) {
    this.#team = team;
    this.threads = team.length;
    this.#memory = memory;
    this.#blocks = new BlockList(MEMORY_PAGES * PAGE - PAGE);
    for (const [i, thread] of team.entries()) {
      thread.listen(
        (answer) => this.#hear(i, answer as Answer),
        (error) => this.#fail(broken(error.message)),
      );
    }
  }

  /**
   * Starts the threads.
   *
   * @throws WasmUnavailableError where there is no WebAssembly with SIMD and threads, or workers may not be started
   */
  static async create(options: WasmEngineOptions = {}): Promise<WasmEngine> {
    const wanted = options.threads ?? Math.min(processorCount(), MOST_THREADS);
    const count = canShareMemory ? Math.max(1, wanted) : 1;
    const pages = 16;
    const started: Thread[] = [];
    try {
      const memory = canShareMemory
        ? new WebAssembly.Memory({ initial: pages, maximum: MEMORY_PAGES, shared: true })
        : undefined;
      const compiling = compileKernels();
      const program = String(threadProgram);
      for (let i = 0; i < count; i++) started.push(startThread(program));
      const engine = new WasmEngine(started, memory);
      const module = await compiling;
      const start = { kind: "start", module, memory, pages, maximum: MEMORY_PAGES };
      await engine.#ask(() => start);
      return engine;
    } catch (error) {
      for (const thread of started) thread.stop();
      const detail = error instanceof Error ? error.message : String(error);
      throw new WasmUnavailableError(
        `The WebAssembly engine does not start here (${detail}): it needs WebAssembly with SIMD and ` +
          "threads, which Node 20 and browsers since 2023 have, and a page's policy must allow " +
          "'wasm-unsafe-eval' and workers from blob: URLs.",
        { cause: error },
      );
    }
  }

  /** Whether a thread failed: nothing runs any more then. */
  get isLost(): boolean {
    return this.#failure !== undefined;
  }

  /** Memory that stays until `free`. @throws WasmOutOfMemoryError */
  allocate(bytes: number): Block {
    const block = this.#blocks.take(bytes);
    if (!block || !this.#grow()) {
      if (block) this.#blocks.give(block);
      throw new WasmOutOfMemoryError(bytes);
    }
    return block;
  }

  free(block: Block): void {
    this.#blocks.give(block);
  }

  /** Whether the caller's thread sees the memory that the threads work on. */
  get isShared(): boolean {
    return this.#memory !== undefined;
  }

  /** A block's bytes as they are, where memory is shared; take them anew after whatever allocates. */
  bytesOf({ at, bytes }: Block): Uint8Array {
    return new Uint8Array(this.#memory!.buffer, at, bytes);
  }

  /** Makes room for a job, so that its runs need no more. @throws WasmOutOfMemoryError */
  reserve(job: Pick<WasmJob, "bytes" | "steps">): Promise<void> {
    const result = this.#turn.then(() => void this.#arrange(job));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Fills a block. Runs that were started before may see it. */
  write(block: Block, data: ArrayBufferView): void {
    this.#put(block.at, data);
  }

  /**
   * Runs steps on all threads.
   *
   * @returns copies of what `reads` name
   * @throws WasmOutOfMemoryError, WasmUnavailableError when a thread fails
   */
  run(job: WasmJob): Promise<ArrayBuffer[]> {
    const result = this.#turn.then(() => this.#run(job));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Runs steps and tells what each took, by the threads' clock. @throws as `run` */
  async profile(job: Pick<WasmJob, "bytes" | "steps">): Promise<StepTiming[]> {
    const result = this.#turn.then(() => this.#run({ ...job, writes: [], reads: [] }, true));
    this.#turn = result.catch(() => undefined);
    const [marks] = await result;
    return timingsOf(new Float64Array(marks), job.steps, this.threads);
  }

  /** Ends the threads; runs that wait are rejected. */
  dispose(): void {
    this.#fail(new TensorError("DISPOSED", "The WebAssembly engine was disposed: create another."));
  }

  async #run(job: WasmJob, timed = false): Promise<ArrayBuffer[]> {
    if (this.#failure) throw this.#failure;
    const layout = this.#arrange(job, timed);
    const address = ({ block, offset }: Place) => (block?.at ?? layout.base) + offset;
    const steps = job.steps.map(({ kernel, places, joins }) => ({
      kernel,
      joins,
      addressOf: (operand: string) => address(places[operand]),
    }));
    for (const { place, data } of job.writes) this.#put(address(place), data);
    this.#put(layout.program, encodeProgram(steps, layout.scratch));
    const team = new Int32Array(TEAM_BYTES / 4);
    if (timed) team[Team.marks] = layout.marks;
    team[Team.marksBytes] = layout.marksBytes;
    this.#put(layout.team, team);
    const reads = job.reads.map(({ place, bytes }): Read => ({ at: address(place), bytes }));
    if (timed) reads.push({ at: layout.marks, bytes: layout.marksBytes * this.threads });
    const writes = this.#pending;
    this.#pending = [];
    const own = this.#memory === undefined;
    const [first] = await this.#ask(
      (thread): Run => ({
        kind: "run",
        program: layout.program,
        team: layout.team,
        thread,
        threads: this.threads,
        pages: this.#pages,
        writes,
        reads: own ? reads : [],
      }),
    );
    if (own) return [...first.results];
    const bytes = new Uint8Array(this.#memory!.buffer);
    return reads.map(({ at, bytes: n }) => new Uint8Array(bytes.subarray(at, at + n)).buffer);
  }

  /** Room for a job: its own bytes, the threads' scratch, the program, the team's place and what it takes down. */
  #arrange({ bytes, steps }: Pick<WasmJob, "bytes" | "steps">, timed = false) {
    const align = (value: number) => Math.ceil(value / 64) * 64;
    const scratchBytes = threadBytes(steps);
    const words = steps.reduce((n, { kernel }) => n + kernel.words.length, 16);
    const scratch = align(bytes + SLACK_BYTES);
    const program = align(scratch + scratchBytes * this.threads + SLACK_BYTES);
    const team = align(program + words * 4);
    const marks = team + TEAM_BYTES;
    const marksBytes = timed ? marksLength(steps.length) * 8 : 0;
    const total = marks + marksBytes * this.threads;
    if (!this.#room || this.#room.bytes < total) {
      if (this.#room) this.free(this.#room);
      this.#room = undefined;
      this.#room = this.allocate(total);
    }
    const base = this.#room.at;
    return {
      base,
      scratch: base + scratch,
      program: base + program,
      team: base + team,
      marks: base + marks,
      marksBytes,
    };
  }

  get #pages(): number {
    return Math.ceil((this.#blocks.end + SLACK_BYTES) / PAGE);
  }

  /** Makes the shared memory as large as the blocks need. */
  #grow(): boolean {
    if (!this.#memory) return true;
    const lack = this.#pages - this.#memory.buffer.byteLength / PAGE;
    if (lack <= 0) return true;
    try {
      this.#memory.grow(lack);
      return true;
    } catch {
      return false;
    }
  }

  #put(at: number, view: ArrayBufferView): void {
    const data = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (this.#memory) new Uint8Array(this.#memory.buffer).set(data, at);
    // A message carries the whole buffer that a view belongs to.
    else
      this.#pending.push({
        at,
        data: data.byteLength < data.buffer.byteLength ? data.slice() : data,
      });
  }

  /** Sends each thread a message and waits for all answers. */
  async #ask(messageFor: (thread: number) => unknown): Promise<Answer[]> {
    if (this.#failure) throw this.#failure;
    const answers = this.#team.map(
      (_, i) =>
        new Promise<Answer>((resolve, reject) => {
          this.#answers[i] = { resolve, reject };
        }),
    );
    for (const thread of this.#team) thread.busy(true);
    try {
      for (const [i, thread] of this.#team.entries()) thread.post(messageFor(i));
      return await Promise.all(answers);
    } finally {
      for (const thread of this.#team) thread.busy(false);
    }
  }

  /** A thread that failed leaves the others waiting for it: all end. */
  #hear(thread: number, answer: Answer): void {
    if (answer.outOfMemory) {
      this.#answers[thread].reject(new WasmOutOfMemoryError(this.#pages * PAGE));
    } else if (answer.error !== undefined) {
      this.#fail(broken(answer.error));
    } else {
      this.#answers[thread]?.resolve(answer);
    }
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const thread of this.#team) thread.stop();
    for (const { reject } of this.#answers) reject(error);
    this.#answers = [];
  }
}

function broken(detail: string): WasmUnavailableError {
  return new WasmUnavailableError(`The WebAssembly engine failed (${detail}): create another.`);
}
