#!/usr/bin/env node
/**
 * `npm run bench:match`: exact search in galleries of generated vectors, on both engines and by plain loops, taking turns in one
 * run. What they find is compared before anything is timed.
 */
import { parseArgs } from "node:util";
import {
  type Answer,
  Gallery,
  type GallerySearch,
  openSearch,
  topMatches,
  unitVector,
} from "@retinaface-webgpu/identify";
import { Random } from "@retinaface-webgpu/tensor";
import { describeMachine } from "./environment.js";
import { reportFailure, UsageError } from "./options.js";
import { interleave, quantile, type Taken, timeOf } from "./statistics.js";

const DIMENSIONS = 512;
const THREADS = 2;
const LIMIT = 5;
const QUERIES = [1, 16];
/** Similarities are sums of 512 products in 32 bits. */
const TOLERANCE = 1e-5;

/** What is timed: the whole way from queries to matches. */
interface Contestant {
  readonly name: string;
  match(queries: readonly Float32Array[]): Promise<readonly Answer[]>;
  dispose(): void;
}

/** A gallery of one picture an identity, all in one array. */
function generate(count: number): { gallery: Gallery; values: Float32Array } {
  const random = new Random(count);
  const values = new Float32Array(count * DIMENSIONS);
  const gallery = new Gallery({ model: "generated", dimensions: DIMENSIONS });
  for (let row = 0; row < count; row++) {
    const vector = values.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS);
    let squares = 0;
    for (let i = 0; i < DIMENSIONS; i++) {
      vector[i] = random.uint32() / 2 ** 32 - 0.5;
      squares += vector[i] * vector[i];
    }
    const scale = 1 / Math.sqrt(squares);
    for (let i = 0; i < DIMENSIONS; i++) vector[i] *= scale;
    gallery.restore(String(row), [vector]);
  }
  return { gallery, values };
}

/** As one would write it: a loop over rows, one over numbers. */
function plainLoops(gallery: Gallery, values: Float32Array): Contestant {
  const rows = gallery.rows();
  const count = rows.owners.length;
  return {
    name: "plain loops",
    match: async (queries) =>
      queries.map((query) => {
        const similarities = new Float32Array(count);
        for (let row = 0, at = 0; row < count; row++) {
          let sum = 0;
          for (let i = 0; i < DIMENSIONS; i++, at++) sum += values[at] * query[i];
          similarities[row] = sum;
        }
        const matches = topMatches(rows, similarities, { query: 0, queries: 1, limit: LIMIT });
        return { matches, identity: undefined };
      }),
    dispose: () => undefined,
  };
}

const searched = (name: string, search: GallerySearch): Contestant => ({
  name,
  match: (queries) => search.match(queries, { limit: LIMIT }),
  dispose: () => search.dispose(),
});

/** @throws Error where two find different identities, or others' similarities */
function compare(name: string, found: readonly Answer[], wanted: readonly Answer[]): void {
  for (const [q, { matches }] of found.entries()) {
    for (const [i, { id, similarity }] of matches.entries()) {
      const other = wanted[q].matches[i];
      if (id === other.id && Math.abs(similarity - other.similarity) < TOLERANCE) continue;
      throw new Error(`${name} finds ${id} ${similarity}, loops ${other.id} ${other.similarity}`);
    }
  }
}

async function measure(count: number, rounds: number, backends: readonly string[]): Promise<void> {
  const { gallery, values } = generate(count);
  const contestants = [plainLoops(gallery, values)];
  for (const backend of backends) {
    const start = performance.now();
    const options = { backend: backend as "wasm" | "webgpu", threads: THREADS };
    contestants.push(searched(backend, await openSearch(gallery, options)));
    say(`${count} vectors laid out on ${backend} in ${(performance.now() - start).toFixed(0)} ms`);
  }
  for (const queries of QUERIES) {
    // Near to somebody, as queries are.
    const asked = Array.from({ length: queries }, (_, q) => {
      const at = Math.floor((q * count) / queries) * DIMENSIONS;
      const near = values.slice(at, at + DIMENSIONS);
      return unitVector(
        near.map((value, i) => value + 0.01 * Math.sin(i * q)),
        DIMENSIONS,
      );
    });
    const wanted = await contestants[0].match(asked);
    for (const { name, match } of contestants.slice(1)) compare(name, await match(asked), wanted);
    const taken = await interleave(contestants, rounds, ({ match }) => timeOf(() => match(asked)));
    const told = [...taken].map(([{ name }, own]) => {
      const median = (of: keyof Taken) =>
        quantile(
          own.map((each) => each[of]),
          0.5,
        ).toFixed(1);
      return `${name} ${median("clock")} ms (${median("processor")} of processors)`;
    });
    say(`${count} × ${DIMENSIONS}, ${queries} at once: ${told.join(", ")}`);
  }
  for (const contestant of contestants) contestant.dispose();
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      counts: { type: "string", default: "10000,1000000" },
      rounds: { type: "string", default: "5" },
      backends: { type: "string", default: "wasm,webgpu" },
    },
  });
  const counts = values.counts.split(",").map(Number);
  const rounds = Number(values.rounds);
  const backends = values.backends.split(",");
  const known = backends.every((name) => name === "wasm" || name === "webgpu");
  if (![...counts, rounds].every((n) => Number.isSafeInteger(n) && n >= 1) || !known) {
    throw new UsageError("usage: [--counts 10000,1000000] [--rounds 5] [--backends wasm,webgpu]");
  }
  const { cpu, cores, loadAverage, date } = describeMachine();
  say(
    `${cpu}, ${cores} cores, load ${loadAverage}, ${date.slice(0, 10)}; wasm: ${THREADS} threads`,
  );
  for (const count of counts) await measure(count, rounds, backends);
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
