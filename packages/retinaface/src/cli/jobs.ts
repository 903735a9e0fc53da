import { close, open, write } from "node:fs";
import { readFile, truncate } from "node:fs/promises";
import { Writable } from "node:stream";
import { promisify } from "node:util";
import { readBytes } from "#platform";
import { OptionError } from "../errors.js";
import { WriteError } from "./files.js";
import { Outputs } from "./outputs.js";
import type { Photo } from "./photos.js";

/* What jobs over many photos are made of: a list, a share of it, and results that a run goes on from. */

const calls = { open: promisify(open), close: promisify(close), write: promisify(write) };

/**
 * Photos of a list: a name a line, nothing is a pattern; empty lines are left out.
 *
 * @param from a file, or `-` for standard input
 * @throws ReadError
 */
export async function readList(from: string, signal?: AbortSignal): Promise<Photo[]> {
  const bytes = from === "-" ? await readInput() : await readBytes(from, signal);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const names = lines.map((line) => line.replace(/\r$/, "")).filter((line) => line !== "");
  return names.map((file) => ({ file }));
}

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** One of `of` shares of a list, counted from 1. */
export interface Shard {
  readonly number: number;
  readonly of: number;
}

/** Reads `3/8`. @throws OptionError */
export function parseShard(text: string): Shard {
  const match = /^([1-9]\d{0,8})\/([1-9]\d{0,8})$/.exec(text);
  const [number, of] = match ? [Number(match[1]), Number(match[2])] : [1, 0];
  if (number > of) {
    throw new OptionError(`a shard is K/N with K from 1 to N, such as 3/8, not "${text}"`);
  }
  return { number, of };
}

/** Every `of`-th item: all shares together are the whole, and none is in two. */
export function shareOf<T>(items: readonly T[], { number, of }: Shard): T[] {
  return items.filter((_, i) => i % of === number - 1);
}

/** A file of results that is gone on with. */
export interface Resumed {
  /** Those that have no line yet, in their order. */
  readonly photos: Photo[];
  /** Appends whole lines: a line is in the file when it is written. */
  readonly stream: Writable;
}

/**
 * Goes on with results that another run wrote, which may have been killed at any moment: half a line at the end is cut
 * off, and photos that have a line, were it an error, are not looked at again.
 *
 * @param inputs what the run reads besides: results take the place of none of these
 * @throws OptionError for a file that does not consist of results, WriteError
 */
export async function resumeResults(
  file: string,
  photos: readonly Photo[],
  inputs: readonly (string | undefined)[],
): Promise<Resumed> {
  const read = [...photos.map((photo) => photo.file), ...inputs];
  await new Outputs({ overwrite: true, inputs: read }).check(file);
  const done = await linesOf(file);
  const rest = photos.filter((photo) => {
    const lines = done.get(photo.file) ?? 0;
    if (lines > 0) done.set(photo.file, lines - 1);
    return lines === 0;
  });
  return { photos: rest, stream: await appendTo(file) };
}

/** How many lines each photo has. */
async function linesOf(file: string): Promise<Map<string, number>> {
  const done = new Map<string, number>();
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return Buffer.alloc(0);
    throw new WriteError(file, cause);
  });
  const end = bytes.lastIndexOf(10) + 1;
  const lines = bytes.subarray(0, end).toString().split("\n");
  for (const [i, line] of lines.slice(0, -1).entries()) {
    const name = nameIn(line);
    if (name === undefined) {
      throw new OptionError(
        `line ${i + 1} of ${file} is no result of detect: give --resume another file`,
      );
    }
    done.set(name, (done.get(name) ?? 0) + 1);
  }
  if (end < bytes.length) {
    if (bytes[end] !== 123) {
      throw new OptionError(`${file} is no file of results: give --resume another file`);
    }
    await truncate(file, end).catch((cause) => {
      throw new WriteError(file, cause);
    });
  }
  return done;
}

function nameIn(line: string): string | undefined {
  try {
    const { file } = JSON.parse(line) as { file?: unknown };
    return typeof file === "string" ? file : undefined;
  } catch {
    return undefined;
  }
}

async function appendTo(file: string): Promise<Writable> {
  const fd = await calls.open(file, "a").catch((cause) => {
    throw new WriteError(file, cause);
  });
  const put = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      at += (await calls.write(fd, chunk, at, chunk.length - at)).bytesWritten;
    }
  };
  const failed = (cause: unknown) => new WriteError(file, cause);
  return new Writable({
    highWaterMark: 1,
    write: (chunk, _, done) =>
      void put(chunk).then(
        () => done(),
        (cause) => done(failed(cause)),
      ),
    destroy: (error, done) =>
      void calls.close(fd).then(
        () => done(error),
        () => done(error),
      ),
  });
}
