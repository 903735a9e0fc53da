import { type ChildProcess, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RetinaFace, readBytes, toRawImage } from "retinaface-webgpu";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findPhotos } from "../../../packages/retinaface/dist/cli/photos.js";
import { start } from "../support/command.node.js";
import { encodePng } from "../support/png-encoder.node.js";
import { skip } from "../support/skip.js";
import { rejectsCode } from "../support/throws.js";

/* Whatever is read ends: by its end, by a limit, or by the user. */

const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const INDEX = import.meta.resolve("retinaface-webgpu");
const test = suite("reads");
const photo = encodePng({ width: 9, height: 7, depth: 8, colourType: 2, sample: (x) => x * 9 });
let folder = "";

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "reads-"));
});
test.after(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);

/** Waits until a process has a file open. */
async function hasOpen({ pid }: ChildProcess, file: string): Promise<void> {
  for (let wait = 0; wait < 2000; wait++) {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const fd of open) {
      const leadsTo = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      if (leadsTo === file) return;
    }
    await sleep(5);
  }
  throw new Error(`${file} was not opened`);
}

const names = async (argument: string) =>
  (await findPhotos([argument])).map(({ file, error }) => error?.code ?? file);

test("names that look like URLs or patterns are files where they exist", async () => {
  await mkdir(at("back\\dir"));
  await writeFile(at("back\\dir/x.png"), photo);
  const before = process.cwd();
  process.chdir(folder);
  try {
    for (const name of ["file:x.png", "back\\y.png", "http:z.png", "[a]*.png", "file:%41.png"]) {
      await writeFile(name, photo);
      assert.is((await toRawImage(name)).width, 9, name);
      assert.equal(await names(name), [name]);
      await rm(name);
    }
    assert.equal(await names("back\\dir"), ["back\\dir/x.png"]);
    await rejectsCode(RetinaFace.load({ weights: "file:absent.pth" }), "WEIGHTS_NOT_FOUND");
    await writeFile("file:w.pth", "no weights");
    await rejectsCode(RetinaFace.load({ weights: "file:w.pth" }), "CHECKPOINT_UNSUPPORTED");
  } finally {
    process.chdir(before);
  }
});

test("a folder: links that go round or nowhere, an image's name on something else", async () => {
  await mkdir(at("walk/sub"), { recursive: true });
  await writeFile(at("walk/sub/a.png"), photo);
  await symlink("..", at("walk/sub/up"));
  await symlink("loop", at("walk/loop"));
  await symlink("nowhere", at("walk/dead.jpg"));
  await mkdir(at("walk/folder.jpg"));
  if (process.platform !== "win32") spawnSync("mkfifo", [at("walk/pipe.jpg")]);
  const found = await findPhotos([at("walk")]);
  assert.equal(
    found.map(({ file, error }) => [path.relative(at("walk"), file), error?.code]),
    [
      ["dead.jpg", undefined],
      ...(process.platform === "win32" ? [] : [["pipe.jpg", "READ_FAILED"]]),
      ["sub/a.png", undefined],
    ],
  );
});

test("the reason is ours for each way in which a name is no file", async () => {
  await symlink("circle", at("circle"));
  const cases: [string, RegExp][] = [
    [at("absent"), /there is no such file/],
    [path.join(at("back\\dir/x.png"), "below"), /there is no such file/],
    [folder, /not a file|folder/],
    [at("circle"), /goes round/],
    [at("x".repeat(300)), /too long/],
  ];
  if (process.platform === "linux") cases.push(["/dev/zero", /not a file/]);
  for (const [name, message] of cases) await rejectsCode(readBytes(name), "READ_FAILED", message);
});

if (process.platform !== "linux") {
  skip(test, "pipes", "needs Linux's pipes and /proc");
} else {
  test("a photo through a pipe, also when its writer comes late", async () => {
    spawnSync("mkfifo", [at("late")]);
    const read = readBytes(at("late"));
    await sleep(30);
    const { ended } = start("sh", ["-c", 'cat "$0" > "$1"', at("back\\dir/x.png"), at("late")]);
    assert.is(Buffer.compare(await read, photo), 0);
    await ended;
    assert.ok((await readBytes("/proc/self/status")).length > 100, "a file of unknown size");
  });

  test("a read of a pipe heeds the signal, and the process ends", async () => {
    spawnSync("mkfifo", [at("silent")]);
    const code = `
      const { RetinaFace, readBytes } = await import(${JSON.stringify(INDEX)});
      const detector = await RetinaFace.load();
      for (const work of [(signal) => readBytes(process.argv[1], signal),
                          (signal) => detector.detect(process.argv[1], { signal })]) {
        await work(AbortSignal.timeout(50)).catch((error) => console.log(error.name));
      }
      detector.dispose();`;
    const args = ["--input-type=module", "-e", code, at("silent")];
    const began = performance.now();
    const { code: status, stdout, stderr } = await start(process.execPath, args).ended;
    assert.is(status, 0, stderr);
    assert.is(stdout, "TimeoutError\nTimeoutError\n");
    assert.ok(performance.now() - began < 20_000);
  });

  test("a signal that comes while a pipe is opened counts", async () => {
    spawnSync("mkfifo", [at("racing")]);
    for (let turns = 0; turns < 40; turns++) {
      const controller = new AbortController();
      const read = readBytes(at("racing"), controller.signal);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      controller.abort(Object.assign(new Error("enough"), { code: "ENOUGH" }));
      await rejectsCode(read, "ENOUGH");
    }
  });

  test("an endless pipe is read up to the limit", async () => {
    const code = `
      const { readBytes } = await import(${JSON.stringify(INDEX)});
      await readBytes("/dev/stdin").catch((error) => console.log(error.code, error.message));
      console.log(process.resourceUsage().maxRSS >> 10);`;
    const shell = 'cat /dev/zero | "$0" --input-type=module -e "$1"';
    const { stdout } = await start("sh", ["-c", shell, process.execPath, code]).ended;
    const [line, peak] = stdout.trim().split("\n");
    assert.match(line, /READ_FAILED cannot read \/dev\/stdin: it holds more than 512 MiB/);
    assert.ok(Number(peak) < 900, `${peak} MiB at the most`);
  });

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`${signal} ends a command that waits for a pipe`, async () => {
      const pipe = at(`wait-${signal}`);
      spawnSync("mkfifo", [pipe]);
      const commands = [
        ["detect", pipe],
        ["convert", pipe, at("out.safetensors")],
        ["detect", at("back\\dir/x.png"), "--weights", pipe],
      ];
      for (const args of commands) {
        const { child, ended } = start(process.execPath, [MAIN, ...args]);
        await hasOpen(child, pipe);
        child.kill(signal);
        const killed = setTimeout(() => child.kill("SIGKILL"), 5000);
        const { code: status, stderr } = await ended;
        clearTimeout(killed);
        assert.is(status, code, `${args.join(" ")}: ${stderr}`);
      }
    });
  }

  test("a second SIGINT ends what does not heed the first, with 130", async () => {
    const deaf = at("deaf.mjs");
    await writeFile(deaf, "AbortController.prototype.abort = () => {};");
    spawnSync("mkfifo", [at("deaf")]);
    const { child, ended } = start(process.execPath, [
      "--import",
      deaf,
      MAIN,
      "detect",
      at("deaf"),
    ]);
    await hasOpen(child, at("deaf"));
    child.kill("SIGINT");
    await sleep(300);
    assert.is(child.exitCode, null, "the first is not heeded");
    child.kill("SIGINT");
    const killed = setTimeout(() => child.kill("SIGKILL"), 5000);
    const { code, signal } = await ended;
    clearTimeout(killed);
    assert.ok(code === 130 || signal === "SIGINT", `${code} ${signal}: shells call both 130`);
  });
}

test.run();
