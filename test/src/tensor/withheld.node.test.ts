/** Devices without optional features and raised limits: `npm run test:limits` is the whole of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../support/repository.node.js";
import { runTests } from "../support/runner.node.js";

const EVERYTHING = "limits,timestamp-query,shader-f16,subgroups";

const PROBE = `
import { Device } from ${JSON.stringify(import.meta.resolve("@retinaface-webgpu/tensor"))};
import { test } from ${JSON.stringify(import.meta.resolve("uvu"))};
test("probe", async () => {
  const device = await Device.create();
  const { features, limits } = device.gpuDevice;
  const has = ["timestamp-query", "shader-f16", "subgroups"].filter((name) => features.has(name));
  console.log("has " + JSON.stringify([limits.maxComputeInvocationsPerWorkgroup, ...has]));
  device.destroy();
  throw new Error("to see the output");
});
test.run();
`;

async function offered(withhold: string): Promise<unknown[]> {
  const { stdout } = await runTests("node", { "probe.test.js": PROBE }, "--withhold", withhold);
  return JSON.parse(/has (.*)/.exec(stdout)?.[1] ?? "[]");
}

test("what is withheld is not there", async () => {
  assert.equal(await offered(EVERYTHING), [256]);
  const rest = await offered("subgroups");
  assert.not(rest.includes("subgroups"));
});

test("convolutions, the detector and its extremes work without any of it", async () => {
  const args = [path.join(repository, "tools/test.mjs"), "node", "--withhold", EVERYTHING];
  const child = spawn(
    process.execPath,
    [...args, "--filter", "^node tensor/(ops/conv2d|device|extremes)$"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  const [code] = await once(child, "close");
  assert.is(code, 0, output);
  assert.match(output, /\n\d\d+ passed, 0 failed, 0 skipped\n$/);
});

test.run();
