/** A cache folder, and a server from which `pull` fills it. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import * as assert from "uvu/assert";
import { type PullOptions, pullWeights } from "../../../packages/retinaface/dist/weights/node.js";
import { type Answer, type FileServer, startFileServer } from "./file-server.node.js";

/** The file on the server. */
export const body = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);
export const sha256 = createHash("sha256").update(body).digest("hex");
/** Another of the same size. */
export const wrong = body.map((byte, i) => (i === 200_000 ? byte ^ 1 : byte));

/** Variables that lead away from the server; none is set where the tests run. */
export const PROXY_VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);
for (const name of PROXY_VARIABLES) delete process.env[name];

export interface Place {
  readonly server: FileServer;
  readonly cacheDir: string;
  readonly final: string;
  readonly part: string;
  pull(options?: PullOptions): ReturnType<typeof pullWeights>;
  /** Names in the cache folder. */
  files(): Promise<string[]>;
}

/** Runs `check` with a server that gives these answers and an empty cache folder. */
export async function withServer(answers: Answer[], check: (place: Place) => Promise<void>) {
  const server = await startFileServer(body, ...answers);
  const cacheDir = await mkdtemp(path.join(tmpdir(), "pull-"));
  const final = path.join(cacheDir, "tiny.pth");
  const registry = [{ name: "tiny", url: server.url, bytes: body.length, sha256, licence: "MIT" }];
  try {
    await check({
      server,
      cacheDir,
      final,
      part: `${final}.part`,
      pull: (options) => pullWeights("tiny", { cacheDir, registry, retryDelay: 1, ...options }),
      files: async () => (await readdir(cacheDir)).sort(),
    });
  } finally {
    await server.close();
    await rm(cacheDir, { recursive: true });
  }
}

/** The cache holds the file and nothing else. */
export async function assertPulled({ final, files }: Place): Promise<void> {
  assert.equal(await files(), ["tiny.pth"]);
  assert.is(Buffer.compare(await readFile(final), body), 0);
}
