import { spawn } from "node:child_process";
import { once } from "node:events";
import { link, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  cacheFolder,
  type PullProgress,
  pullWeights,
} from "../../../../packages/retinaface/dist/weights/node.js";
import {
  type Answer,
  breakAfter,
  ignoreRange,
  sendOther,
  sendRange,
  stallAfter,
  status,
} from "../../support/file-server.node.js";
import {
  assertPulled,
  body,
  type Place,
  sha256,
  withServer,
  wrong,
} from "../../support/pull-place.node.js";
import { skip } from "../../support/skip.js";
import { rejectsCode } from "../../support/throws.js";

const MODULE = new URL("../../../../packages/retinaface/dist/weights/node.js", import.meta.url)
  .href;

test("fetches once, then takes the cache's", () =>
  withServer([sendRange], async (place) => {
    const seen: PullProgress[] = [];
    const first = await place.pull({ onProgress: (progress) => seen.push(progress) });
    assert.is(first.path, place.final);
    assert.not(first.cached);
    await assertPulled(place);
    assert.equal(seen.at(-1), { name: "tiny", received: body.length, total: body.length });
    assert.ok(seen.every(({ received }, i) => i === 0 || received > seen[i - 1].received));
    assert.ok((await place.pull()).cached);
    assert.is(place.server.ranges.length, 1);
  }));

test("goes on where the connection broke", () =>
  withServer([breakAfter(100_000), breakAfter(50_000), sendRange], async (place) => {
    await place.pull();
    await assertPulled(place);
    const starts = place.server.ranges.map((range) => Number(/\d+/.exec(range ?? "")?.[0] ?? 0));
    assert.is(starts.length, 3);
    assert.ok(starts[0] === 0 && starts[1] > 0 && starts[2] > starts[1], `${starts}`);
  }));

test("gives up after its retries, keeps what arrived, and a later call goes on", () =>
  withServer([breakAfter(20_000)], async (place) => {
    await rejectsCode(place.pull({ retries: 2 }), "PULL_INTERRUPTED", /pull again/);
    assert.is(place.server.ranges.length, 3);
    assert.equal(await place.files(), ["tiny.pth.part"]);
    const { size } = await stat(place.part);
    assert.ok(size > 0 && size < body.length);
    place.server.answer(sendRange);
    const seen: number[] = [];
    await place.pull({ onProgress: ({ received }) => seen.push(received) });
    assert.is(place.server.ranges.at(-1), `bytes=${size}-`);
    assert.ok(seen[0] > size);
    await assertPulled(place);
  }));

test("a server that ignores ranges sends it all again", () =>
  withServer([breakAfter(100_000), ignoreRange], async (place) => {
    await place.pull();
    assert.ok(place.server.ranges[1]);
    await assertPulled(place);
  }));

test("a part that is wrong, too long, or complete already", () =>
  withServer([sendRange], async (place) => {
    for (const part of [wrong.slice(0, 250_000), new Uint8Array(400_000), wrong, body]) {
      await writeFile(place.part, part);
      await place.pull();
      await assertPulled(place);
      await rm(place.final);
    }
    assert.equal(place.server.ranges, ["bytes=250000-", undefined, undefined, undefined]);
  }));

test("a server that refuses to go on", () =>
  withServer([status(416), sendRange], async (place) => {
    await writeFile(place.part, body.subarray(0, 1000));
    await place.pull();
    assert.equal(place.server.ranges, ["bytes=1000-", undefined]);
    await assertPulled(place);
  }));

test("wrong bytes leave nothing behind", () =>
  withServer([sendOther(wrong)], async (place) => {
    await rejectsCode(place.pull(), "PULL_WRONG_HASH", /sha256/);
    assert.equal(await place.files(), []);
    assert.is(place.server.ranges.length, 1);
  }));

test("another size is refused, stated or not", () =>
  withServer([sendOther(body.subarray(1))], async (place) => {
    await rejectsCode(place.pull(), "PULL_WRONG_SIZE", /299999 bytes/);
    place.server.answer(sendOther(new Uint8Array(2_000_000), true));
    await rejectsCode(place.pull(), "PULL_WRONG_SIZE", /more than 300000/);
    assert.ok(!(await place.files()).includes("tiny.pth"));
    place.server.answer(sendRange);
    await place.pull();
    await assertPulled(place);
  }));

test("a range that is not the one asked for is refused", () =>
  withServer(
    [
      (_, response) =>
        void response.writeHead(206, { "content-range": "bytes 7-9/300000" }).end("abc"),
    ],
    async (place) => {
      await rejectsCode(place.pull(), "PULL_WRONG_SIZE");
      assert.ok(!(await place.files()).includes("tiny.pth"));
    },
  ));

test("404 is final, a busy server is asked again", () =>
  withServer([status(404)], async (place) => {
    await rejectsCode(place.pull(), "PULL_NOT_FOUND", /404/);
    assert.is(place.server.ranges.length, 1);
    place.server.answer(status(403));
    await rejectsCode(place.pull(), "PULL_REFUSED", /403/);
    assert.is(place.server.ranges.length, 2);
    place.server.answer(status(503), status(429), sendRange);
    await place.pull();
    await assertPulled(place);
  }));

test("no server", () =>
  withServer([sendRange], async (place) => {
    const url = "http://127.0.0.1:9/file.pth";
    const registry = [{ name: "tiny", url, bytes: body.length, sha256, licence: "MIT" }];
    await rejectsCode(place.pull({ registry, retries: 1 }), "PULL_OFFLINE", /can not be reached/);
  }));

test("a silent connection is given up", () =>
  withServer([stallAfter(1000), sendRange], async (place) => {
    await place.pull({ silence: 200 });
    await assertPulled(place);
    assert.is(place.server.ranges.length, 2);
  }));

test("an unknown name lists the known ones", () =>
  withServer([sendRange], async () => {
    await rejectsCode(pullWeights("nothing"), "PULL_UNKNOWN_NAME", /mobilenet0\.25/);
  }));

test("the caller's signal stops it at once, and a later call goes on", () =>
  withServer([stallAfter(5000)], async (place) => {
    const controller = new AbortController();
    const start = performance.now();
    const onProgress = () => controller.abort();
    await rejectsCode(place.pull({ signal: controller.signal, onProgress }), "PULL_ABORTED");
    assert.ok(performance.now() - start < 5000);
    await rejectsCode(place.pull({ signal: AbortSignal.abort() }), "PULL_ABORTED");
    assert.equal(await place.files(), ["tiny.pth.part"]);
    place.server.answer(status(503));
    const later = AbortSignal.timeout(100);
    await rejectsCode(place.pull({ signal: later, retryDelay: 60_000 }), "PULL_ABORTED");
    place.server.answer(sendRange);
    await place.pull();
    await assertPulled(place);
  }));

test("a damaged file in the cache is replaced", () =>
  withServer([sendRange], async (place) => {
    for (const damaged of [wrong, body.subarray(0, 5)]) {
      await writeFile(place.final, damaged);
      assert.not((await place.pull()).cached);
      await assertPulled(place);
    }
  }));

test("a file in the cache survives a failure to replace it", () =>
  withServer([breakAfter(1000)], async (place) => {
    await writeFile(place.final, wrong);
    await rejectsCode(place.pull({ retries: 0 }), "PULL_INTERRUPTED");
    assert.is(Buffer.compare(await readFile(place.final), wrong), 0);
  }));

test("a process killed in the middle leaves a part that the next one goes on with", () =>
  withServer([stallAfter(70_000)], async (place) => {
    const code = `
      const { pullWeights } = await import(${JSON.stringify(MODULE)});
      const registry = [{ name: "tiny", url: ${JSON.stringify(place.server.url)},
        bytes: ${body.length}, sha256: "${sha256}", licence: "MIT" }];
      await pullWeights("tiny", { cacheDir: ${JSON.stringify(place.cacheDir)}, registry,
        onProgress: ({ received }) => received === 70_000 && process.kill(process.pid, "SIGKILL") });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore" });
    const [, signal] = await once(child, "exit");
    assert.is(signal, "SIGKILL");
    const [left, ...more] = await place.files();
    assert.match(left, /^tiny\.pth\.\d+\.[0-9a-f]{8}\.part$/);
    assert.equal(more, []);
    place.server.answer(sendRange);
    await place.pull();
    assert.is(place.server.ranges.at(-1), "bytes=70000-");
    await assertPulled(place);
  }));

test("two at once do each other no harm", () =>
  withServer([sendRange], async (place) => {
    for (let repeat = 0; repeat < 5; repeat++) {
      await Promise.all([place.pull(), place.pull(), place.pull()]);
      await assertPulled(place);
      await rm(place.final);
    }
  }));

test("a cache folder that can not be used", () =>
  withServer([sendRange], async (place) => {
    const file = path.join(place.cacheDir, "file");
    await writeFile(file, "");
    await rejectsCode(place.pull({ cacheDir: file }), "PULL_CACHE_UNWRITABLE", /XDG_CACHE_HOME/);
    const below = path.join(file, "below");
    await rejectsCode(place.pull({ cacheDir: below }), "PULL_CACHE_UNWRITABLE");
    await mkdir(place.final);
    await rejectsCode(place.pull(), "PULL_CACHE_UNWRITABLE");
  }));

/** Pulls in a process of its own, in a shell that first does `limit`; gives the code of what it throws. */
async function pullElsewhere({ server, cacheDir }: Place, limit: string): Promise<string> {
  const code = `
    const { pullWeights } = await import(${JSON.stringify(MODULE)});
    const registry = [{ name: "tiny", url: ${JSON.stringify(server.url)},
      bytes: ${body.length}, sha256: "${sha256}", licence: "MIT" }];
    await pullWeights("tiny", { cacheDir: ${JSON.stringify(cacheDir)}, registry })
      .then(() => console.log("pulled"), (error) => console.log(error.code));`;
  const node = [process.execPath, "--input-type=module", "-e", code];
  const child = spawn("sh", ["-c", `${limit}; exec "$0" "$@"`, ...node], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  await once(child, "close");
  return text.trim();
}

if (process.platform === "win32") skip(test, "a full disk", "needs ulimit");
else {
  test("a full disk: what fitted is kept, and a later call goes on", () =>
    withServer([sendRange], async (place) => {
      assert.is(await pullElsewhere(place, "ulimit -f 128"), "PULL_DISK_FULL");
      assert.equal(await place.files(), ["tiny.pth.part"]);
      await place.pull();
      await assertPulled(place);
    }));
}

test("a link or a second name at the part's place is not written through", () =>
  withServer([sendRange], async (place) => {
    const other = path.join(place.cacheDir, "other");
    for (const make of [symlink, link]) {
      await writeFile(other, "mine");
      await make(other, place.part);
      await place.pull();
      assert.is(await readFile(other, "utf8"), "mine");
      assert.is(Buffer.compare(await readFile(place.final), body), 0);
      for (const file of await place.files()) await rm(path.join(place.cacheDir, file));
    }
    await symlink(path.join(place.cacheDir, "nowhere"), place.part);
    await place.pull();
    assert.equal(await place.files(), ["tiny.pth", "tiny.pth.part"]);
  }));

test("a second download does not write into what the first has published", () =>
  withServer([], async (place) => {
    let published = () => {};
    const wait = new Promise<void>((resolve) => {
      published = resolve;
    });
    const slow: Answer = async (_request, response) => {
      response.writeHead(200, { "content-length": body.length });
      response.write(wrong.subarray(0, 100_000));
      await wait;
      response.end(wrong.subarray(100_000));
    };
    place.server.answer(slow, sendRange);
    let started = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const first = rejectsCode(
      place.pull({ retries: 0, onProgress: () => started() }),
      "PULL_WRONG_HASH",
    );
    await begun;
    await place.pull();
    assert.is(Buffer.compare(await readFile(place.final), body), 0);
    published();
    await first;
    await assertPulled(place);
  }));

/** One byte now and then, without an end. */
const drip: Answer = (_request, response) => {
  response.writeHead(200, { "content-length": body.length });
  const timer = setInterval(() => response.write("x"), 5);
  response.on("close", () => clearInterval(timer));
};

test("a steady drip is given up, by its rate or by the limit, and not tried again", () =>
  withServer([drip], async (place) => {
    const slow = { silence: 100, leastRate: 10_000 };
    await rejectsCode(place.pull(slow), "PULL_TOO_SLOW", /10000 bytes a second.*pull again/);
    await rejectsCode(place.pull({ leastRate: 0, limit: 100 }), "PULL_TOO_SLOW", /0\.1 s/);
    assert.is(place.server.ranges.length, 2);
    assert.equal(await place.files(), ["tiny.pth.part"]);
  }));

/** Leads elsewhere. */
const leadTo =
  (location: string | undefined): Answer =>
  (_request, response) =>
    void response.writeHead(302, location === undefined ? {} : { location }).end("moved");

test("redirections: a few are followed; loops, other schemes and no place are final", () =>
  withServer([leadTo("/file.pth"), leadTo("other.pth"), sendRange], async (place) => {
    await place.pull();
    await assertPulled(place);
    await rm(place.final);
    const before = place.server.ranges.length;
    const refused = [
      [place.server.url, /more than 5/],
      ["file:///etc/passwd", /file:.*not followed/],
      ["ftp://example.com/x", /not followed/],
      ["data:,x", /not followed/],
      ["http://[", /not followed/],
      [undefined, /nowhere/],
    ] as const;
    for (const [location, message] of refused) {
      place.server.answer(leadTo(location));
      await rejectsCode(place.pull({ retryDelay: 60_000 }), "PULL_REDIRECT", message);
    }
    assert.is(place.server.ranges.length - before, 6 + 5);
    assert.equal(await place.files(), []);
  }));

test("the cache folder of each system", () => {
  const at = (platform: NodeJS.Platform, env: Record<string, string>, home: string) =>
    cacheFolder(env, platform, home);
  assert.is(at("linux", {}, "/home/a"), "/home/a/.cache/retinaface-webgpu");
  assert.is(at("linux", { XDG_CACHE_HOME: "/c" }, "/home/a"), "/c/retinaface-webgpu");
  assert.is(at("darwin", {}, "/Users/a"), "/Users/a/Library/Caches/retinaface-webgpu");
  const local = "C:\\Users\\a\\AppData\\Local";
  assert.is(at("win32", { LOCALAPPDATA: local }, "C:\\Users\\a"), `${local}\\retinaface-webgpu`);
  assert.is(at("win32", {}, "C:\\Users\\a"), `${local}\\retinaface-webgpu`);
});

test.run();
