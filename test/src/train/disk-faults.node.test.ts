import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type StateDict, writeSafetensors } from "@retinaface-webgpu/tensor";
import { readTrainingCheckpoint } from "@retinaface-webgpu/train";
import { readCheckpoint } from "retinaface-webgpu";
import { writeFileAtomic } from "retinaface-webgpu/node";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { encodePng } from "../support/png-encoder.node.js";
import { skip } from "../support/skip.js";
import { rejectsCode } from "../support/throws.js";
import { tinyWeights } from "../support/tiny-detector.js";

/* What the commands leave where the disk is full or read-only, or where they are killed. */

const device = useDevice(test);
const MAIN = fileURLToPath(
  new URL("../../../packages/retinaface/dist/program/main.js", import.meta.url),
);
const OLD = "what was there before";
let folder = "";

test.before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "retinaface-disk-"));
  await writeFile(path.join(folder, "in.safetensors"), largeCheckpoint());
});
test.after(() => rm(folder, { recursive: true, force: true }));

/** 8 MiB, so that writing takes a while. */
function largeCheckpoint(): Uint8Array {
  const data = new Float32Array(2 ** 21).fill(0.5);
  const state: StateDict = new Map([["weight", { dtype: "f32", shape: [2 ** 21], data }]]);
  return writeSafetensors(state);
}

/** A folder with an old result in it. */
async function place(name: string): Promise<{ home: string; out: string }> {
  const home = path.join(folder, name);
  const out = path.join(home, "out.safetensors");
  await mkdir(home);
  await writeFile(out, OLD);
  return { home, out };
}

function run(command: string, args: readonly string[], options: SpawnOptions = {}) {
  const child = spawn(command, args, { cwd: folder, ...options });
  let stderr = "";
  let stdout = "";
  child.stderr?.on("data", (data) => {
    stderr += data;
  });
  child.stdout?.on("data", (data) => {
    stdout += data;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

const CONVERT = [MAIN, "convert", "--overwrite", "in.safetensors"];

if (process.platform === "win32") {
  skip(test, "no room on the disk", "needs ulimit");
} else {
  test("no room on the disk: the old file stays, nothing else is left, the reason is told", async () => {
    const { home, out } = await place("full");
    const limited = `ulimit -f 2048; exec "$0" "$@"`;
    const { code, stdout, stderr } = await run("sh", [
      "-c",
      limited,
      process.execPath,
      ...CONVERT,
      out,
    ]).ended;
    assert.is(code, 1, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /out\.safetensors: .*(full|too large|larger).*WRITE_FAILED/s);
    assert.is(await readFile(out, "utf8"), OLD);
    assert.equal(await readdir(home), ["out.safetensors"]);
  });
}

const user = process.getuid?.();
if (user === undefined) {
  skip(test, "a read-only folder", "needs permissions as Unix has them");
} else {
  test("a read-only folder", async () => {
    const { home, out } = await place("read-only");
    await chmod(folder, 0o755);
    await chmod(home, 0o555);
    // The administrator may write anywhere: another user has to try.
    const nobody = user === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { code, stdout, stderr } = await run(process.execPath, [...CONVERT, out], nobody).ended;
    assert.is(code, 1, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /out\.safetensors: permission denied.*WRITE_FAILED/s);
    assert.is(await readFile(out, "utf8"), OLD);
    assert.equal(await readdir(home), ["out.safetensors"]);
    await chmod(home, 0o755);
  });
}

if (process.platform === "linux") {
  test("a file system that takes no files", () =>
    rejectsCode(writeFileAtomic("/proc/self/out", Buffer.from("new")), "WRITE_FAILED"));
}

/** Writes one checkpoint of a training run after the other, as `train` does; step n holds n everywhere. */
const KEEP_SAVING = `
import { RunFiles } from ${JSON.stringify(import.meta.resolve("@retinaface-webgpu/train/node"))};
const files = new RunFiles(process.argv[2]);
const steps = Number(process.argv[3] ?? Infinity);
for (let step = 1; step <= steps; step++) {
  const data = new Float32Array(2 ** 19).fill(step);
  const network = new Map([["weight", { dtype: "f32", shape: [data.length], data }]]);
  const optimizer = { groups: [], tensors: new Map() };
  await files.writeCheckpoint({ state: { step, network, optimizer }, extra: {} });
  process.stdout.write(step + "\\n");
}
`;

/** The step of a run's checkpoint, which must be whole. */
async function savedStep(home: string): Promise<number> {
  const bytes = await readFile(path.join(home, "checkpoint.safetensors"));
  const { state } = readTrainingCheckpoint(bytes);
  const data = state.network.get("weight")!.data as Float32Array;
  assert.is(data.length, 2 ** 19);
  assert.ok(data.every((value) => value === state.step));
  return state.step;
}

const unfinished = async (home: string) =>
  (await readdir(home).catch(() => [])).filter((name) => name.endsWith(".tmp"));

test("killed in the middle of a training checkpoint: the last one is whole", async () => {
  const program = path.join(folder, "keep-saving.mjs");
  const home = path.join(folder, "run");
  await writeFile(program, KEEP_SAVING);
  let hits = 0;
  for (let kill = 0; kill < 8 && hits < 1; kill++) {
    const { child, ended } = run(process.execPath, [program, home]);
    await once(child.stdout!, "data");
    while ((await unfinished(home)).length === 0) await sleep(1);
    await sleep(kill);
    child.kill("SIGKILL");
    const finished = Number((await ended).stdout.trim().split("\n").at(-1));
    const step = await savedStep(home);
    assert.ok(step === finished || step === finished + 1, `${step} after ${finished}`);
    const left = await unfinished(home);
    if (left.length > 0) hits++;
    for (const name of left) await rm(path.join(home, name));
  }
  assert.ok(hits > 0, "no kill came in the middle");
});

if (process.platform !== "win32") {
  test("no room for a training checkpoint: the last one stays, the reason is told", async () => {
    const program = path.join(folder, "keep-saving.mjs");
    const home = path.join(folder, "full-run");
    await writeFile(program, KEEP_SAVING);
    const whole = run(process.execPath, [program, home, "1"]);
    await whole.ended;
    const limited = 'ulimit -f 1024; exec "$0" "$@"';
    const { code, stdout, stderr } = await run("sh", [
      "-c",
      limited,
      process.execPath,
      program,
      home,
    ]).ended;
    assert.is(code, 1, stderr);
    assert.is(stdout, "");
    assert.match(stderr, /checkpoint\.safetensors: .*larger/);
    assert.match(stderr, "WRITE_FAILED");
    assert.is(await savedStep(home), 1);
    assert.equal(await readdir(home), ["checkpoint.safetensors"]);
  });
}

test("killed while it writes: the old file stays, the next run replaces it", async () => {
  const { home, out } = await place("killed");
  const { child, ended } = run(process.execPath, [...CONVERT, out]);
  let running = true;
  ended.then(() => {
    running = false;
  });
  while (running && (await readdir(home)).length < 2) await sleep(1);
  child.kill("SIGKILL");
  await ended;
  const left = await readFile(out);
  if (left.length !== OLD.length) assert.is(readCheckpoint(left).size, 1, "old or whole, not part");
  const { code, stderr } = await run(process.execPath, [...CONVERT, out]).ended;
  assert.is(code, 0, stderr);
  assert.equal(readCheckpoint(await readFile(out)).get("weight")?.shape, [2 ** 21]);
});

/** Loaded before a command: every way out of the machine throws and is told on standard error. */
const NO_NETWORK = `
import dns from "node:dns";
import net from "node:net";
import dgram from "node:dgram";
const refuse = (what) => () => {
  console.error("NETWORK " + what);
  throw new Error("the network was used: " + what);
};
globalThis.fetch = refuse("fetch");
net.Socket.prototype.connect = refuse("connect");
dgram.Socket.prototype.send = refuse("send");
dns.lookup = refuse("lookup");
dns.promises.lookup = refuse("lookup");
`;

test("detect and convert use no network", async () => {
  const weights = path.join(folder, "tiny.safetensors");
  await writeFile(weights, await tinyWeights(device()));
  const photo = { width: 40, height: 32, depth: 8, colourType: 2, sample: () => 90 } as const;
  await writeFile(path.join(folder, "photo.png"), encodePng(photo));
  const guard = path.join(folder, "no-network.mjs");
  await writeFile(guard, NO_NETWORK);
  const guarded = (...args: string[]) =>
    run(process.execPath, ["--import", guard, MAIN, ...args], {
      env: { ...process.env, RETINAFACE_WEIGHTS: "", XDG_CACHE_HOME: folder },
    }).ended;
  const detected = await guarded("detect", "photo.png", "--weights", weights);
  assert.is(detected.code, 0, detected.stderr);
  assert.type(JSON.parse(detected.stdout).faces.length, "number");
  const converted = await guarded("convert", weights, "half.safetensors", "--half");
  assert.is(converted.code, 0, converted.stderr);
  const refused = await guarded("detect", "https://example.com/a.jpg", "--weights", weights);
  assert.is(refused.code, 1);
  const missing = await guarded("detect", "photo.png");
  for (const { stderr } of [detected, converted, refused, missing]) {
    assert.not.match(stderr, "NETWORK");
  }
  const used = ["--import", guard, "--eval", "fetch('http://127.0.0.1')"];
  const { stderr } = await run(process.execPath, used).ended;
  assert.match(stderr, "NETWORK fetch", "the guard notices");
});

test.run();
