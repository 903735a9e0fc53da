/** Node and Deno give the same numbers on their own implementations of WebGPU: Dawn and wgpu. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { importTool } from "../support/repository.node.js";

interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const { deno, runSmoke } = await importTool<{
  deno(): Runtime;
  runSmoke(
    runtime: Runtime,
    steps: number,
    timeoutMs: number,
  ): Promise<{ adapter: string; faces: number; losses: number[] }>;
}>("tools/lib/runtimes.mjs");

const node: Runtime = { name: "Node", program: process.execPath, args: [] };
const STEPS = 20;
const TIMEOUT_MS = 200_000;

test("twenty steps of fine-tuning the heads lose the same in Node and in Deno", async () => {
  const [here, there] = await Promise.all([
    runSmoke(node, STEPS, TIMEOUT_MS),
    runSmoke(deno(), STEPS, TIMEOUT_MS),
  ]);
  assert.is(there.faces, here.faces);
  assert.is(here.losses.length, STEPS);
  const largest = assertClose(there.losses, here.losses, { atol: 1e-4, what: "losses" });
  console.log(`# ${here.adapter} and ${there.adapter}: losses differ by ${largest} at most`);
});

test("a runtime that fails says how, and one that does not end is given up", async () => {
  const fails = (args: string[], timeoutMs: number) =>
    runSmoke({ ...node, args }, 1, timeoutMs).then(
      () => "no error",
      (error: Error) => error.message,
    );
  assert.match(
    await fails(["--no-such-option"], TIMEOUT_MS),
    /^Node: exit code 9\n.*no-such-option/s,
  );
  assert.match(await fails(["-e", "setInterval(() => {}, 1000)"], 1000), "did not end within 1 s");
});

test.run();
