/* A worker that waits for a GPU ends without ending the process. Each case is a process of its own. */
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../support/command.node.js";

const index = new URL("../../../packages/tensor/dist/index.js", import.meta.url).href;

/** Reads results again and again; told apart by what it does when they end. */
const WORKER = `
  const { Device, closeDevices, matmul, tensor } = await import(${JSON.stringify(index)});
  const { parentPort, workerData } = await import("node:worker_threads");
  const values = new Float32Array(128 * 128).fill(0.01);
  let device = await Device.create();
  const work = async () => {
    const a = tensor(device, values, [128, 128]);
    const sum = await matmul(a, a).data();
    a.dispose();
    return sum;
  };
  await work();
  parentPort.postMessage("ready");
  if (workerData === "leaves") setTimeout(() => closeDevices().then(() => process.exit(7)), 20);
  if (workerData === "hears nothing") for (;;);
  try {
    for (;;) await work();
  } catch (error) {
    parentPort.postMessage(error.code);
    parentPort.postMessage(await Device.create().then(() => "made", ({ code }) => code));
    if (workerData === "stays") setInterval(() => {}, 1000);
  }
`;
const MAIN = `
  const { closeWorker } = await import(${JSON.stringify(index)});
  const { Worker } = await import("node:worker_threads");
  const [how] = process.argv.slice(1);
  const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(process.env.PROGRAM)), { workerData: how });
  const ended = new Promise((resolve) => worker.on("exit", resolve));
  worker.on("message", async (message) => {
    console.log("worker:", message);
    if (message !== "ready" || how === "leaves") return;
    await new Promise((resolve) => setTimeout(resolve, 30));
    const options = how === "hears nothing" ? { timeout: 200 } : undefined;
    await closeWorker(worker, options).catch(({ code }) => console.log("main:", code));
    if (how === "hears nothing") worker.terminate();
  });
  const code = await ended;
  console.log(how === "leaves" ? "code " + code : "still alive");
`;

async function run(how: string): Promise<{ code: number | null; lines: string[] }> {
  const env = { ...process.env, PROGRAM: WORKER };
  const args = ["--input-type=module", "-e", MAIN, how];
  const cwd = fileURLToPath(new URL("../../../", import.meta.url));
  const { code, stdout, stderr } = await start(process.execPath, args, { env, cwd }).ended;
  assert.is(code, 0, stderr);
  return { code, lines: stdout.trim().split("\n") };
}

test("closeWorker while it waits, whether it has more to do or not", async () => {
  for (const how of ["ends", "stays"]) {
    const { lines } = await run(how);
    assert.is(lines[0], "worker: ready");
    assert.ok(lines.includes("worker: DEVICE_LOST"), lines.join());
    assert.is(lines.at(-1), "still alive");
    if (how === "stays") assert.ok(lines.includes("worker: CLOSING"), lines.join());
  }
});

test("closeDevices, then process.exit, while it waits", async () => {
  const { lines } = await run("leaves");
  assert.is(lines.at(-1), "code 7");
});

test("a worker that does not answer is named, and not terminated", async () => {
  const { lines } = await run("hears nothing");
  assert.ok(lines.includes("main: WORKER_BUSY"), lines.join());
});

test.run();
