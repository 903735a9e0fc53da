import type { FileHandle } from "node:fs/promises";
import { PullError, quote } from "./errors.js";
import type { Route } from "./proxy.node.js";
import type { PublicFile } from "./registry.js";

/** A failure that another attempt may mend. */
export class TransientError extends PullError {}

/** The server refuses to go on where the part ends: it must be fetched afresh. */
export class StalePartError extends TransientError {}

export interface DownloadOptions {
  readonly route: Route;
  readonly signal?: AbortSignal | undefined;
  readonly silence?: number | undefined;
  readonly leastRate?: number | undefined;
  /** Called with the number of bytes in place. */
  readonly report: (received: number) => void;
}

const DEFAULT_SILENCE = 30_000;
const DEFAULT_LEAST_RATE = 1024;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 5;
const PARTIAL_CONTENT = 206;
const RANGE_NOT_SATISFIABLE = 416;
const BUSY = new Set([408, 425, 429, 500, 502, 503, 504]);
const GONE = new Set([404, 410]);

/** Aborts when the caller does, when nothing came for so long, or when too little came in that time. */
class Watchdog {
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  readonly #least: number;
  readonly #rate: NodeJS.Timeout;
  #silent: NodeJS.Timeout;
  #received = 0;
  #slow = false;

  constructor(
    readonly silence: number,
    readonly leastRate: number,
    callerSignal: AbortSignal | undefined,
  ) {
    const own = this.#controller.signal;
    this.signal = callerSignal ? AbortSignal.any([callerSignal, own]) : own;
    this.#least = (leastRate * silence) / 1000;
    this.#silent = this.#start();
    this.#rate = setInterval(() => this.#checkRate(), silence);
  }

  /** Whether it was the rate that ended the download. */
  get slow(): boolean {
    return this.#slow;
  }

  touch(bytes: number): void {
    this.#received += bytes;
    clearTimeout(this.#silent);
    this.#silent = this.#start();
  }

  stop(): void {
    clearTimeout(this.#silent);
    clearInterval(this.#rate);
    this.#controller.abort();
  }

  #checkRate(): void {
    if (this.#received < this.#least) {
      this.#slow = true;
      this.#controller.abort(new Error(`fewer than ${this.leastRate} bytes a second`));
    }
    this.#received = 0;
  }

  #start(): NodeJS.Timeout {
    return setTimeout(
      () => this.#controller.abort(new Error(`silent for ${this.silence} ms`)),
      this.silence,
    );
  }
}

function causeText(error: unknown): string {
  const { cause, message } = error as Error;
  const inner = cause as NodeJS.ErrnoException | undefined;
  return inner?.code ?? inner?.message ?? message;
}

/** What may happen between a request and its answer, as the caller's to catch. */
async function ask(
  route: Route,
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await route.fetch(url, { headers, signal, redirect: "manual" });
  } catch (error) {
    throw (
      proxyError(route, url, error) ??
      new TransientError(
        "PULL_OFFLINE",
        `${new URL(url).host} can not be reached (${causeText(error)}). Check the network, or fetch ${url} elsewhere and name the file.`,
        { cause: error },
      )
    );
  }
}

/** The error of a proxy that refuses, which stays so, or of one that is busy or can not be reached. */
function proxyError(route: Route, url: string, error: unknown): PullError | undefined {
  const failure = route.proxyFailure(error);
  if (failure === undefined) return undefined;
  const { status, text } = failure;
  const Failure = status === undefined || BUSY.has(status) ? TransientError : PullError;
  return new Failure(
    "PULL_PROXY",
    `${text}: ${new URL(url).host} was not asked. Correct HTTPS_PROXY (http://NAME:PASSWORD@HOST:PORT), add ` +
      `the host to NO_PROXY, or fetch ${url} elsewhere and name the file.`,
    { cause: error },
  );
}

/** Where an answer leads, or undefined where it is the file itself. */
function redirection(response: Response, from: string): string | undefined {
  if (!REDIRECTS.has(response.status)) return undefined;
  const location = response.headers.get("location");
  const to =
    location !== null && URL.canParse(location, from) ? new URL(location, from) : undefined;
  const { protocol } = new URL(from);
  if (to && (to.protocol === protocol || to.protocol === "https:")) return to.href;
  const where = location === null ? "nowhere" : quote(location);
  throw new PullError(
    "PULL_REDIRECT",
    `${from} leads to ${where}, which is not followed. Fetch the weights elsewhere and name the file.`,
  );
}

/** Follows redirections, a few of them, and never to a scheme that is less safe. */
async function request(
  route: Route,
  file: PublicFile,
  from: number,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (from > 0) headers.range = `bytes=${from}-`;
  let { url } = file;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const response = await ask(route, url, headers, signal);
    const next = redirection(response, url);
    if (next === undefined) return response;
    await response.body?.cancel().catch(() => undefined);
    url = next;
  }
  throw new PullError(
    "PULL_REDIRECT",
    `${file.url} leads on more than ${MOST_REDIRECTS} times. Fetch the weights elsewhere and name the file.`,
  );
}

/** Where the answer's bytes belong; throws where it is no such file, or not the part asked for. */
function startOf(response: Response, file: PublicFile, from: number): number {
  const { status } = response;
  if (GONE.has(status)) {
    throw new PullError(
      "PULL_NOT_FOUND",
      `${file.url} is not there (${status}). It has moved: fetch the weights elsewhere and name the file.`,
    );
  }
  if (!response.ok) {
    const Failure = BUSY.has(status) ? TransientError : PullError;
    throw new Failure("PULL_REFUSED", `${file.url} answers ${status}. Try again later.`);
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  const start = status === PARTIAL_CONTENT ? Number(range?.[1]) : 0;
  const encoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const length = encoded ? null : response.headers.get("content-length");
  const total = length === null ? file.bytes : start + Number(length);
  if ((start !== 0 && start !== from) || total !== file.bytes) {
    throw new PullError(
      "PULL_WRONG_SIZE",
      `${file.url} offers ${total} bytes from ${start} on; asked were ${file.bytes} bytes from ${from} on. The file was replaced: fetch the weights elsewhere and name the file.`,
    );
  }
  return start;
}

async function writeAll(handle: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await handle.write(piece, done, piece.length - done, position + done);
    if (bytesWritten === 0)
      throw Object.assign(new Error("nothing is written"), { code: "ENOSPC" });
    done += bytesWritten;
  }
}

/** The pieces of a body; a connection that breaks is a {@link TransientError}. */
async function* pieces(body: ReadableStream<Uint8Array>, file: PublicFile) {
  try {
    yield* body as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw interrupted(file, causeText(error), error);
  }
}

function interrupted({ url }: PublicFile, why: string, cause?: unknown): TransientError {
  return new TransientError(
    "PULL_INTERRUPTED",
    `The download of ${url} broke off (${why}). What arrived is kept: pull again to go on.`,
    { cause },
  );
}

/**
 * Fetches the file's bytes from `from` on into `handle`, each at its position; a server that does not
 * do ranges sends it all again.
 *
 * @throws TransientError where another attempt may help, otherwise PullError
 */
export async function download(
  file: PublicFile,
  handle: FileHandle,
  from: number,
  options: DownloadOptions,
): Promise<void> {
  const { silence = DEFAULT_SILENCE, leastRate = DEFAULT_LEAST_RATE } = options;
  const watchdog = new Watchdog(silence, leastRate, options.signal);
  try {
    const response = await request(options.route, file, from, watchdog.signal);
    if (response.status === RANGE_NOT_SATISFIABLE) {
      throw new StalePartError(
        "PULL_WRONG_SIZE",
        `${file.url} can not be continued from ${from} on. Pull again to start afresh.`,
      );
    }
    let position = startOf(response, file, from);
    for await (const piece of response.body ? pieces(response.body, file) : []) {
      watchdog.touch(piece.length);
      if (position + piece.length > file.bytes) {
        throw new PullError("PULL_WRONG_SIZE", `${file.url} sends more than ${file.bytes} bytes.`);
      }
      await writeAll(handle, piece, position);
      position += piece.length;
      options.report(position);
    }
    if (position < file.bytes) throw interrupted(file, `after ${position} bytes`);
  } catch (error) {
    if (!watchdog.slow) throw error;
    throw new PullError(
      "PULL_TOO_SLOW",
      `${file.url} sends fewer than ${leastRate} bytes a second. What arrived is kept: pull again to go on.`,
      { cause: error },
    );
  } finally {
    watchdog.stop();
  }
}
