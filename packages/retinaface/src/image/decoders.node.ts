import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Known } from "@retinaface-webgpu/tensor/inference";
import { ImageError, OptionError, ReadError } from "../errors.js";
import type { RawImage } from "../types.js";
import { holdsBytes } from "./bytes.js";
import { capture, markDecoded } from "./capture.js";
import { type Decoded, type Decoders, plainDecoders } from "./decoders.js";
import type { ImageInput } from "./input.js";
import { type DecodeOptions, isRawImage } from "./raw.js";
import { readBytes, toRawImage } from "./read.node.js";
import { decodeBySharp, hasSharp } from "./sharp.node.js";

/** More threads than this would wait for the network. */
const MOST_DECODERS = 8;

const PROGRAM = new URL("./decode-thread.node.js", import.meta.url);

/** What pixels become: a JPEG, a PNG with its transparency where there is any, or one without. */
export type Encoding = "jpeg" | "png" | "rgb-png";

/** What a thread is to do. */
export type Work =
  | { readonly input: string | Uint8Array | Known<"Blob">; readonly options: DecodeOptions }
  | { readonly encoding: Encoding; readonly image: RawImage };

/** What a thread is told. */
export type Request = (Work & { readonly id: number }) | { readonly abort: number };

/** What comes of work. */
export type Outcome = Decoded | { readonly bytes: Uint8Array };

/** What it answers. */
export type Reply = { readonly id: number } & (
  | { readonly outcome: Outcome }
  | { readonly code: string; readonly message: string; readonly stack: string | undefined }
);

/** Decodes in threads, which write pixels too. */
export interface NodeDecoders extends Decoders {
  /**
   * Encodes pixels, whose memory goes with them: it is empty afterwards.
   * @throws the signal's reason at once
   */
  encode(
    encoding: Encoding,
    image: RawImage,
    signal?: DecodeOptions["signal"],
  ): Promise<Uint8Array>;
}

/**
 * Decodes and encodes images in threads of their own.
 *
 * @param wanted threads; default as many as there are processors, at most 8; 0: none, it is done on the caller's
 * @throws OptionError for another number
 */
export function openDecoders(wanted?: number): NodeDecoders {
  const count = wanted ?? Math.min(availableParallelism(), MOST_DECODERS);
  if (!Number.isSafeInteger(count) || count < 0 || count > 64) {
    throw new OptionError(`decoders must be a whole number from 0 to 64, got ${count}`);
  }
  // Where the package was bundled into one file its threads' program is not beside it.
  const alone = count === 0 || !existsSync(fileURLToPath(PROGRAM));
  if (!alone) return new DecoderThreads(count);
  return { ...plainDecoders(toRawImage), encode: encodePixels };
}

/** Encodes on the caller's thread. Encoders are loaded with the first picture that is written. */
export async function encodePixels(encoding: Encoding, image: RawImage): Promise<Uint8Array> {
  if (encoding === "rgb-png") return (await import("../draw/png.node.js")).encodePng(image);
  return (await import("../redact/encode.node.js")).encodeByOthers(encoding, image);
}

interface Task {
  readonly request: Work & { readonly id: number };
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
  thread?: Worker;
}

class DecoderThreads implements NodeDecoders {
  readonly count: number;
  readonly #threads = new Map<Worker, Task | undefined>();
  readonly #waiting: Task[] = [];
  #ids = 0;
  #closed = false;

  constructor(count: number) {
    this.count = count;
  }

  async decode(input: ImageInput, options: DecodeOptions = {}): Promise<Decoded> {
    const { signal, ...others } = options;
    if (isRawImage(input)) return { image: await toRawImage(input, options), milliseconds: 0 };
    const start = performance.now();
    let source = await portable(capture(input), signal);
    signal?.throwIfAborted();
    if (options.decoder !== "own" && hasSharp()) {
      // sharp has threads of its own.
      source = await bytesOf(source, signal);
      const image = await decodeBySharp(source, options);
      if (image) return { image: markDecoded(image), milliseconds: performance.now() - start };
    }
    const reading = performance.now() - start;
    const decoding = await this.#ask({ input: source, options: others }, signal);
    const { image, milliseconds } = decoding as Decoded;
    markDecoded(image);
    return { image, milliseconds: reading + milliseconds };
  }

  async encode(
    encoding: Encoding,
    image: RawImage,
    signal?: DecodeOptions["signal"],
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { data, width, height } = image;
    const encoded = await this.#ask({ encoding, image: { data, width, height } }, signal);
    return (encoded as { readonly bytes: Uint8Array }).bytes;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const task of this.#waiting.splice(0)) task.reject(closed());
    for (const [, task] of threads) task?.reject(closed());
    await Promise.all(threads.map(([thread]) => thread.terminate()));
  }

  #ask(work: Work, signal: DecodeOptions["signal"]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw closed();
      const abort = () => {
        this.#drop(task);
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener("abort", abort);
      const task: Task = {
        request: { id: this.#ids++, ...work },
        resolve: (outcome) => {
          settled();
          resolve(outcome);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(task);
      this.#next();
    });
  }

  /** Hands the first task that waits to a thread that does not. */
  #next(): void {
    if (this.#waiting.length === 0) return;
    const thread = this.#free() ?? (this.#threads.size < this.count ? this.#start() : undefined);
    if (!thread) return;
    const task = this.#waiting.shift() as Task;
    task.thread = thread;
    this.#threads.set(thread, task);
    thread.ref();
    thread.postMessage(task.request, movedWith(task.request));
  }

  #free(): Worker | undefined {
    for (const [thread, task] of this.#threads) if (!task) return thread;
    return undefined;
  }

  #start(): Worker {
    const thread = new Worker(PROGRAM, { execArgv: [] });
    this.#threads.set(thread, undefined);
    thread.on("message", (reply: Reply) => this.#answer(thread, reply));
    thread.on("error", (cause) => this.#broken(thread, cause));
    thread.on("exit", () => this.#broken(thread, new Error("the thread ended")));
    return thread;
  }

  #answer(thread: Worker, reply: Reply): void {
    // A thread that is being ended keeps the process alive until it is.
    if (this.#closed) return;
    const task = this.#threads.get(thread);
    this.#threads.set(thread, undefined);
    thread.unref();
    if (task?.request.id === reply.id) {
      if ("outcome" in reply) task.resolve(reply.outcome);
      else task.reject(errorOf(reply));
    }
    this.#next();
  }

  /** A thread without memory ends, and its image fails; the next image gets a new one. */
  #broken(thread: Worker, cause: Error): void {
    const task = this.#threads.get(thread);
    if (!this.#threads.delete(thread)) return;
    const memory = (cause as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY";
    task?.reject(
      memory
        ? new ImageError("IMAGE_TOO_LARGE", "there is not enough memory for the image", { cause })
        : cause,
    );
    this.#next();
  }

  /** Forgets a task; a thread that is at it hears of it between two rows. */
  #drop(task: Task): void {
    const at = this.#waiting.indexOf(task);
    if (at >= 0) this.#waiting.splice(at, 1);
    task.thread?.postMessage({ abort: task.request.id } satisfies Request);
  }
}

const closed = () => new Error("the decoders were closed");

/** The memory that a thread gets without a copy. */
function movedWith(work: Work): ArrayBuffer[] {
  const bytes = "input" in work ? work.input : work.image.data;
  return bytes instanceof Uint8Array || bytes instanceof Uint8ClampedArray
    ? [bytes.buffer as ArrayBuffer]
    : [];
}

/** What can be sent to a thread; bytes that only this one can find are read here. */
async function portable(
  input: ImageInput,
  signal: DecodeOptions["signal"],
): Promise<string | Uint8Array | Blob> {
  if (input instanceof Uint8Array || input instanceof Blob) return input;
  const text = typeof input === "string" || input instanceof URL;
  return text && !holdsBytes(input) ? String(input) : readBytes(input as string, signal);
}

/** @throws ImageError `IMAGE_UNREADABLE` */
async function bytesOf(
  source: string | Uint8Array | Blob,
  signal: DecodeOptions["signal"],
): Promise<Uint8Array> {
  try {
    return await readBytes(source, signal);
  } catch (cause) {
    if (!(cause instanceof ReadError)) throw cause;
    throw new ImageError("IMAGE_UNREADABLE", cause.message, { cause });
  }
}

function errorOf({ code, message, stack }: Extract<Reply, { code: string }>): Error {
  if (code === "OPTION_INVALID") return new OptionError(message);
  if (code.startsWith("IMAGE_")) return new ImageError(code as ImageError["code"], message);
  return Object.assign(new Error(message), { ...(code && { code }), stack });
}
