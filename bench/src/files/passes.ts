/** The child's side: a pass over the photos, whose faces are printed; or several, whose times are. */
import { parseArgs } from "node:util";

export interface Asked {
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly photos: readonly string[];
  /** Passes that are timed after a first one. */
  readonly passes: number;
}

/** Reads a child's arguments: options by the names given, then photos. */
export function readArguments(names: readonly string[]): Asked {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    options: Object.fromEntries([...names, "passes"].map((name) => [name, text])),
    allowPositionals: true,
  });
  return { values, photos: positionals, passes: Number(values.passes ?? 0) };
}

/**
 * Runs the passes.
 * @param look at all photos once, in their order, telling how many faces each has
 */
export async function runPasses(
  { photos, passes }: Asked,
  look: (photos: readonly string[], tell: (file: string, faces: number) => void) => Promise<void>,
): Promise<void> {
  const print = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
  await look(photos, (file, faces) => {
    if (passes === 0) print({ file, faces: Array(faces).fill(null) });
  });
  for (let pass = 0; pass < passes; pass++) {
    let total = 0;
    const start = performance.now();
    await look(photos, (_, faces) => {
      total += faces;
    });
    print({ milliseconds: performance.now() - start, faces: total });
  }
}
