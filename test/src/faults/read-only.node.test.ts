/** Folders of results and caches that may be read and not written: by a process that has no right to. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodePng } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PhotoCache } from "../../../packages/train/dist/distill/sources.node.js";
import { repository, temporaryFolder } from "../support/repository.node.js";
import { skip } from "../support/skip.js";
import { noiseImage } from "../support/tiny-detector.js";

const built = (file: string) => JSON.stringify(path.join(repository, "packages", file));

/** Uses each cache once and tells what came of it, by name. */
const PROGRAM = `
import { PhotoCache } from ${built("train/dist/distill/sources.node.js")};
import { kernelStore } from ${built("retinaface/dist/tune/store.node.js")};
import { pullWeights } from ${built("retinaface/dist/weights/pull.node.js")};
const told = {};
const tell = (name, work) => Promise.resolve().then(work).then(
  () => { told[name] = "done"; },
  (error) => { told[name] = \`\${error.code}: \${error.message}\`; },
);
const folder = process.argv[2];
const photos = new PhotoCache(folder);
await tell("a photo that is kept", () => photos.photo("kept.png", 16));
await tell("another photo", () => photos.photo("other.png", 16));
await tell("a cache within it", () => new PhotoCache(folder + "/teacher"));
await tell("measured kernels", () => kernelStore(folder).write("{}"));
await tell("measured kernels in a folder of their own", () => kernelStore(folder + "/own").write("{}"));
await tell("weights", () => pullWeights("tiny", { cacheDir: folder, registry: [
  { name: "tiny", url: "http://127.0.0.1:9/tiny.pth", bytes: 1, sha256: "0", licence: "MIT" },
] }));
console.log(JSON.stringify(told));
`;

const EXPECTED: Record<string, RegExp> = {
  "a photo that is kept": /^done$/,
  "another photo": /^CACHE_UNWRITABLE: .*permission denied.*--cache/,
  "a cache within it": /^CACHE_UNWRITABLE: .*permission denied.*--cache/,
  "measured kernels": /^WRITE_FAILED: .*permission denied/,
  "measured kernels in a folder of their own": /^WRITE_FAILED: .*XDG_CACHE_HOME/,
  weights: /^PULL_CACHE_UNWRITABLE: .*XDG_CACHE_HOME/,
};

const user = process.getuid?.();
if (user === undefined) {
  skip(test, "a read-only cache folder", "needs permissions as Unix has them");
} else {
  test("a read-only cache folder gives what it holds, and says how to go on without", async () => {
    const home = temporaryFolder("read-only");
    const cache = path.join(home, "cache");
    mkdirSync(cache);
    chmodSync(home, 0o755);
    for (const name of ["kept", "other"]) {
      writeFileSync(path.join(home, `${name}.png`), encodePng(noiseImage(24, 16)));
    }
    writeFileSync(path.join(home, "program.mjs"), PROGRAM);
    await new PhotoCache(cache).photo(path.join(home, "kept.png"), 16);
    const before = readdirSync(cache);
    chmodSync(cache, 0o555);
    // The administrator may write anywhere: another user has to try.
    const nobody = user === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { stdout, stderr } = spawnSync(process.execPath, ["program.mjs", cache], {
      cwd: home,
      encoding: "utf8",
      timeout: 60_000,
      ...nobody,
    });
    assert.match(stdout, /^\{/, stderr);
    const told = JSON.parse(stdout);
    for (const [what, answer] of Object.entries(EXPECTED)) assert.match(told[what], answer, what);
    assert.equal(readdirSync(cache), before);
    chmodSync(cache, 0o755);
    rmSync(home, { recursive: true });
    assert.not(existsSync(home));
  });
}

test.run();
