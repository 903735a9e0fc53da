import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { samplePhoto } from "./stages.js";
import { median } from "./statistics.js";

/** Milliseconds of a fresh process. */
export interface ColdStart {
  /** Process start to weights on the GPU. */
  readonly loaded: number;
  /** Process start to the first faces at 640×640. */
  readonly firstFaces: number;
  /** Processor time until then, all threads together: what a busy machine stretches least. */
  readonly processor: number;
  /** Pipelines compiled by then. */
  readonly pipelines: number;
  /** A later detection at that size. */
  readonly known: number;
  /** What the first detection at another size costs more than the second. */
  readonly newSize: number;
}

/** A start with nothing in the driver's shader cache, and one with all that the first left there. */
export interface ColdStarts {
  readonly cold: ColdStart;
  readonly warm: ColdStart;
}

const child = fileURLToPath(new URL("cold-child.js", import.meta.url));
const run = promisify(execFile);

async function start(files: readonly string[], cache: string): Promise<ColdStart> {
  const { stdout } = await run(process.execPath, [child, ...files], {
    env: {
      ...process.env,
      MESA_SHADER_CACHE_DIR: cache,
      XDG_CACHE_HOME: cache,
      __GL_SHADER_DISK_CACHE_PATH: cache,
    },
  });
  const { known, newSize, newSizeAgain, ...told } = JSON.parse(stdout);
  return { ...told, known: median(known), newSize: newSize - newSizeAgain };
}

/** Starts fresh processes on a shader cache of their own; the medians of `rounds` pairs. */
export async function benchColdStart(weights: Uint8Array, rounds: number): Promise<ColdStarts> {
  const folder = await mkdtemp(path.join(tmpdir(), "retinaface-bench-"));
  const files = ["weights", "photo.png"].map((name) => path.join(folder, name));
  await writeFile(files[0], weights);
  await writeFile(files[1], (await samplePhoto()).file);
  const pairs: ColdStarts[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const cache = await mkdtemp(path.join(folder, "cache-"));
      pairs.push({ cold: await start(files, cache), warm: await start(files, cache) });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    cold: middle(pairs.map(({ cold }) => cold)),
    warm: middle(pairs.map(({ warm }) => warm)),
  };
}

function middle(starts: readonly ColdStart[]): ColdStart {
  const pick = (key: keyof ColdStart) => median(starts.map((one) => one[key]));
  return {
    loaded: pick("loaded"),
    firstFaces: pick("firstFaces"),
    processor: pick("processor"),
    pipelines: pick("pipelines"),
    known: pick("known"),
    newSize: pick("newSize"),
  };
}
