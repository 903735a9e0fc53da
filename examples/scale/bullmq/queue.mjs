// What submitter and workers share: the queue's names, the way to Redis, and what a part of the list is.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Redis } from "ioredis";

export const QUEUE = "faces";
/** Where parts go that failed as often as they may. */
export const DEAD = "faces-dead";

const LONGEST_WAIT_MS = 2000;

/** A connection that comes back by itself, however long Redis is away. */
export function connect(url) {
  const connection = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => Math.min(tries * 100, LONGEST_WAIT_MS),
  });
  let away = false;
  connection.on("error", ({ code, message }) => {
    if (!away) console.error(`redis: ${code ?? message}`);
    away = true;
  });
  connection.on("ready", () => {
    if (away) console.error("redis: there again");
    away = false;
  });
  return connection;
}

/** A list of photos, a name a line, cut into parts, each with the file that its results will be in. */
export async function readParts(list, size, work) {
  const names = (await readFile(list, "utf8")).split(/\r?\n/).filter((name) => name !== "");
  const parts = [];
  for (let at = 0; at < names.length; at += size) {
    const id = `part-${String(parts.length).padStart(8, "0")}`;
    parts.push({ id, photos: names.slice(at, at + size), target: targetOf(work, id) });
  }
  return parts;
}

/** The file of a part's results: there and whole, or not there. */
export const targetOf = (work, id) => path.join(work, `${id}.jsonl`);

export const isDone = ({ target }) => existsSync(target);
